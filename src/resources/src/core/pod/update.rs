//! What may change about a pod.

use std::collections::{BTreeSet, HashSet};

use apimachinery::{FieldError, FieldErrors, Object, Path};
use serde_json::Value;

use super::app_armor;
use crate::at::At;
use crate::json::{self, Json, same};
use crate::podspec::validate_images;

const SPEC: &str = "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";
const MIRROR: &str = "kubernetes.io/config.mirror";

/// Errors of an update of the pod itself; both specs are defaulted.
pub(super) fn validate_spec_update(new: &Object, old: &Object, errors: &mut FieldErrors) {
    validate_fixed_annotations(new, old, errors);
    let (spec, before) = (At::root(new, "spec"), At::root(old, "spec"));
    for list in ["containers", "initContainers"] {
        let containers = spec.child(list);
        if containers.items().count() != before.child(list).items().count() {
            errors.push(containers.forbidden("pod updates may not add or remove containers"));
            return;
        }
    }
    validate_images(&spec, errors);
    let deadline = spec.child("activeDeadlineSeconds");
    validate_deadline(&deadline, &before.child("activeDeadlineSeconds"), errors);
    let earlier = before.child("tolerations");
    validate_added_tolerations(&spec.child("tolerations"), &earlier, errors);
    validate_gates(&spec, &before, errors);
    if let Some(path) = first_difference(new, old) {
        errors.push(FieldError::forbidden(
            &spec.path,
            format!("{SPEC}\n{path} is different"),
        ));
    }
}

/// What says how a pod came to be, or how it is confined, stays as it was.
pub(super) fn validate_fixed_annotations(new: &Object, old: &Object, errors: &mut FieldErrors) {
    let called = |key: &str| match key {
        MIRROR => Some("mirror pod annotation"),
        _ => app_armor::is_profile(key).then_some("AppArmor annotations"),
    };
    let path = Path::new("metadata").child("annotations");
    let annotations = |object| At::root(object, "metadata").child("annotations");
    let (now, then) = (annotations(new), annotations(old));
    for (key, before) in then.entries() {
        if let Some(called) = called(key)
            && now.value.get(key) != Some(before.value)
        {
            let detail = format!("may not remove or update {called}");
            errors.push(FieldError::forbidden(&path.key(key), detail));
        }
    }
    for (key, _) in now.entries() {
        if let Some(called) = called(key)
            && then.value.get(key).is_none()
        {
            let detail = format!("may not add {called}");
            errors.push(FieldError::forbidden(&path.key(key), detail));
        }
    }
}

fn validate_deadline(new: &At<'_>, old: &At<'_>, errors: &mut FieldErrors) {
    let Some(before) = old.int() else { return };
    match new.int() {
        None => errors.push(FieldError::invalid(
            &new.path,
            Value::Null,
            "must not update from a positive integer to nil value",
        )),
        Some(seconds) if seconds > before => {
            errors.push(new.invalid("must be less than or equal to previous value"));
        }
        Some(_) => {}
    }
}

/// Only more may be tolerated, and for another time.
fn validate_added_tolerations(new: &At<'_>, old: &At<'_>, errors: &mut FieldErrors) {
    const TIME: &str = "tolerationSeconds";
    let bare = |toleration: &Value| {
        let mut fields = toleration.as_object().map(json::present)?;
        fields.remove(TIME);
        Some(fields)
    };
    let kept: HashSet<Option<Json>> = new
        .items()
        .map(|toleration| bare(toleration.value))
        .collect();
    let is_kept = |toleration: At<'_>| kept.contains(&bare(toleration.value));
    if !old.items().all(is_kept) {
        errors.push(
            new.forbidden("existing toleration can not be modified except its tolerationSeconds"),
        );
    }
}

/// Gates only open.
fn validate_gates(new: &At<'_>, old: &At<'_>, errors: &mut FieldErrors) {
    let before = old.child("schedulingGates");
    let known: BTreeSet<&str> = before
        .items()
        .map(|gate| gate.child("name").text())
        .collect();
    for gate in new.child("schedulingGates").items() {
        let name = gate.child("name");
        if !known.contains(name.text()) {
            errors.push(name.forbidden(&format!(
                "only deletion is allowed, but found new scheduling gate '{}'",
                name.text()
            )));
        }
    }
    if !known.is_empty() {
        let (selector, earlier) = (new.child("nodeSelector"), old.child("nodeSelector"));
        let is_kept = |(key, label): (&str, At<'_>)| selector.value.get(key) == Some(label.value);
        if !earlier.entries().all(is_kept) {
            errors.push(selector.invalid(
                "only additions to spec.nodeSelector are allowed (no mutations or deletions)",
            ));
        }
        validate_gated_affinity(new, old, errors);
    }
}

/// What a gated pod requires of its node may only become more.
fn validate_gated_affinity(spec: &At<'_>, before: &At<'_>, errors: &mut FieldErrors) {
    let terms = |spec: &At<'_>| {
        let affinity = spec.child("affinity").child("nodeAffinity");
        let needed = affinity.child("requiredDuringSchedulingIgnoredDuringExecution");
        let list = needed.child("nodeSelectorTerms");
        (list.path.clone(), list.value.clone())
    };
    let ((path, now), (_, then)) = (terms(spec), terms(before));
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let (new_terms, old_terms) = (list(&now), list(&then));
    if !old_terms.is_empty() && new_terms.len() != old_terms.len() {
        let detail = "no additions/deletions to non-empty NodeSelectorTerms list are allowed";
        errors.push(FieldError::invalid(&path, now, detail));
        return;
    }
    for (index, (new, old)) in new_terms.iter().zip(&old_terms).enumerate() {
        if !only_adds(new, old) {
            let detail = "only additions are allowed (no mutations or deletions)";
            errors.push(FieldError::invalid(&path.index(index), new.clone(), detail));
        }
    }
}

/// A term that selected nothing must go on to.
fn only_adds(new: &Value, old: &Value) -> bool {
    fn part<'a>(term: &'a Value, field: &str) -> &'a [Value] {
        term[field].as_array().map_or(&[], Vec::as_slice)
    }
    let fields = ["matchExpressions", "matchFields"];
    if fields.iter().all(|field| part(old, field).is_empty()) {
        return fields.iter().all(|field| part(new, field).is_empty());
    }
    fields.iter().all(|field| {
        let now: HashSet<&Value> = part(new, field).iter().collect();
        let mut before = part(old, field).iter();
        before.all(|requirement| now.contains(requirement))
    })
}

/// The first field that an update may not touch and did.
fn first_difference(new: &Object, old: &Object) -> Option<String> {
    let (mut new, mut old) = (
        json::map(new, "spec")?.clone(),
        json::map(old, "spec")?.clone(),
    );
    if !json::list(&old, "schedulingGates").is_empty() {
        // What a gated pod may still change has been looked at already.
        for spec in [&mut new, &mut old] {
            spec.remove("nodeSelector");
            if let Some(affinity) = json::map_mut(spec, "affinity") {
                affinity.remove("nodeAffinity");
            }
        }
    }
    for spec in [&mut new, &mut old] {
        for field in ["activeDeadlineSeconds", "tolerations", "schedulingGates"] {
            spec.remove(field);
        }
        for list in ["containers", "initContainers"] {
            for container in json::maps_mut(spec, list) {
                container.remove("image");
            }
        }
    }
    mend_grace(&mut new, &old);
    let fields = new.keys().chain(old.keys());
    let mut differing = fields.filter(|field| !same(new.get(*field), old.get(*field)));
    differing.next().map(|field| format!("spec.{field}"))
}

/// 1 may replace a negative period, which means 1 anyway.
fn mend_grace(new: &mut Json, old: &Json) {
    const GRACE: &str = "terminationGracePeriodSeconds";
    let was_negative = json::int(old, GRACE).is_some_and(|seconds| seconds < 0);
    if was_negative
        && json::int(new, GRACE) == Some(1)
        && let Some(before) = old.get(GRACE).cloned()
    {
        new.insert(GRACE.into(), before);
    }
}
