//! Gives a node no more than it has, and prefers the emptier one (LeastAllocated).

use crate::framework::{CycleState, Filter, MAX_SCORE, Plugin, Rejection, Score, Weighted};
use crate::node::NodeInfo;
use crate::pod::PodInfo;
use crate::wakeup::{ClusterEvent, EventKind, Subject};

pub static PLUGIN: Plugin = Plugin {
    events: &[
        EventKind::NodeAdd,
        EventKind::NodeAllocatable,
        EventKind::AssignedPodDelete,
        EventKind::AssignedPodScaleDown,
        EventKind::PodScaleDown,
    ],
    hint: |pod, event| may_fit(pod, event),
    filter: Some(&NodeResourcesFit),
    score: Some(Weighted {
        score: &NodeResourcesFit,
        weight: 1,
    }),
    ..Plugin::named("NodeResourcesFit")
};

struct NodeResourcesFit;

/// A node that is still too full is not worth another try.
fn may_fit(pod: &PodInfo, event: &ClusterEvent<'_>) -> bool {
    match event.subject {
        Subject::Node(node) => shortage(pod, node).is_none(),
        _ => true,
    }
}

fn shortage(pod: &PodInfo, node: &NodeInfo) -> Option<Rejection> {
    let mut reasons = Vec::new();
    let mut unresolvable = false;
    if node.pod_count() >= node.allowed_pods {
        reasons.push("Too many pods".to_owned());
    }
    for (name, wanted) in pod.requests.entries() {
        let all = node.allocatable.get(name);
        if wanted > all - node.requested.get(name) {
            reasons.push(format!("Insufficient {name}"));
            unresolvable |= wanted > all;
        }
    }
    (!reasons.is_empty()).then_some(Rejection {
        unresolvable,
        reasons,
    })
}

impl Filter for NodeResourcesFit {
    fn filter(&self, _: &CycleState, pod: &PodInfo, node: &NodeInfo) -> Result<(), Rejection> {
        shortage(pod, node).map_or(Ok(()), Err)
    }
}

impl Score for NodeResourcesFit {
    /// The mean of the free shares of CPU and memory, as they would be with the pod.
    fn score(&self, _: &CycleState, pod: &PodInfo, node: &NodeInfo) -> i64 {
        let shares = [
            (
                node.allocatable.milli_cpu,
                node.scored.milli_cpu + pod.scored.milli_cpu,
            ),
            (
                node.allocatable.memory,
                node.scored.memory + pod.scored.memory,
            ),
        ];
        let counted = shares.into_iter().filter(|(all, _)| *all > 0);
        let scores: Vec<i64> = counted.map(|(all, used)| free_share(all, used)).collect();
        let count = i64::try_from(scores.len()).unwrap_or(i64::MAX);
        scores.iter().sum::<i64>() / count.max(1)
    }
}

fn free_share(all: i64, used: i64) -> i64 {
    if used > all {
        return 0;
    }
    // In 128 bits: 100 times an exabyte does not fit into 64.
    let share = i128::from(all - used) * i128::from(MAX_SCORE) / i128::from(all);
    i64::try_from(share).unwrap_or(MAX_SCORE)
}
