//! What may change about a Job.

use apimachinery::{FieldErrors, Object};
use serde_json::Value;

use super::rules::{is_indexed, validate_whole_spec};
use crate::at::{At, immutable};
use crate::json::{self, Json};

/// Fields that stay as they are, beside completions and the template.
const FIXED: [&str; 6] = [
    "selector",
    "completionMode",
    "podFailurePolicy",
    "backoffLimitPerIndex",
    "managedBy",
    "successPolicy",
];

pub(super) fn validate_change(new: &Object, old: &Object) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let (spec, before) = (At::root(new, "spec"), At::root(old, "spec"));
    validate_whole_spec(&spec, &mut errors);
    validate_completions(&spec, &before, &mut errors);
    validate_template(new, old, &mut errors);
    for field in FIXED {
        immutable(&spec.child(field), &before.child(field), &mut errors);
    }
    errors
}

/// An indexed job may become larger or smaller as a whole.
fn validate_completions(spec: &At<'_>, before: &At<'_>, errors: &mut FieldErrors) {
    let (now, then) = (spec.child("completions"), before.child("completions"));
    if !is_indexed(spec) {
        immutable(&now, &then, errors);
    } else if now.is_present()
        && now.int() != then.int()
        && now.int() != spec.child("parallelism").int()
    {
        errors.push(now.invalid("can only be modified in tandem with spec.parallelism"));
    }
}

/// Where the pods go may be changed of a suspended job that has not started.
fn validate_template(new: &Object, old: &Object, errors: &mut FieldErrors) {
    let template = |object: &Object| -> Json {
        let spec = json::map(object, "spec");
        let template = spec.and_then(|spec| json::map(spec, "template"));
        template.cloned().unwrap_or_default()
    };
    let (now, mut then) = (template(new), template(old));
    let was_suspended = json::map(old, "spec").is_some_and(|spec| json::flag(spec, "suspend"));
    let has_started = old
        .at("/status/startTime")
        .is_some_and(|time| !time.is_null());
    if was_suspended && !has_started {
        adopt_scheduling(&now, &mut then);
    }
    if !json::same(Some(&now.clone().into()), Some(&then.into())) {
        let at = At::root(new, "spec").child("template");
        errors.push(at.invalid("field is immutable"));
    }
}

/// Takes over what says where the pods go.
fn adopt_scheduling(now: &Json, then: &mut Json) {
    let part = |section: &str, field: &str| -> Value {
        let section = json::map(now, section);
        section
            .and_then(|section| section.get(field))
            .cloned()
            .unwrap_or_default()
    };
    for (section, field) in [
        ("metadata", "labels"),
        ("metadata", "annotations"),
        ("spec", "nodeSelector"),
        ("spec", "tolerations"),
        ("spec", "schedulingGates"),
    ] {
        if let Some(map) = then
            .entry(section)
            .or_insert_with(|| Json::new().into())
            .as_object_mut()
        {
            map.insert(field.to_owned(), part(section, field));
        }
    }
    let nodes = now
        .get("spec")
        .and_then(|spec| spec.pointer("/affinity/nodeAffinity"));
    let Some(spec) = json::map_mut(then, "spec") else {
        return;
    };
    let mut affinity = json::map(spec, "affinity").cloned().unwrap_or_default();
    match nodes {
        Some(nodes) => affinity.insert("nodeAffinity".into(), nodes.clone()),
        None => affinity.remove("nodeAffinity"),
    };
    spec.insert("affinity".into(), affinity.into());
}
