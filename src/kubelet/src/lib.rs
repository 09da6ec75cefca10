//! The node's agent: pods that are bound to this node run here, and the API says how they are.
//!
//! Owns pod workers, statuses, volumes, pods' cgroups, the node's own object and lease, and the
//! HTTPS server that logs are read from.
//!
//! Invariant: decisions are pure functions (`pod::plan`, `pod::status`) of what the API wants and
//! what the runtime has; the executors keep nothing that a restart could not find again.
//!
//! It must not know how containers are made (`cri` stands between), nor the store, nor other
//! components: a client and a node name are all it needs.

mod cgroup;
mod clean;
mod client_references;
mod dial;
mod dns;
mod duration;
mod env;
mod expand;
mod fields;
mod hooks;
mod http_get;
mod kubelet;
mod logs;
mod metrics;
mod node;
mod options;
mod orphans;
mod pod;
mod pods;
mod probe;
mod references;
mod resources;
mod server;
mod shared;
#[cfg(test)]
mod testing;
mod tokens;
mod volumes;

pub use clean::clean;
pub use kubelet::{Kubelet, Parts, StartError};
pub use node::NodeFacts;
pub use options::Options;
pub use server::{Caller, Gate};
pub use shared::Events;
