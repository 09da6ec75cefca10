//! The apps group.

mod deployment;
mod replica_set;

pub use deployment::DEPLOYMENT;
pub use replica_set::REPLICA_SET;

use crate::row::Subresource;

/// Scale of the workloads that count replicas.
pub(crate) const SCALE: Subresource = Subresource::Scale {
    spec_replicas: "/spec/replicas",
    status_replicas: "/status/replicas",
    selector: "/spec/selector",
};
