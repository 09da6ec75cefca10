//! Spreads pods evenly over domains, as far as their constraints ask for it.
//!
//! Upstream's default constraints, which guide the scores of pods without any of their own by
//! the Services and owners that select them, are left out: with one node there is one domain.

use crate::framework::{CycleState, Filter, Plugin, PreFilter, PreFiltered, Rejection, Weighted};
use crate::node::NodeInfo;
use crate::pod::PodInfo;
use crate::snapshot::Snapshot;
use crate::spread::{SpreadConstraint, has_all_keys};
use crate::topology::Domains;
use crate::wakeup::{ClusterEvent, EventKind, Subject};

mod score;

#[cfg(test)]
mod tests;

const NAME: &str = "PodTopologySpread";

pub static PLUGIN: Plugin = Plugin {
    events: &[
        EventKind::AssignedPodAdd,
        EventKind::AssignedPodLabel,
        EventKind::AssignedPodDelete,
        EventKind::PodLabel,
        EventKind::PodTolerations,
        EventKind::NodeAdd,
        EventKind::NodeLabel,
        EventKind::NodeTaint,
        EventKind::NodeDelete,
    ],
    hint: |pod, event| may_help(pod, event),
    pre_filter: Some(&PodTopologySpread),
    filter: Some(&PodTopologySpread),
    pre_score: Some(&score::Evenness),
    score: Some(Weighted {
        score: &score::Evenness,
        weight: 2,
    }),
    ..Plugin::named(NAME)
};

struct PodTopologySpread;

/// The pods to be spread, per constraint that must hold, in the pod's order.
struct Counts(Vec<Domains>);

fn hard(pod: &PodInfo) -> impl Iterator<Item = &SpreadConstraint> + Clone {
    pod.spread.iter().filter(|constraint| constraint.hard)
}

/// Broader than upstream's hint for labels of nodes: a label may also decide, by the pod's node
/// affinity, whether the node is part of a domain. That is rare enough.
fn may_help(pod: &PodInfo, event: &ClusterEvent<'_>) -> bool {
    let matches = |other: &PodInfo| hard(pod).any(|constraint| constraint.matches(other));
    let honors_taints = || hard(pod).any(|constraint| constraint.honors_taints);
    match (event.kind, event.subject) {
        (EventKind::PodTolerations | EventKind::NodeTaint, _) => honors_taints(),
        (EventKind::PodLabel | EventKind::NodeLabel, _) => true,
        (_, Subject::Pod(other)) => other.key.namespace == pod.key.namespace && matches(other),
        (_, Subject::Relabelled { old, new }) => {
            old.key.namespace == pod.key.namespace
                && hard(pod).any(|constraint| constraint.matches(old) != constraint.matches(new))
        }
        (_, Subject::Node(node)) => has_all_keys(node, hard(pod)),
        (_, Subject::Namespace(_)) => false,
    }
}

/// How many pods of a node count for a constraint, `None` when the node is part of no domain.
fn share(pod: &PodInfo, node: &NodeInfo, constraint: &SpreadConstraint) -> Option<i64> {
    let counts = has_all_keys(node, hard(pod)) && constraint.includes(pod, node);
    counts.then(|| constraint.count(pod, node))
}

impl PreFilter for PodTopologySpread {
    fn pre_filter(
        &self,
        state: &mut CycleState,
        pod: &PodInfo,
        snapshot: &Snapshot,
    ) -> Result<PreFiltered, Rejection> {
        let counts = hard(pod).map(|constraint| {
            let mut domains = Domains::default();
            for node in snapshot.nodes() {
                if let Some(share) = share(pod, node, constraint) {
                    domains.add(node, &constraint.topology_key, share);
                }
            }
            domains.rank();
            domains
        });
        let counts = Counts(counts.collect());
        if counts.0.is_empty() {
            return Ok(PreFiltered::Skip);
        }
        state.write(NAME, counts);
        Ok(PreFiltered::All)
    }
}

impl Filter for PodTopologySpread {
    fn filter(&self, state: &CycleState, pod: &PodInfo, node: &NodeInfo) -> Result<(), Rejection> {
        let counts = state.read::<Counts>(NAME);
        let counts = counts.into_iter().flat_map(|counts| &counts.0);
        for (constraint, domains) in hard(pod).zip(counts) {
            let Some(domain) = node.labels.get(&constraint.topology_key) else {
                let why = "node(s) didn't match pod topology spread constraints \
                           (missing required label)";
                return Err(Rejection::unresolvable(why));
            };
            if skew(pod, node, constraint, domains, domain) > constraint.max_skew {
                let why = "node(s) didn't match pod topology spread constraints";
                return Err(Rejection::unschedulable(why));
            }
        }
        Ok(())
    }
}

/// How many pods more than the emptiest domain the node's would have with the pod.
fn skew(
    pod: &PodInfo,
    node: &NodeInfo,
    constraint: &SpreadConstraint,
    domains: &Domains,
    domain: &str,
) -> i64 {
    let present = share(pod, node, constraint).unwrap_or(0);
    let here = domains.elsewhere(node, domain) + present;
    // A node that is part of no domain does not make the emptiest one.
    let counted = domains.contains(domain).then_some(here);
    let least = if domains.len() < constraint.min_domains {
        0
    } else {
        let others = domains.least_beside(domain).into_iter();
        others.chain(counted).min().unwrap_or(0)
    };
    here + i64::from(constraint.matches(pod)) - least
}
