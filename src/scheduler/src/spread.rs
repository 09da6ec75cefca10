//! How evenly a pod wants its like spread: topology spread constraints, ready to be counted.
//!
//! `matchLabelKeys` are part of the selectors since the API server created the pod.

use api::core::TopologySpreadConstraint;
use api::taint::untolerated;
use api::wellknown::taints::{NO_EXECUTE, NO_SCHEDULE};
use apimachinery::LabelSelector;

use crate::node::NodeInfo;
use crate::pod::PodInfo;
use crate::selector::{compile, selects};

/// Compiled from a pod's spec.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpreadConstraint {
    pub topology_key: String,
    /// How many more pods than in the emptiest domain there may be.
    pub max_skew: i64,
    /// `DoNotSchedule`; otherwise `ScheduleAnyway`, which only guides scores.
    pub hard: bool,
    /// With fewer domains, the emptiest one is taken to be empty.
    pub min_domains: usize,
    selector: LabelSelector,
    /// Nodes that the pod's node affinity and selector refuse are no domains.
    honors_affinity: bool,
    /// Nor are those with taints that it does not tolerate.
    pub honors_taints: bool,
}

impl SpreadConstraint {
    #[must_use]
    pub fn of(constraint: &TopologySpreadConstraint) -> Self {
        let honors = |policy: &Option<String>, default: &str| {
            policy.as_deref().unwrap_or(default) == "Honor"
        };
        let min_domains = constraint.min_domains.unwrap_or(1);
        Self {
            topology_key: constraint.topology_key.clone(),
            max_skew: constraint.max_skew.into(),
            hard: constraint.when_unsatisfiable == "DoNotSchedule",
            min_domains: min_domains.try_into().unwrap_or(1),
            selector: compile(constraint.label_selector.as_ref()),
            honors_affinity: honors(&constraint.node_affinity_policy, "Honor"),
            honors_taints: honors(&constraint.node_taints_policy, "Ignore"),
        }
    }

    /// Whether a pod is one of those to be spread; its namespace is for the caller to look at.
    #[must_use]
    pub fn matches(&self, pod: &PodInfo) -> bool {
        selects(&self.selector, &pod.labels)
    }

    /// Whether a node with the topology key is part of a domain for a pod.
    #[must_use]
    pub fn includes(&self, pod: &PodInfo, node: &NodeInfo) -> bool {
        let tolerated = || {
            let effects = [NO_SCHEDULE, NO_EXECUTE];
            untolerated(&node.taints, &pod.tolerations, &effects).is_none()
        };
        (!self.honors_affinity || pod.node_affinity.accepts(node))
            && (!self.honors_taints || tolerated())
    }

    /// How many pods on a node are to be spread together with a pod. Those that leave do not
    /// count.
    #[must_use]
    pub fn count(&self, pod: &PodInfo, node: &NodeInfo) -> i64 {
        let others = node.pods.values();
        let counted = others.filter(|other| {
            !other.terminating && other.key.namespace == pod.key.namespace && self.matches(other)
        });
        counted.map(|_| 1).sum()
    }
}

/// Whether a node has the topology keys of all constraints.
pub fn has_all_keys<'a>(
    node: &NodeInfo,
    constraints: impl IntoIterator<Item = &'a SpreadConstraint>,
) -> bool {
    let mut constraints = constraints.into_iter();
    constraints.all(|constraint| node.labels.contains_key(&constraint.topology_key))
}
