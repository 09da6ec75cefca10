//! How even the spread would be, by the constraints that need not hold.

use std::collections::HashMap;

use api::wellknown::labels::HOSTNAME;

use crate::framework::{CycleState, MAX_SCORE, PreScore, PreScored, Score};
use crate::node::NodeInfo;
use crate::pod::PodInfo;
use crate::snapshot::Snapshot;
use crate::spread::{SpreadConstraint, has_all_keys};

/// Another key than the filter's.
const SCORES: &str = "PreScorePodTopologySpread";

/// The score of a node that misses a topology key, until it is normalized.
const NO_DOMAIN: i64 = -1;

pub(super) struct Evenness;

/// Per constraint, in the pod's order.
struct Tally(Vec<Counted>);

struct Counted {
    /// The pods to be spread, by domain. Only domains of nodes that can do.
    pods: HashMap<String, i64>,
    /// Grows with the number of domains, so that few domains are not drowned by many.
    weight: f64,
}

fn soft(pod: &PodInfo) -> impl Iterator<Item = &SpreadConstraint> + Clone {
    pod.spread.iter().filter(|constraint| !constraint.hard)
}

fn count(
    pod: &PodInfo,
    constraint: &SpreadConstraint,
    snapshot: &Snapshot,
    scored: &[&NodeInfo],
) -> Counted {
    let key = &constraint.topology_key;
    if key == HOSTNAME {
        // Its domains are single nodes, which are counted when they are scored.
        return Counted {
            pods: HashMap::new(),
            weight: weight(scored.len()),
        };
    }
    let domains = scored.iter().filter_map(|node| node.labels.get(key));
    let mut pods: HashMap<String, i64> = domains.map(|domain| (domain.clone(), 0)).collect();
    for node in snapshot.nodes() {
        let domain = node.labels.get(key);
        let counted = domain.and_then(|domain| pods.get_mut(domain));
        if let Some(counted) = counted
            && has_all_keys(node, soft(pod))
            && constraint.includes(pod, node)
        {
            *counted += constraint.count(pod, node);
        }
    }
    let weight = weight(pods.len());
    Counted { pods, weight }
}

fn weight(domains: usize) -> f64 {
    ((domains + 2) as f64).ln()
}

impl PreScore for Evenness {
    fn pre_score(
        &self,
        state: &mut CycleState,
        pod: &PodInfo,
        snapshot: &Snapshot,
        nodes: &[&NodeInfo],
    ) -> PreScored {
        let scored = nodes.iter().copied();
        let scored: Vec<_> = scored
            .filter(|node| has_all_keys(node, soft(pod)))
            .collect();
        let counted = soft(pod).map(|constraint| count(pod, constraint, snapshot, &scored));
        let tally = Tally(counted.collect());
        if tally.0.is_empty() {
            return PreScored::Skip;
        }
        state.write(SCORES, tally);
        PreScored::Score
    }
}

impl Score for Evenness {
    /// The more pods, the worse; `maxSkew` waters differences down.
    fn score(&self, state: &CycleState, pod: &PodInfo, node: &NodeInfo) -> i64 {
        if !has_all_keys(node, soft(pod)) {
            return NO_DOMAIN;
        }
        let tally = state.read::<Tally>(SCORES);
        let counted = tally.into_iter().flat_map(|tally| &tally.0);
        let parts = soft(pod).zip(counted).map(|(constraint, counted)| {
            let domain = node.labels.get(&constraint.topology_key);
            let pods = if constraint.topology_key == HOSTNAME {
                constraint.count(pod, node)
            } else {
                domain
                    .and_then(|d| counted.pods.get(d))
                    .copied()
                    .unwrap_or(0)
            };
            pods as f64 * counted.weight + (constraint.max_skew - 1) as f64
        });
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a count of pods times the logarithm of one of nodes; `as` saturates"
        )]
        let score = parts.sum::<f64>().round() as i64;
        score
    }

    /// The emptiest becomes the best; a node without a domain is the worst.
    fn normalize(&self, scores: &mut [i64]) {
        let valid = scores.iter().copied().filter(|score| *score != NO_DOMAIN);
        let least = valid.clone().min().unwrap_or(0);
        let most = valid.max().unwrap_or(0);
        for score in scores {
            *score = match *score {
                NO_DOMAIN => 0,
                _ if most == 0 => MAX_SCORE,
                score => MAX_SCORE * (most + least - score) / most,
            };
        }
    }
}
