//! The last say on a write: the built-in admission plugins and the chain that runs them.
//!
//! Entry point: [`Chain::built_in`], in upstream's order.
//!
//! Invariant: a plugin changes an object in its mutate pass only, and every validator sees the
//! object as it will be stored.
//!
//! It must not know storage or HTTP: what plugins look up comes through [`ObjectSource`],
//! [`ServiceAccountSource`] and [`AudienceSource`].

mod chain;
mod default_toleration_seconds;
mod limit_ranger;
mod metrics;
mod namespace_lifecycle;
mod node_restriction;
mod pod_security;
mod priority;
mod request;
mod runtime_class;
mod service_account;
mod sources;
mod taint_nodes_by_condition;

#[cfg(test)]
mod testing;

pub use chain::Chain;
pub use default_toleration_seconds::DefaultTolerationSeconds;
pub use limit_ranger::LimitRanger;
pub use metrics::{AdmissionMetrics, Stopwatch};
pub use namespace_lifecycle::NamespaceLifecycle;
pub use node_restriction::NodeRestriction;
pub use pod_security::PodSecurity;
pub use priority::Priority;
pub use runtime_class::RuntimeClass;
pub use service_account::ServiceAccount;
pub use sources::{AudienceSource, ObjectSource, ServiceAccountSource};
pub use taint_nodes_by_condition::TaintNodesByCondition;
