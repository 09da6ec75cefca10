//! Which pods and claims a quota is about.

use apimachinery::{Object, Operator, Requirement};
use serde_json::Value;

use crate::{Pod, view};

/// One condition of `spec.scopes` or `spec.scopeSelector`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    pub name: String,
    requirement: Requirement,
}

/// The conditions of a ResourceQuota; one that validation does not let in is passed over.
#[must_use]
pub fn scopes(quota: &Object) -> Vec<Scope> {
    let items = |pointer| {
        let list = quota.at(pointer).and_then(Value::as_array);
        list.into_iter().flatten()
    };
    let plain = items("/spec/scopes").filter_map(Value::as_str);
    let plain = plain.map(|name| Scope::new(name, Operator::Exists, Vec::new()));
    let selected = items("/spec/scopeSelector/matchExpressions").filter_map(|item| {
        let operator = match item["operator"].as_str()? {
            "In" => Operator::In,
            "NotIn" => Operator::NotIn,
            "Exists" => Operator::Exists,
            "DoesNotExist" => Operator::DoesNotExist,
            _ => return None,
        };
        let values = item["values"].as_array().into_iter().flatten();
        let values = values.filter_map(Value::as_str).map(Into::into).collect();
        Some(Scope::new(item["scopeName"].as_str()?, operator, values))
    });
    plain.chain(selected).collect()
}

/// Whether a pod meets every condition.
pub(super) fn matches_pod(object: &Object, scopes: &[Scope]) -> bool {
    // What does not decode was refused by validation.
    view::<Pod>(object).is_ok_and(|pod| scopes.iter().all(|scope| scope.matches_pod(&pod)))
}

impl Scope {
    fn new(name: &str, operator: Operator, mut values: Vec<String>) -> Self {
        values.sort();
        Self {
            name: name.to_owned(),
            requirement: Requirement {
                key: name.to_owned(),
                operator,
                values,
            },
        }
    }

    fn matches_pod(&self, pod: &Pod) -> bool {
        let spec = pod.spec.as_ref();
        match self.name.as_str() {
            "Terminating" => is_bounded(pod),
            "NotTerminating" => !is_bounded(pod),
            "BestEffort" => is_best_effort(pod),
            "NotBestEffort" => !is_best_effort(pod),
            "PriorityClass" => {
                let class = spec.and_then(|spec| spec.priority_class_name.as_deref());
                let class = class.filter(|class| !class.is_empty());
                self.requirement.matches(class)
            }
            "CrossNamespacePodAffinity" => looks_elsewhere(pod),
            _ => false,
        }
    }

    /// Every attributes class that a claim has, had or shall have counts.
    pub(super) fn matches_claim(&self, claim: &Object) -> bool {
        let pointers = [
            "/spec/volumeAttributesClassName",
            "/status/currentVolumeAttributesClassName",
            "/status/modifyVolumeStatus/targetVolumeAttributesClassName",
        ];
        let classes = pointers.map(|pointer| {
            let class = claim.at(pointer).and_then(Value::as_str);
            class.filter(|class| !class.is_empty())
        });
        let mut named = classes.iter().flatten().peekable();
        if self.name != "VolumeAttributesClass" {
            false
        } else if named.peek().is_none() {
            self.requirement.matches(None)
        } else {
            named.any(|class| self.requirement.matches(Some(class)))
        }
    }
}

/// Runs for a limited time.
fn is_bounded(pod: &Pod) -> bool {
    let deadline = pod
        .spec
        .as_ref()
        .and_then(|spec| spec.active_deadline_seconds);
    deadline.is_some_and(|seconds| seconds >= 0)
}

/// By its status, which has the class from the pod's creation on; before that, by its amounts.
fn is_best_effort(pod: &Pod) -> bool {
    let class = pod
        .status
        .as_ref()
        .and_then(|status| status.qos_class.as_deref());
    if let Some(class) = class.filter(|class| !class.is_empty()) {
        return class == "BestEffort";
    }
    let Some(spec) = &pod.spec else {
        return true;
    };
    let containers = spec.containers.iter();
    let containers = containers.chain(spec.init_containers.iter().flatten());
    let resources = containers.filter_map(|container| container.resources.as_ref());
    let lists = resources
        .chain(&spec.resources)
        .flat_map(|resources| [&resources.requests, &resources.limits]);
    let amounts = lists.map(|list| crate::requests::parse(list.as_ref()));
    !amounts
        .flatten()
        .any(|(name, amount)| ["cpu", "memory"].contains(&name.as_str()) && !amount.is_zero())
}

/// Whether a pod's affinity asks about pods of other namespaces.
fn looks_elsewhere(pod: &Pod) -> bool {
    let affinity = pod.spec.as_ref().and_then(|spec| spec.affinity.as_ref());
    let Some(affinity) = affinity else {
        return false;
    };
    let near = affinity.pod_affinity.as_ref().map(|a| {
        (
            &a.required_during_scheduling_ignored_during_execution,
            &a.preferred_during_scheduling_ignored_during_execution,
        )
    });
    let far = affinity.pod_anti_affinity.as_ref().map(|a| {
        (
            &a.required_during_scheduling_ignored_during_execution,
            &a.preferred_during_scheduling_ignored_during_execution,
        )
    });
    near.into_iter().chain(far).any(|(required, preferred)| {
        let preferred = preferred
            .iter()
            .flatten()
            .map(|term| &term.pod_affinity_term);
        let mut terms = required.iter().flatten().chain(preferred);
        terms.any(|term| {
            term.namespaces
                .as_ref()
                .is_some_and(|list| !list.is_empty())
                || term.namespace_selector.is_some()
        })
    })
}
