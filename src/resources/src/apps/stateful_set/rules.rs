//! Rules of StatefulSets.

use std::collections::HashSet;

use super::super::{Counters, keep_collisions, validate_counters};
use apimachinery::{FieldError, FieldErrors, LabelSelector, Object, Path};
use serde_json::{Value, json};

use crate::at::{At, not_negative};
use crate::json::{self, Json};
use crate::meta::{dns_label, dns_subdomain};
use crate::podspec::{
    validate_claim_spec, validate_lasting, validate_pod_template, validate_selector,
    validate_template_labels,
};

/// What an update may change.
const MUTABLE: [&str; 7] = [
    "replicas",
    "ordinals",
    "template",
    "updateStrategy",
    "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy",
    "minReadySeconds",
];
const FIXED: &str = "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden";

const COUNTERS: Counters = &[
    ("readyReplicas", "replicas", "status.replicas"),
    ("currentReplicas", "replicas", "status.replicas"),
    ("updatedReplicas", "replicas", "status.replicas"),
    ("availableReplicas", "replicas", "status.replicas"),
    ("availableReplicas", "readyReplicas", "status.readyReplicas"),
];

pub(super) fn validate_new(set: &Object) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let spec = At::root(set, "spec");
    validate_spec(&spec, &mut errors);
    for claim in spec.child("volumeClaimTemplates").items() {
        let name = claim.child("metadata").child("name");
        name.check_optional(dns_subdomain, &mut errors);
        validate_claim_spec(&claim.child("spec"), &mut errors);
    }
    spec.child("serviceName")
        .check_optional(dns_label, &mut errors);
    errors
}

fn validate_spec(spec: &At<'_>, errors: &mut FieldErrors) {
    let policy = spec.child("podManagementPolicy");
    match policy.text() {
        "OrderedReady" | "Parallel" => {}
        _ => errors.push(policy.invalid("must be 'OrderedReady' or 'Parallel'")),
    }
    validate_strategy(&spec.child("updateStrategy"), errors);
    let retention = spec.child("persistentVolumeClaimRetentionPolicy");
    for field in ["whenDeleted", "whenScaled"] {
        retention
            .child(field)
            .one_of_or_none(&["Retain", "Delete"], errors);
    }
    not_negative(&spec.child("replicas"), errors);
    not_negative(&spec.child("minReadySeconds"), errors);
    not_negative(&spec.child("ordinals").child("start"), errors);
    let (selector, template) = (spec.child("selector"), spec.child("template"));
    validate_selector(
        &selector,
        "empty selector is invalid for statefulset",
        errors,
    );
    if let Ok(selector) = LabelSelector::from_value(Some(selector.value)) {
        validate_template_labels(&template, &selector, errors);
    }
    let whole = with_claims(&template, spec);
    let path = template.path.clone();
    validate_pod_template(
        &At {
            path,
            value: &whole,
        },
        errors,
    );
    validate_lasting(&template, "StatefulSet", errors);
}

/// The template with the volumes that its claims become.
fn with_claims(template: &At<'_>, spec: &At<'_>) -> Value {
    let mut whole = template.value.clone();
    let names = spec.child("volumeClaimTemplates");
    let names = names
        .items()
        .map(|claim| claim.child("metadata").child("name").text());
    let Some(pod) = whole.get_mut("spec").and_then(Value::as_object_mut) else {
        return whole;
    };
    let volumes = pod.entry("volumes").or_insert_with(|| json!([]));
    if volumes.is_null() {
        *volumes = json!([]);
    }
    if let Value::Array(volumes) = volumes {
        let mut known: HashSet<String> = volumes
            .iter()
            .filter_map(|volume| volume["name"].as_str().map(str::to_owned))
            .collect();
        for name in names {
            if known.insert(name.to_owned()) {
                let claim = json!({"claimName": name});
                volumes.push(json!({"name": name, "persistentVolumeClaim": claim}));
            }
        }
    }
    whole
}

fn validate_strategy(strategy: &At<'_>, errors: &mut FieldErrors) {
    let rolling = strategy.child("rollingUpdate");
    match strategy.child("type").text() {
        "" => errors.push(strategy.required("")),
        "OnDelete" if rolling.is_present() => {
            errors.push(rolling.invalid("only allowed for updateStrategy 'RollingUpdate'"));
        }
        "OnDelete" => {}
        "RollingUpdate" => not_negative(&rolling.child("partition"), errors),
        _ => errors.push(strategy.invalid("must be 'RollingUpdate' or 'OnDelete'")),
    }
}

pub(super) fn validate_change(new: &Object, old: &Object) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let fixed = |object: &Object| -> Json {
        let mut spec = json::map(object, "spec").cloned().unwrap_or_default();
        spec.retain(|field, _| !MUTABLE.contains(&field.as_str()));
        spec
    };
    validate_spec(&At::root(new, "spec"), &mut errors);
    if !json::same(Some(&fixed(new).into()), Some(&fixed(old).into())) {
        errors.push(FieldError::forbidden(&Path::new("spec"), FIXED));
    }
    errors
}

pub(super) fn validate_status(new: &Object, old: &Object) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let status = At::root(new, "status");
    not_negative(&status.child("observedGeneration"), &mut errors);
    validate_counters(&status, COUNTERS, &mut errors);
    keep_collisions(new, old, &mut errors);
    errors
}
