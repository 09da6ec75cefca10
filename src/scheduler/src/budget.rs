//! A PodDisruptionBudget as preemption sees it.

use std::collections::BTreeSet;

use api::policy::PodDisruptionBudget;
use api::{Kind, meta};
use apimachinery::{LabelSelector, Operator, Requirement};

use crate::pod::PodInfo;

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
            selector: selector
                .and_then(compile)
                .unwrap_or_else(LabelSelector::nothing),
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
        let label = |key: &str| pod.labels.get(key).map(String::as_str);
        *self.namespace == *pod.key.namespace
            && !pod.labels.is_empty()
            && !self.selector.is_everything()
            && self.selector.matches(label)
            && !self.disrupted.contains(&*pod.key.name)
    }
}

/// `None` for an operator that validation refuses.
fn compile(selector: &meta::LabelSelector) -> Option<LabelSelector> {
    let mut compiled = LabelSelector::everything();
    let mut add = |key: &String, operator, values| {
        let key = key.clone();
        compiled.requirements.push(Requirement {
            key,
            operator,
            values,
        });
    };
    for (key, value) in selector.match_labels.iter().flatten() {
        add(key, Operator::In, vec![value.clone()]);
    }
    for expression in selector.match_expressions.iter().flatten() {
        let operator = match expression.operator.as_str() {
            "In" => Operator::In,
            "NotIn" => Operator::NotIn,
            "Exists" => Operator::Exists,
            "DoesNotExist" => Operator::DoesNotExist,
            _ => return None,
        };
        let values = expression.values.clone().unwrap_or_default();
        add(&expression.key, operator, values);
    }
    Some(compiled)
}
