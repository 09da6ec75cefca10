//! Rules of `podFailurePolicy`.

use std::collections::BTreeSet;

use apimachinery::{FieldError, FieldErrors};

use crate::at::At;
use crate::meta::qualified_name;

const ACTIONS: [&str; 4] = ["Count", "FailIndex", "FailJob", "Ignore"];
const MOST_RULES: usize = 20;
const MOST_PATTERNS: usize = 20;
const MOST_CODES: usize = 255;

pub(super) fn validate_failure_policy(spec: &At<'_>, policy: &At<'_>, errors: &mut FieldErrors) {
    let rules = policy.child("rules");
    at_most(&rules, MOST_RULES, errors);
    let pod = spec.child("template").child("spec");
    let containers: BTreeSet<&str> = ["containers", "initContainers"]
        .iter()
        .flat_map(|list| pod.child(list).items())
        .map(|container| container.child("name").text())
        .collect();
    for rule in rules.items() {
        validate_rule(spec, &rule, &containers, errors);
    }
}

pub(super) fn at_most(list: &At<'_>, most: usize, errors: &mut FieldErrors) {
    let count = list.items().count();
    if count > most {
        errors.push(FieldError::too_many(&list.path, count, most));
    }
}

/// A text of a few; the others are told when it is missing.
fn choice(at: &At<'_>, supported: &[&str], errors: &mut FieldErrors) {
    if at.text().is_empty() {
        let quoted: Vec<String> = supported.iter().map(|text| format!("{text:?}")).collect();
        errors.push(at.required(&format!("valid values: [{}]", quoted.join(" "))));
    } else {
        at.one_of(supported, errors);
    }
}

fn validate_rule(
    spec: &At<'_>,
    rule: &At<'_>,
    containers: &BTreeSet<&str>,
    errors: &mut FieldErrors,
) {
    let action = rule.child("action");
    choice(&action, &ACTIONS, errors);
    if action.text() == "FailIndex" && !spec.child("backoffLimitPerIndex").is_present() {
        errors.push(action.invalid("requires the backoffLimitPerIndex to be set"));
    }
    let (codes, conditions) = (rule.child("onExitCodes"), rule.child("onPodConditions"));
    if codes.is_present() {
        validate_codes(&codes, containers, errors);
    }
    at_most(&conditions, MOST_PATTERNS, errors);
    for pattern in conditions.items() {
        pattern.child("type").check(qualified_name, errors);
        choice(
            &pattern.child("status"),
            &["False", "True", "Unknown"],
            errors,
        );
    }
    let detail = match (codes.is_present(), conditions.is_zero()) {
        (true, false) => "specifying both OnExitCodes and OnPodConditions is not supported",
        (false, true) => "specifying one of OnExitCodes and OnPodConditions is required",
        _ => return,
    };
    errors.push(FieldError::invalid_unshown(&rule.path, detail));
}

fn validate_codes(codes: &At<'_>, containers: &BTreeSet<&str>, errors: &mut FieldErrors) {
    let operator = codes.child("operator");
    choice(&operator, &["In", "NotIn"], errors);
    let container = codes.child("containerName");
    if container.is_present() && !containers.contains(container.text()) {
        errors
            .push(container.invalid(
                "must be one of the container or initContainer names in the pod template",
            ));
    }
    let values = codes.child("values");
    if values.is_zero() {
        errors.push(values.invalid("at least one value is required"));
    }
    at_most(&values, MOST_CODES, errors);
    let numbers: Vec<i64> = values.items().map(|at| at.int().unwrap_or(0)).collect();
    let mut seen = BTreeSet::new();
    for (at, number) in values.items().zip(&numbers) {
        if *number == 0 && operator.text() == "In" {
            errors.push(at.invalid("must not be 0 for the In operator"));
        }
        if !seen.insert(number) {
            errors.push(at.duplicate());
        }
    }
    if !numbers.is_sorted() {
        errors.push(values.invalid("must be ordered"));
    }
}
