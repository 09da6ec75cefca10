//! Rules of Deployments.

use apimachinery::{FieldError, FieldErrors, IntOrString, Object};
use serde_json::Value;

use super::super::{Counters, validate_counters};
use crate::at::{At, not_negative};
use crate::meta;
use crate::podspec::{validate_selector, validate_template};

const COUNTERS: Counters = &[
    ("updatedReplicas", "replicas", "status.replicas"),
    ("readyReplicas", "replicas", "status.replicas"),
    ("availableReplicas", "replicas", "status.replicas"),
    ("availableReplicas", "readyReplicas", "readyReplicas"),
];

pub(super) fn validate_deployment(spec: &At<'_>, errors: &mut FieldErrors) {
    not_negative(&spec.child("replicas"), errors);
    let empty = "empty selector is invalid for deployment";
    validate_selector(&spec.child("selector"), empty, errors);
    validate_template(spec, "ReplicaSet", errors);
    validate_strategy(&spec.child("strategy"), errors);
    let ready = spec.child("minReadySeconds");
    not_negative(&ready, errors);
    not_negative(&spec.child("revisionHistoryLimit"), errors);
    let deadline = spec.child("progressDeadlineSeconds");
    not_negative(&deadline, errors);
    let minimum = ready.int().unwrap_or(0);
    if deadline.int().is_some_and(|seconds| seconds <= minimum) {
        errors.push(deadline.invalid("must be greater than minReadySeconds"));
    }
}

fn validate_strategy(strategy: &At<'_>, errors: &mut FieldErrors) {
    let rolling = strategy.child("rollingUpdate");
    match strategy.child("type").text() {
        "Recreate" if rolling.is_present() => errors
            .push(rolling.forbidden("may not be specified when strategy `type` is 'Recreate'")),
        "Recreate" => {}
        "RollingUpdate" if !rolling.is_present() => {
            let detail = "this should be defaulted and never be nil";
            errors.push(rolling.required(detail));
        }
        "RollingUpdate" => validate_rolling(&rolling, errors),
        _ => errors.push(FieldError::not_supported(
            &strategy.path,
            strategy.value.clone(),
            &["Recreate", "RollingUpdate"],
        )),
    }
}

fn validate_rolling(rolling: &At<'_>, errors: &mut FieldErrors) {
    let (unavailable, surge) = (rolling.child("maxUnavailable"), rolling.child("maxSurge"));
    int_or_percent(&unavailable, errors);
    int_or_percent(&surge, errors);
    if scaled(unavailable.value) == 0 && scaled(surge.value) == 0 {
        errors.push(unavailable.invalid("may not be 0 when `maxSurge` is 0"));
    }
    at_most_all(&unavailable, errors);
}

/// As upstream reads either form where only zero counts.
fn scaled(value: &Value) -> i32 {
    let parsed = IntOrString::from_value(value);
    parsed
        .and_then(|value| value.scaled(100, true))
        .unwrap_or(0)
}

fn int_or_percent(at: &At<'_>, errors: &mut FieldErrors) {
    if at.value.is_string() {
        at.check(meta::percent, errors);
    } else {
        not_negative(at, errors);
    }
}

fn at_most_all(at: &At<'_>, errors: &mut FieldErrors) {
    let percent = at
        .text()
        .strip_suffix('%')
        .and_then(|text| text.parse::<i64>().ok());
    if percent.is_some_and(|percent| percent > 100) {
        errors.push(at.invalid("must not be greater than 100%"));
    }
}

pub(super) fn validate_status(new: &Object, old: &Object) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let (status, before) = (At::root(new, "status"), At::root(old, "status"));
    not_negative(&status.child("observedGeneration"), &mut errors);
    validate_counters(&status, COUNTERS, &mut errors);
    let collisions = status.child("collisionCount");
    not_negative(&collisions, &mut errors);
    if let Some(count) = before.child("collisionCount").int()
        && collisions.int().unwrap_or(0) < count
    {
        errors.push(FieldError::invalid(
            &collisions.path,
            collisions.int().unwrap_or(0),
            "cannot be decremented",
        ));
    }
    errors
}
