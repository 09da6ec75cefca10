//! What a new pod begins with.

use std::collections::BTreeSet;

use apimachinery::{FieldErrors, Object};
use serde_json::{Value, json};

use super::qos;
use crate::at::At;
use crate::json::{self, Json, each_mut};

pub(super) fn first_status(pod: &Object) -> Value {
    let mut status = json!({"phase": "Pending", "qosClass": qos::class(pod)});
    let gates = pod.at("/spec/schedulingGates").and_then(Value::as_array);
    if gates.is_some_and(|gates| !gates.is_empty()) {
        status["conditions"] = json!([{
            "type": "PodScheduled",
            "status": "False",
            "reason": "SchedulingGated",
            "message": "Scheduling is blocked due to non-empty scheduling gates",
        }]);
    }
    status
}

const POD_TERMS: [&[&str]; 4] = [
    &[
        "podAffinity",
        "requiredDuringSchedulingIgnoredDuringExecution",
    ],
    &[
        "podAffinity",
        "preferredDuringSchedulingIgnoredDuringExecution",
        "podAffinityTerm",
    ],
    &[
        "podAntiAffinity",
        "requiredDuringSchedulingIgnoredDuringExecution",
    ],
    &[
        "podAntiAffinity",
        "preferredDuringSchedulingIgnoredDuringExecution",
        "podAffinityTerm",
    ],
];

/// Writes `matchLabelKeys` out as expressions over the pod's own labels, so that the scheduler
/// needs to know selectors only.
pub(super) fn merge_match_label_keys(pod: &mut Object) {
    let labels = pod
        .metadata()
        .and_then(|metadata| json::map(metadata, "labels"))
        .cloned()
        .unwrap_or_default();
    let Some(spec) = json::map_mut(pod, "spec") else {
        return;
    };
    let mut merge = |term: &mut Json| {
        merge_keys(term, "matchLabelKeys", "In", &labels);
        merge_keys(term, "mismatchLabelKeys", "NotIn", &labels);
    };
    for path in POD_TERMS {
        let path: Vec<&str> = std::iter::once("affinity")
            .chain(path.iter().copied())
            .collect();
        each_mut(spec, &path, &mut merge);
    }
    each_mut(spec, &["topologySpreadConstraints"], &mut merge);
}

/// A key that comes again is written out once more, and refused for that by validation; more often
/// it would say nothing new, and make of four bytes three hundred.
fn merge_keys(term: &mut Json, field: &str, operator: &str, labels: &Json) {
    let (mut once, mut twice) = (BTreeSet::new(), BTreeSet::new());
    let expressions: Vec<Value> = json::texts(term, field)
        .filter(|key| once.insert(*key) || twice.insert(*key))
        .filter_map(|key| {
            let value = labels.get(key)?;
            Some(json!({"key": key, "operator": operator, "values": [value]}))
        })
        .collect();
    let Some(selector) = json::map_mut(term, "labelSelector") else {
        return;
    };
    if expressions.is_empty() {
        return;
    }
    let list = selector
        .entry("matchExpressions")
        .or_insert_with(|| json!([]));
    if let Value::Array(list) = list {
        list.extend(expressions);
    }
}

/// What annotations mean for pods.
pub(super) fn validate_annotations(pod: &Object, errors: &mut FieldErrors) {
    let annotations = At::root(pod, "metadata").child("annotations");
    let spec = At::root(pod, "spec");
    for (key, annotation) in annotations.entries() {
        match key {
            "kubernetes.io/config.mirror" if spec.child("nodeName").text().is_empty() => {
                errors.push(
                    annotation.invalid("must set spec.nodeName if mirror pod annotation is set"),
                );
            }
            "controller.kubernetes.io/pod-deletion-cost" => {
                let text = annotation.text();
                let is_plain = text == "0" || !text.starts_with(['+', '0']);
                if !is_plain || text.starts_with("-0") || text.parse::<i32>().is_err() {
                    errors.push(annotation.invalid("must be a 32bit integer"));
                }
            }
            _ => {}
        }
    }
}

/// What only a pod that exists may have.
pub(super) fn validate_new(spec: &At<'_>, errors: &mut FieldErrors) {
    let ephemeral = spec.child("ephemeralContainers");
    if !ephemeral.is_zero() {
        errors.push(ephemeral.forbidden("cannot be set on create"));
    }
    let (gates, node) = (spec.child("schedulingGates"), spec.child("nodeName"));
    if !gates.is_zero() && !node.text().is_empty() {
        errors.push(node.forbidden("cannot be set until all schedulingGates have been cleared"));
    }
}
