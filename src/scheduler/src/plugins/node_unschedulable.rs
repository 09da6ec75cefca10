//! Respects `spec.unschedulable`, which `kubectl cordon` sets.

use api::core::Taint;
use api::taint::tolerates;
use api::wellknown::taints;

use crate::framework::{CycleState, Filter, Plugin, Rejection};
use crate::node::NodeInfo;
use crate::pod::PodInfo;
use crate::wakeup::EventKind;

pub static PLUGIN: Plugin = Plugin {
    events: &[
        EventKind::NodeAdd,
        EventKind::NodeTaint,
        EventKind::PodTolerations,
    ],
    filter: Some(&NodeUnschedulable),
    ..Plugin::named("NodeUnschedulable")
};

struct NodeUnschedulable;

impl Filter for NodeUnschedulable {
    fn filter(&self, _: &CycleState, pod: &PodInfo, node: &NodeInfo) -> Result<(), Rejection> {
        if !node.unschedulable {
            return Ok(());
        }
        let taint = Taint {
            key: taints::UNSCHEDULABLE.to_owned(),
            effect: taints::NO_SCHEDULE.to_owned(),
            ..Taint::default()
        };
        if pod.tolerations.iter().any(|t| tolerates(t, &taint)) {
            return Ok(());
        }
        Err(Rejection::unresolvable("node(s) were unschedulable"))
    }
}
