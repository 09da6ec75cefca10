//! Decides which node a pod runs on, and binds it there.
//!
//! Owns the queue of pods that wait for a node, the snapshot of nodes and of the pods that hold
//! them, the plugins (`plugins::PLUGINS`), and the loop [`run`] around the pure `plan::plan`.
//!
//! Invariant: one pod is decided at a time, against a snapshot that counts every decision made
//! before it, seen in the cluster or not. A rejected pod sleeps until something happens that
//! one of the plugins that rejected it has named.
//!
//! It must not know the store, the registry, the kubelet or any controller. Plugins must not
//! know the API.

mod amount;
mod budget;
mod diagnosis;
mod effects;
mod events;
mod framework;
mod metrics;
mod node;
mod node_affinity;
mod plan;
mod plugins;
mod pod;
mod pod_affinity;
mod ports;
mod preemption;
mod queue;
mod scheduler;
mod selector;
mod snapshot;
mod spread;
mod topology;
mod wakeup;

#[cfg(test)]
mod testing;

pub use scheduler::{SchedulerCx, run};
