//! Names, labels and object metadata: formats and rules that all kinds share.

mod addresses;
mod conditions;
mod formats;
mod object_meta;
mod selector;
mod update;

pub use formats::{
    config_map_key, dns_label, dns_subdomain, dns1035_label, domain_path, env_name, ip,
    label_value, path_segment, percent, port_name, port_number, qualified_name, wildcard,
};
pub use object_meta::{dedup_owner_references, validate_object_meta};
pub use update::validate_object_meta_update;

pub(crate) use addresses::{cidr, is_strictly_inside, parse_cidr, strict_cidr, strict_ip};
pub(crate) use conditions::validate_conditions;
pub(crate) use formats::{Checked, NAME_SIZE, parse_ip};
pub(crate) use object_meta::{validate_annotations, validate_labels};
pub(crate) use selector::validate_label_selector;
