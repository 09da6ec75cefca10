//! The rbac.authorization.k8s.io group.

mod binding;
mod role;

pub use binding::{CLUSTER_ROLE_BINDING, ROLE_BINDING};
pub use role::{CLUSTER_ROLE, ROLE};

const GROUP: &str = "rbac.authorization.k8s.io";
