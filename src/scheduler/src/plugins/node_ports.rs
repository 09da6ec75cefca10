//! Keeps two pods from taking one port of the host.

use crate::framework::{CycleState, Filter, Plugin, PreFilter, PreFiltered, Rejection};
use crate::node::NodeInfo;
use crate::pod::PodInfo;
use crate::snapshot::Snapshot;
use crate::wakeup::{ClusterEvent, EventKind, Subject};

pub static PLUGIN: Plugin = Plugin {
    events: &[EventKind::NodeAdd, EventKind::AssignedPodDelete],
    hint: |pod, event| frees_ports(pod, event),
    pre_filter: Some(&NodePorts),
    filter: Some(&NodePorts),
    ..Plugin::named("NodePorts")
};

struct NodePorts;

fn frees_ports(pod: &PodInfo, event: &ClusterEvent<'_>) -> bool {
    let Subject::Pod(gone) = event.subject else {
        return true;
    };
    let wanted = |port| pod.ports.iter().any(|own| own.conflicts(port));
    gone.ports.iter().any(wanted)
}

impl PreFilter for NodePorts {
    fn pre_filter(
        &self,
        _: &mut CycleState,
        pod: &PodInfo,
        _: &Snapshot,
    ) -> Result<PreFiltered, Rejection> {
        if pod.ports.is_empty() {
            Ok(PreFiltered::Skip)
        } else {
            Ok(PreFiltered::All)
        }
    }
}

impl Filter for NodePorts {
    fn filter(&self, _: &CycleState, pod: &PodInfo, node: &NodeInfo) -> Result<(), Rejection> {
        if !node.ports.conflict(&pod.ports) {
            return Ok(());
        }
        let why = "node(s) didn't have free ports for the requested pod ports";
        Err(Rejection::unschedulable(why))
    }
}
