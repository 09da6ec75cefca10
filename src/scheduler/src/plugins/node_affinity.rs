//! Respects `nodeSelector` and node affinity, required and preferred.

use crate::framework::{
    CycleState, Filter, Plugin, PreFilter, PreFiltered, Rejection, Score, Weighted,
    normalize_by_highest,
};
use crate::node::NodeInfo;
use crate::pod::PodInfo;
use crate::snapshot::Snapshot;
use crate::wakeup::{ClusterEvent, EventKind, Subject};

pub static PLUGIN: Plugin = Plugin {
    events: &[EventKind::NodeAdd, EventKind::NodeLabel],
    hint: |pod, event| is_accepted(pod, event),
    pre_filter: Some(&NodeAffinity),
    filter: Some(&NodeAffinity),
    score: Some(Weighted {
        score: &NodeAffinity,
        weight: 2,
    }),
    ..Plugin::named("NodeAffinity")
};

struct NodeAffinity;

fn is_accepted(pod: &PodInfo, event: &ClusterEvent<'_>) -> bool {
    match event.subject {
        Subject::Node(node) => pod.node_affinity.accepts(node),
        _ => true,
    }
}

impl PreFilter for NodeAffinity {
    fn pre_filter(
        &self,
        _: &mut CycleState,
        pod: &PodInfo,
        _: &Snapshot,
    ) -> Result<PreFiltered, Rejection> {
        if pod.node_affinity.is_unrestricted() {
            return Ok(PreFiltered::Skip);
        }
        match pod.node_affinity.named_nodes() {
            None => Ok(PreFiltered::All),
            Some(names) if names.is_empty() => {
                Err(Rejection::unresolvable("pod affinity terms conflict"))
            }
            Some(names) => Ok(PreFiltered::Only(names)),
        }
    }
}

impl Filter for NodeAffinity {
    fn filter(&self, _: &CycleState, pod: &PodInfo, node: &NodeInfo) -> Result<(), Rejection> {
        if pod.node_affinity.accepts(node) {
            return Ok(());
        }
        let why = "node(s) didn't match Pod's node affinity/selector";
        Err(Rejection::unresolvable(why))
    }
}

impl Score for NodeAffinity {
    fn score(&self, _: &CycleState, pod: &PodInfo, node: &NodeInfo) -> i64 {
        let preferred = pod.node_affinity.preferred.iter();
        let matching = preferred.filter(|(_, term)| term.matches(node));
        matching.map(|(weight, _)| weight).sum()
    }

    fn normalize(&self, scores: &mut [i64]) {
        normalize_by_highest(scores, false);
    }
}
