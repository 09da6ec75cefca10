//! A PodDisruptionBudget as preemption sees it.

use std::collections::BTreeSet;

use api::Kind;
use api::policy::PodDisruptionBudget;
use apimachinery::LabelSelector;

use crate::pod::PodInfo;
use crate::selector::{compile, selects};

/// How many of its pods may still be disrupted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Budget {
    namespace: String,
    selector: LabelSelector,
    pub allowed: i32,
    /// Pods whose disruption is counted already.
    disrupted: BTreeSet<String>,
}

impl Budget {
    #[must_use]
    pub fn of(budget: &PodDisruptionBudget) -> Self {
        let selector = budget.spec.as_ref().and_then(|spec| spec.selector.as_ref());
        let status = budget.status.as_ref();
        let disrupted = status.and_then(|status| status.disrupted_pods.as_ref());
        Self {
            namespace: budget.namespace().to_owned(),
            selector: compile(selector),
            allowed: status.map_or(0, |status| status.disruptions_allowed),
            disrupted: disrupted
                .into_iter()
                .flatten()
                .map(|(n, _)| n.clone())
                .collect(),
        }
    }

    /// Whether disrupting the pod would count. A pod without labels belongs to no budget, nor
    /// does any to an empty selector.
    #[must_use]
    pub fn covers(&self, pod: &PodInfo) -> bool {
        *self.namespace == *pod.key.namespace
            && !pod.labels.is_empty()
            && !self.selector.is_everything()
            && selects(&self.selector, &pod.labels)
            && !self.disrupted.contains(&*pod.key.name)
    }
}
