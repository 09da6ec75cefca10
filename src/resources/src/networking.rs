//! The networking.k8s.io group.

mod ingress;
mod ingress_class;
mod ip_address;
mod network_policy;
mod service_cidr;

pub use ingress::INGRESS;
pub use ingress_class::INGRESS_CLASS;
pub use ip_address::IP_ADDRESS;
pub use network_policy::NETWORK_POLICY;
pub use service_cidr::SERVICE_CIDR;

use apimachinery::FieldErrors;

use crate::at::At;
use crate::meta::{dns_subdomain, path_segment};

const GROUP: &str = "networking.k8s.io";

/// A reference to an object of any kind in the same namespace.
fn validate_reference(reference: &At<'_>, errors: &mut FieldErrors) {
    let group = reference.child("apiGroup");
    if group.is_present() {
        group.check(dns_subdomain, errors);
    }
    for field in ["kind", "name"] {
        let at = reference.child(field);
        if at.text().is_empty() {
            errors.push(at.required(&format!("{field} is required")));
        } else {
            at.check(path_segment, errors);
        }
    }
}
