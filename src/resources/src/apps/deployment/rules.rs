//! Rules of Deployments.

use apimachinery::{FieldError, FieldErrors, Object};

use super::super::{Counters, validate_counters};
use crate::at::{At, not_negative};
use crate::podspec::{validate_selector, validate_template};
use crate::portion::{at_most_all, int_or_percent, scaled};

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

pub(super) fn validate_status(new: &Object, old: &Object) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let status = At::root(new, "status");
    not_negative(&status.child("observedGeneration"), &mut errors);
    validate_counters(&status, COUNTERS, &mut errors);
    super::super::keep_collisions(new, old, &mut errors);
    errors
}
