//! Keeps pods off nodes whose taints they do not tolerate.

use api::taint::{tolerates, untolerated};
use api::wellknown::taints::{NO_EXECUTE, NO_SCHEDULE, PREFER_NO_SCHEDULE};

use crate::framework::{
    CycleState, Filter, Plugin, Rejection, Score, Weighted, normalize_by_highest,
};
use crate::node::NodeInfo;
use crate::pod::PodInfo;
use crate::wakeup::{ClusterEvent, EventKind, Subject};

pub static PLUGIN: Plugin = Plugin {
    events: &[
        EventKind::NodeAdd,
        EventKind::NodeTaint,
        EventKind::PodTolerations,
    ],
    hint: |pod, event| is_tolerable(pod, event),
    filter: Some(&TaintToleration),
    score: Some(Weighted {
        score: &TaintToleration,
        weight: 3,
    }),
    ..Plugin::named("TaintToleration")
};

struct TaintToleration;

/// A node that is still not tolerated is not worth another try.
fn is_tolerable(pod: &PodInfo, event: &ClusterEvent<'_>) -> bool {
    match event.subject {
        Subject::Node(node) => untolerated_by(pod, node).is_none(),
        _ => true,
    }
}

fn untolerated_by<'a>(pod: &PodInfo, node: &'a NodeInfo) -> Option<&'a api::Taint> {
    let effects = [NO_SCHEDULE, NO_EXECUTE];
    untolerated(&node.taints, &pod.tolerations, &effects)
}

impl Filter for TaintToleration {
    fn filter(&self, _: &CycleState, pod: &PodInfo, node: &NodeInfo) -> Result<(), Rejection> {
        match untolerated_by(pod, node) {
            None => Ok(()),
            Some(_) => Err(Rejection::unresolvable("node(s) had untolerated taint(s)")),
        }
    }
}

impl Score for TaintToleration {
    /// How many `PreferNoSchedule` taints are not tolerated: fewer is better.
    fn score(&self, _: &CycleState, pod: &PodInfo, node: &NodeInfo) -> i64 {
        let preferences = node
            .taints
            .iter()
            .filter(|t| t.effect == PREFER_NO_SCHEDULE);
        let unwanted = preferences.filter(|t| !pod.tolerations.iter().any(|o| tolerates(o, t)));
        i64::try_from(unwanted.count()).unwrap_or(i64::MAX)
    }

    fn normalize(&self, scores: &mut [i64]) {
        normalize_by_highest(scores, true);
    }
}
