//! Names, labels and object metadata: formats and rules that all kinds share.

mod formats;

pub use formats::{
    config_map_key, dns_label, dns_subdomain, dns1035_label, env_name, ip, label_value,
    path_segment, percent, port_name, port_number, qualified_name,
};
