//! What a node's silence and its conditions mean: pure functions.

use std::time::Duration;

use api::core::NodeCondition;
use api::wellknown::conditions::{
    DISK_PRESSURE, MEMORY_PRESSURE, NETWORK_UNAVAILABLE, PID_PRESSURE, READY,
};
use api::wellknown::taints::{self, NO_EXECUTE, NO_SCHEDULE};
use api::{Node, Pod, Taint, condition, pod, time};
use jiff::Timestamp;

use crate::cx::NodeMonitorOptions;

/// Conditions that nobody vouches for when the node is silent.
const VOUCHED: [&str; 4] = [READY, MEMORY_PRESSURE, DISK_PRESSURE, PID_PRESSURE];

/// Conditions whose `True` keeps new pods away, and the taints that say so.
const PRESSURES: [(&str, &str); 4] = [
    (MEMORY_PRESSURE, taints::MEMORY_PRESSURE),
    (DISK_PRESSURE, taints::DISK_PRESSURE),
    (NETWORK_UNAVAILABLE, taints::NETWORK_UNAVAILABLE),
    (PID_PRESSURE, taints::PID_PRESSURE),
];

/// `True`, `False` or `Unknown`; `None` when the node has never said.
pub(super) fn readiness(node: &Node) -> Option<&str> {
    let conditions = &node.status.as_ref()?.conditions;
    condition(conditions, READY).map(|ready| ready.status.as_str())
}

/// How much longer the node may be silent.
pub(super) fn patience(node: &Node, silent: Duration, options: NodeMonitorOptions) -> Duration {
    let grace = match readiness(node) {
        None => options.startup_grace,
        Some(_) => options.grace,
    };
    grace.saturating_sub(silent)
}

/// The node as its silence makes it: nothing is known of it.
pub(super) fn silenced(node: &Node, now: Timestamp) -> Node {
    let mut after = node.clone();
    let created = node.metadata.creation_timestamp.clone();
    let status = after.status.get_or_insert_default();
    for type_ in VOUCHED {
        let old = condition(&status.conditions, type_);
        if old.is_some_and(|old| old.status == "Unknown") {
            continue;
        }
        let (reason, message) = match old {
            Some(_) => ("NodeStatusUnknown", "Kubelet stopped posting node status."),
            None => (
                "NodeStatusNeverUpdated",
                "Kubelet never posted node status.",
            ),
        };
        let heartbeat = old.map_or(created.clone(), |old| old.last_heartbeat_time.clone());
        let condition = NodeCondition {
            type_: type_.to_owned(),
            status: "Unknown".to_owned(),
            reason: Some(reason.to_owned()),
            message: Some(message.to_owned()),
            last_heartbeat_time: heartbeat,
            last_transition_time: Some(time::seconds(now)),
        };
        api::set_condition(&mut status.conditions, condition);
    }
    after
}

/// The node with the taints that its conditions ask for. Taints of other owners stay. While no
/// node at all is ready (`all_lost`) it is more likely that this end has lost them, so nothing
/// is driven away.
pub(super) fn tainted(node: &Node, all_lost: bool, now: Timestamp) -> Node {
    let mut after = node.clone();
    let wanted = wanted_taints(node, all_lost);
    let old = node.spec.as_ref().and_then(|s| s.taints.clone());
    let old = old.unwrap_or_default();
    let kept = old.iter().filter(|taint| {
        !is_ours(taint) || wanted.contains(&(taint.key.as_str(), taint.effect.as_str()))
    });
    let mut new: Vec<Taint> = kept.cloned().collect();
    for (key, effect) in wanted {
        if !new
            .iter()
            .any(|taint| taint.key == key && taint.effect == effect)
        {
            new.push(Taint {
                key: key.to_owned(),
                effect: effect.to_owned(),
                time_added: Some(time::seconds(now)),
                value: None,
            });
        }
    }
    if new != old {
        after.spec.get_or_insert_default().taints = Some(new);
    }
    after
}

fn wanted_taints(node: &Node, all_lost: bool) -> Vec<(&'static str, &'static str)> {
    let mut wanted = Vec::new();
    let unready = match readiness(node) {
        Some("False") => Some(taints::NOT_READY),
        Some("Unknown") => Some(taints::UNREACHABLE),
        Some(_) => None,
        // Not heard of yet: what registration put there stays.
        None => has(node, taints::NOT_READY, NO_SCHEDULE).then_some(taints::NOT_READY),
    };
    if let Some(key) = unready {
        wanted.push((key, NO_SCHEDULE));
        if readiness(node).is_some() && !all_lost {
            wanted.push((key, NO_EXECUTE));
        }
    }
    let conditions = node.status.as_ref().map(|status| &status.conditions);
    for (type_, key) in PRESSURES {
        if conditions.is_some_and(|conditions| api::is_condition_true(conditions, type_)) {
            wanted.push((key, NO_SCHEDULE));
        }
    }
    if node.spec.as_ref().and_then(|spec| spec.unschedulable) == Some(true) {
        wanted.push((taints::UNSCHEDULABLE, NO_SCHEDULE));
    }
    wanted
}

fn has(node: &Node, key: &str, effect: &str) -> bool {
    let taints = node.spec.as_ref().and_then(|spec| spec.taints.as_ref());
    let mut taints = taints.into_iter().flatten();
    taints.any(|taint| taint.key == key && taint.effect == effect)
}

/// Whether this loop sets and removes the taint.
fn is_ours(taint: &Taint) -> bool {
    let key = taint.key.as_str();
    let readiness = [taints::NOT_READY, taints::UNREACHABLE].contains(&key);
    match taint.effect.as_str() {
        NO_EXECUTE => readiness,
        NO_SCHEDULE => {
            readiness
                || key == taints::UNSCHEDULABLE
                || PRESSURES.iter().any(|(_, pressure)| *pressure == key)
        }
        _ => false,
    }
}

/// The pod as it is on a node that is not ready; `None` when it was not ready anyway.
pub(super) fn unready(pod: &Pod, now: Timestamp) -> Option<Pod> {
    let mut ready = pod::pod_condition(pod, READY)?.clone();
    if ready.status != "True" {
        return None;
    }
    "False".clone_into(&mut ready.status);
    ready.last_transition_time = Some(time::seconds(now));
    ready.observed_generation = pod.metadata.generation;
    let mut after = pod.clone();
    let status = after.status.get_or_insert_default();
    api::set_condition(&mut status.conditions, ready);
    Some(after)
}

#[cfg(test)]
mod tests;
