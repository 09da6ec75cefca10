//! Which nodes a pod prefers for the pods near them, and the pods near them for it.

use std::collections::HashMap;
use std::sync::Arc;

use super::resolved;
use crate::framework::{CycleState, MAX_SCORE, PreScore, PreScored, Score};
use crate::node::NodeInfo;
use crate::pod::PodInfo;
use crate::pod_affinity::{PodAffinity, PodTerm};
use crate::selector::Labels;
use crate::snapshot::Snapshot;

/// Another key than the filter's.
const SCORES: &str = "PreScoreInterPodAffinity";

/// What a required term of another pod is worth that the pod fulfils
/// (`hardPodAffinityWeight`).
const HARD_WEIGHT: i64 = 1;

pub(super) struct Preferences;

/// By topology key, then by domain.
#[derive(Default)]
struct Weights(HashMap<Arc<str>, HashMap<String, i64>>);

impl Weights {
    fn add(&mut self, node: &NodeInfo, term: &PodTerm, weight: i64) {
        if let Some(domain) = node.labels.get(&*term.topology_key) {
            let domains = self.0.entry(term.topology_key.clone()).or_default();
            *domains.entry(domain.clone()).or_default() += weight;
        }
    }

    /// What the pod likes of another one on this node.
    fn add_own(&mut self, own: &PodAffinity, other: &PodInfo, node: &NodeInfo) {
        for (weight, term) in &own.preferred {
            if term.matches(other, &Labels::new()) {
                self.add(node, term, *weight);
            }
        }
    }

    /// What another one on this node likes of the pod.
    fn add_others(&mut self, other: &PodInfo, pod: &PodInfo, namespace: &Labels, node: &NodeInfo) {
        let Some(affinity) = &other.affinity else {
            return;
        };
        let required = affinity.required.iter().map(|term| (HARD_WEIGHT, term));
        let preferred = affinity.preferred.iter().map(|(n, term)| (*n, term));
        for (weight, term) in required.chain(preferred) {
            if term.matches(pod, namespace) {
                self.add(node, term, weight);
            }
        }
    }
}

impl PreScore for Preferences {
    fn pre_score(
        &self,
        state: &mut CycleState,
        pod: &PodInfo,
        snapshot: &Snapshot,
        _: &[&NodeInfo],
    ) -> PreScored {
        let own = resolved(pod, snapshot);
        let namespace = snapshot.namespace(&pod.key.namespace);
        let mut weights = Weights::default();
        for node in snapshot.nodes() {
            if !own.preferred.is_empty() {
                for other in node.pods.values() {
                    weights.add_own(&own, other, node);
                }
            }
            for other in node.with_affinity.values() {
                weights.add_others(other, pod, namespace, node);
            }
        }
        if weights.0.is_empty() {
            return PreScored::Skip;
        }
        state.write(SCORES, weights);
        PreScored::Score
    }
}

impl Score for Preferences {
    fn score(&self, state: &CycleState, _: &PodInfo, node: &NodeInfo) -> i64 {
        let weights = state.read::<Weights>(SCORES);
        let keys = weights.into_iter().flat_map(|weights| &weights.0);
        let found = keys.filter_map(|(key, domains)| {
            let domain = node.labels.get(&**key)?;
            domains.get(domain)
        });
        found.sum()
    }

    /// The worst becomes 0, the best [`MAX_SCORE`].
    fn normalize(&self, scores: &mut [i64]) {
        let least = scores.iter().copied().min().unwrap_or(0);
        let most = scores.iter().copied().max().unwrap_or(0);
        for score in scores {
            *score = if most > least {
                MAX_SCORE * (*score - least) / (most - least)
            } else {
                0
            };
        }
    }
}
