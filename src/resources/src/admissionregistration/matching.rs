//! Which requests webhooks and policies are about.

use apimachinery::FieldErrors;

use crate::at::At;
use crate::json::{self, Fill, Json, fill};
use crate::meta::validate_label_selector;

const OPERATIONS: [&str; 5] = ["*", "CONNECT", "CREATE", "DELETE", "UPDATE"];

const MATCH: &[(&str, Fill)] = &[
    ("matchPolicy", Fill::TextIfAbsent("Equivalent")),
    ("namespaceSelector", Fill::Empty),
    ("objectSelector", Fill::Empty),
];

/// A webhook, or the `matchConstraints` of a policy: its selectors and the scope of its rules.
pub(super) fn default_match(matching: &mut Json, rules: &[&str]) {
    fill(matching, MATCH);
    for list in rules {
        for rule in json::maps_mut(matching, list) {
            fill(rule, &[("scope", Fill::TextIfAbsent("*"))]);
        }
    }
}

pub(super) fn validate_match(matching: &At<'_>, rules: &[&str], errors: &mut FieldErrors) {
    let policy = matching.child("matchPolicy");
    if policy.is_present() {
        policy.one_of(&["Equivalent", "Exact"], errors);
    }
    for field in ["namespaceSelector", "objectSelector"] {
        validate_label_selector(&matching.child(field), errors);
    }
    for rule in rules.iter().flat_map(|list| matching.child(list).items()) {
        validate_rule(&rule, errors);
    }
}

fn validate_rule(rule: &At<'_>, errors: &mut FieldErrors) {
    let operations = rule.child("operations");
    alone(&operations, "operations", errors);
    for operation in operations.items() {
        operation.one_of(&OPERATIONS, errors);
    }
    alone(&rule.child("apiGroups"), "API groups", errors);
    alone(&rule.child("apiVersions"), "API versions", errors);
    validate_resources(&rule.child("resources"), errors);
    let scope = rule.child("scope");
    if scope.is_present() {
        scope.one_of(&["*", "Cluster", "Namespaced"], errors);
    }
}

fn texts<'a>(list: &At<'a>) -> Vec<&'a str> {
    list.items()
        .map(|item| item.value.as_str().unwrap_or(""))
        .collect()
}

/// A list in which `*` stands alone.
fn alone(list: &At<'_>, called: &str, errors: &mut FieldErrors) {
    let all = texts(list);
    if all.is_empty() {
        errors.push(list.required(""));
    }
    if all.len() > 1 && all.contains(&"*") {
        errors.push(list.invalid(format!(
            "if '*' is present, must not specify other {called}"
        )));
    }
}

fn validate_resources(list: &At<'_>, errors: &mut FieldErrors) {
    let all = texts(list);
    if all.is_empty() {
        errors.push(list.required(""));
    }
    for (at, text) in list.items().zip(&all) {
        if text.is_empty() {
            errors.push(at.required(""));
        }
    }
    if all.len() > 1 && all.contains(&"*/*") {
        let detail = "if '*/*' is present, must not specify other resources";
        errors.push(list.invalid(detail));
    }
    if all.contains(&"*") && all.iter().any(|text| *text != "*" && !text.contains('/')) {
        errors.push(
            list.invalid(
                "if '*' is present, must not specify other resources without subresources",
            ),
        );
    }
}
