//! Rules of HorizontalPodAutoscalers.

use apimachinery::{FieldError, FieldErrors, GroupVersion, Object};

use crate::at::{At, not_negative, positive, required};
use crate::json;
use crate::meta::{path_segment, validate_label_selector};
use crate::podspec::positive_quantity;

/// Metric types, the field of each, and what of its target must be there.
const SOURCES: [(&str, &str); 5] = [
    ("ContainerResource", "containerResource"),
    ("External", "external"),
    ("Object", "object"),
    ("Pods", "pods"),
    ("Resource", "resource"),
];
const MOST_SECONDS: i64 = 1800;
const WINDOW_SECONDS: i64 = 3600;

pub(super) fn validate_autoscaler(new: &Object, old: Option<&Object>) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let spec = At::root(new, "spec");
    let (min, max) = (spec.child("minReplicas"), spec.child("maxReplicas"));
    let was_zero =
        old.is_some_and(|old| At::root(old, "spec").child("minReplicas").int() == Some(0));
    let least = if was_zero { 0 } else { 1 };
    if min.int().is_some_and(|min| min < least) {
        errors.push(min.invalid(format!("must be greater than or equal to {least}")));
    }
    let most = max.int().unwrap_or(0);
    if most < 1 {
        errors.push(FieldError::invalid(
            &max.path,
            most,
            "must be greater than 0",
        ));
    }
    if min.int().is_some_and(|min| most < min) {
        let detail = "must be greater than or equal to `minReplicas`";
        errors.push(FieldError::invalid(&max.path, most, detail));
    }
    let target = spec.child("scaleTargetRef");
    for field in ["kind", "name"] {
        target
            .child(field)
            .check_required(path_segment, &mut errors);
    }
    let is_kept = old.is_some_and(|old| {
        json::same(
            Some(At::root(old, "spec").child("scaleTargetRef").value),
            Some(target.value),
        )
    });
    if !is_kept {
        validate_version(&target, &mut errors);
    }
    for metric in spec.child("metrics").items() {
        validate_metric(&metric, &mut errors);
    }
    let behavior = spec.child("behavior");
    for direction in ["scaleUp", "scaleDown"] {
        validate_direction(&behavior.child(direction), &mut errors);
    }
    errors
}

/// Only replication controllers are in the group without a name.
fn validate_version(target: &At<'_>, errors: &mut FieldErrors) {
    let at = target.child("apiVersion");
    let version = GroupVersion::parse(at.text()).unwrap_or_default();
    let is_core = version.group.is_empty();
    if is_core && target.child("kind").text() != "ReplicationController" {
        let detail = "apiVersion must specify API group";
        errors.push(FieldError::invalid(&at.path, at.text(), detail));
    }
}

fn validate_metric(metric: &At<'_>, errors: &mut FieldErrors) {
    let kind = metric.child("type");
    if kind.text().is_empty() {
        errors.push(kind.required("must specify a metric source type"));
    } else {
        kind.one_of(&SOURCES.map(|(kind, _)| kind), errors);
    }
    for (name, field) in SOURCES {
        let source = metric.child(field);
        match (name == kind.text(), source.is_present()) {
            (true, false) => {
                errors
                    .push(source.required("must populate information for the given metric source"));
            }
            (false, true) => {
                errors.push(source.forbidden("must populate the given metric source only"));
            }
            (true, true) => validate_source(name, &source, errors),
            (false, false) => {}
        }
    }
}

fn validate_source(kind: &str, source: &At<'_>, errors: &mut FieldErrors) {
    if kind.ends_with("Resource") {
        required(&source.child("name"), errors);
        if kind == "ContainerResource" {
            required(&source.child("container"), errors);
        }
    } else {
        let metric = source.child("metric");
        metric.child("name").check_required(path_segment, errors);
        validate_label_selector(&metric.child("selector"), errors);
    }
    if kind == "Object" {
        let object = source.child("describedObject");
        for field in ["kind", "name"] {
            object.child(field).check_required(path_segment, errors);
        }
    }
    let target = source.child("target");
    validate_target(&target, errors);
    let [value, average, utilization] =
        ["value", "averageValue", "averageUtilization"].map(|field| target.child(field));
    let (has_value, has_average) = (value.is_present(), average.is_present());
    match kind {
        "Resource" | "ContainerResource" => match (utilization.is_present(), has_average) {
            (false, false) => errors.push(
                utilization.required("must set either a target raw value or a target utilization"),
            ),
            (true, true) => errors.push(
                average.forbidden("may not set both a target raw value and a target utilization"),
            ),
            _ => {}
        },
        "Pods" if !has_average => {
            errors.push(average.required("must specify a positive target averageValue"));
        }
        "Object" if !has_value && !has_average => {
            errors.push(average.required("must set either a target value or averageValue"));
        }
        "External" if !has_value && !has_average => errors.push(
            average.required("must set either a target value for metric or a per-pod target"),
        ),
        "External" if has_value && has_average => errors.push(
            value.forbidden("may not set both a target value for metric and a per-pod target"),
        ),
        _ => {}
    }
}

fn validate_target(target: &At<'_>, errors: &mut FieldErrors) {
    let kind = target.child("type");
    match kind.text() {
        "" => errors.push(kind.required("must specify a metric target type")),
        "Utilization" | "Value" | "AverageValue" => {}
        _ => errors.push(kind.invalid("must be either Utilization, Value, or AverageValue")),
    }
    for field in ["value", "averageValue"] {
        let at = target.child(field);
        let mut wrong = FieldErrors::new();
        if at.is_present() {
            positive_quantity(&at, &mut wrong);
        }
        if !wrong.is_empty() {
            errors.push(at.invalid("must be positive"));
        }
    }
    let utilization = target.child("averageUtilization");
    if utilization.int().is_some_and(|percent| percent < 1) {
        errors.push(utilization.invalid("must be greater than 0"));
    }
}

fn validate_direction(rules: &At<'_>, errors: &mut FieldErrors) {
    if !rules.is_present() {
        return;
    }
    let window = rules.child("stabilizationWindowSeconds");
    if window.int().is_some_and(|seconds| seconds < 0) {
        errors.push(window.invalid("must be greater than or equal to zero"));
    }
    if window.int().is_some_and(|seconds| seconds > WINDOW_SECONDS) {
        errors.push(window.invalid(format!("must be less than or equal to {WINDOW_SECONDS}")));
    }
    let select = rules.child("selectPolicy");
    if select.is_present() {
        select.one_of(&["Disabled", "Max", "Min"], errors);
    }
    let policies = rules.child("policies");
    if policies.is_zero() {
        errors.push(policies.required("must specify at least one Policy"));
    }
    for policy in policies.items() {
        policy.child("type").one_of(&["Percent", "Pods"], errors);
        let period = policy.child("periodSeconds");
        positive(&policy.child("value"), errors);
        positive(&period, errors);
        if period.int().is_some_and(|seconds| seconds > MOST_SECONDS) {
            errors.push(period.invalid(format!("must be less than or equal to {MOST_SECONDS}")));
        }
    }
}

pub(super) fn validate_status(autoscaler: &Object) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let status = At::root(autoscaler, "status");
    for field in ["currentReplicas", "desiredReplicas"] {
        not_negative(&status.child(field), &mut errors);
    }
    errors
}
