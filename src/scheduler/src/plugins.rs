//! The table of plugins, in upstream's default order.

use crate::framework::{Framework, Plugin};

mod balanced_allocation;
mod default_binder;
mod default_preemption;
mod dynamic_resources;
mod inter_pod_affinity;
mod node_affinity;
mod node_name;
mod node_ports;
mod node_resources_fit;
mod node_unschedulable;
mod pod_topology_spread;
mod scheduling_gates;
mod taint_toleration;

#[cfg(test)]
mod tests;

/// Every plugin. Filters stop at the first that rejects a node, so the order shows in texts.
pub const PLUGINS: &[&Plugin] = &[
    &scheduling_gates::PLUGIN,
    &node_unschedulable::PLUGIN,
    &node_name::PLUGIN,
    &taint_toleration::PLUGIN,
    &node_affinity::PLUGIN,
    &node_ports::PLUGIN,
    &node_resources_fit::PLUGIN,
    &pod_topology_spread::PLUGIN,
    &inter_pod_affinity::PLUGIN,
    &dynamic_resources::PLUGIN,
    &default_preemption::PLUGIN,
    &balanced_allocation::PLUGIN,
    &default_binder::PLUGIN,
];

/// What the default scheduler runs.
pub const DEFAULT: Framework = Framework { plugins: PLUGINS };
