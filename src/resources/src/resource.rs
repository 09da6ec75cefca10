//! The resource.k8s.io group.

mod claim;
mod device_class;
mod requests;
mod slice;

pub use claim::{RESOURCE_CLAIM, RESOURCE_CLAIM_TEMPLATE};
pub use device_class::DEVICE_CLASS;
pub use slice::RESOURCE_SLICE;

const GROUP: &str = "resource.k8s.io";
const NOT_YET: Option<&str> = Some("no devices are allocated");
