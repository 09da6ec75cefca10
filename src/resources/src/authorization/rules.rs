//! Rules of access reviews.

use apimachinery::{FieldError, FieldErrors, Object};
use serde_json::Value;

use super::AccessReview;
use crate::at::At;
use crate::meta::{label_value, qualified_name};

pub(super) fn validate_access_review(review: &Object, whose: AccessReview) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let spec = At::root(review, "spec");
    let (resource, other) = (
        spec.child("resourceAttributes"),
        spec.child("nonResourceAttributes"),
    );
    match (resource.is_present(), other.is_present()) {
        (true, true) => {
            errors.push(other.invalid("cannot be specified in combination with resourceAttributes"))
        }
        (false, false) => errors.push(FieldError::invalid(
            &resource.path,
            Value::Null,
            "exactly one of nonResourceAttributes or resourceAttributes must be specified",
        )),
        _ => {}
    }
    let user = spec.child("user");
    let names_someone = !user.text().is_empty() || !spec.child("groups").is_zero();
    if whose != AccessReview::Own && !names_someone {
        let detail = "at least one of user or group must be specified";
        errors.push(FieldError::invalid(&user.path, "", detail));
    }
    validate_selectors(&resource, &mut errors);
    validate_metadata(review, whose, &mut errors);
    if whose == AccessReview::Local {
        validate_local(review, &mut errors);
    }
    errors
}

/// A review is not an object that is kept: it has no name and nothing else of an object.
fn validate_metadata(review: &Object, whose: AccessReview, errors: &mut FieldErrors) {
    let metadata = At::root(review, "metadata");
    let ignored = |field: &str| match field {
        "managedFields" => true,
        "namespace" => whose == AccessReview::Local,
        _ => false,
    };
    let is_empty = metadata
        .value
        .as_object()
        .into_iter()
        .flatten()
        .all(|(field, value)| ignored(field) || crate::json::is_zero(Some(value)));
    if !is_empty {
        errors.push(metadata.invalid(match whose {
            AccessReview::Local => "must be empty except for namespace",
            _ => "must be empty",
        }));
    }
}

/// Upstream's paths are one name with dots here, which reads the same.
fn validate_local(review: &Object, errors: &mut FieldErrors) {
    let spec = At::root(review, "spec");
    let resource = spec.child("resourceAttributes");
    let namespace = resource.child("namespace");
    if resource.is_present() && namespace.text() != review.namespace() {
        let detail = "must match metadata.namespace";
        errors.push(FieldError::invalid(
            &namespace.path,
            namespace.text(),
            detail,
        ));
    }
    let other = spec.child("nonResourceAttributes");
    if other.is_present() {
        errors.push(other.invalid("disallowed on this kind of request"));
    }
}

/// Operators that this server does not know are let through: the authorizer ignores them.
fn validate_selectors(resource: &At<'_>, errors: &mut FieldErrors) {
    for (field, is_label) in [("fieldSelector", false), ("labelSelector", true)] {
        let selector = resource.child(field);
        if !selector.is_present() {
            continue;
        }
        let (raw, list) = (
            selector.child("rawSelector"),
            selector.child("requirements"),
        );
        match (raw.is_zero(), list.is_zero()) {
            (false, false) => {
                errors.push(raw.invalid("may not specified at the same time as requirements"));
            }
            (true, true) => errors.push(list.required(&format!(
                "when {} is specified, requirements or rawSelector is required",
                selector.path
            ))),
            _ => {}
        }
        for requirement in list.items() {
            validate_requirement(&requirement, is_label, errors);
        }
    }
}

fn validate_requirement(requirement: &At<'_>, is_label: bool, errors: &mut FieldErrors) {
    let (key, values) = (requirement.child("key"), requirement.child("values"));
    if !is_label && key.text().is_empty() {
        errors.push(key.required("must be specified"));
    }
    match requirement.child("operator").text() {
        "In" | "NotIn" if values.is_zero() => {
            errors.push(values.required("must be specified when `operator` is 'In' or 'NotIn'"));
        }
        "Exists" | "DoesNotExist" if !values.is_zero() => errors.push(
            values.forbidden("may not be specified when `operator` is 'Exists' or 'DoesNotExist'"),
        ),
        _ => {}
    }
    if is_label {
        key.check(qualified_name, errors);
        for value in values.items() {
            value.check(label_value, errors);
        }
    }
}
