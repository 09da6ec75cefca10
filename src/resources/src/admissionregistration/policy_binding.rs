//! ValidatingAdmissionPolicyBinding.

use std::collections::BTreeSet;

use apimachinery::{FieldErrors, Object};

use super::matching::{default_match, validate_match};
use super::policy::RULES;
use super::{CATEGORIES, GROUP};
use crate::at::At;
use crate::cells::{AGE, NAME, selector, spec, text};
use crate::column::Column;
use crate::json;
use crate::meta::{dns_subdomain, validate_label_selector};
use crate::row::{COMMON, Resource, Scope};
use crate::strategy::{Cx, Strategy};

pub static VALIDATING_ADMISSION_POLICY_BINDING: Resource = Resource {
    group: GROUP,
    kind: "ValidatingAdmissionPolicyBinding",
    plural: "validatingadmissionpolicybindings",
    singular: "validatingadmissionpolicybinding",
    categories: CATEGORIES,
    scope: Scope::Cluster,
    prefix: "validatingadmissionpolicybindings",
    generation: true,
    unconditional_update: false,
    not_yet: Some("nobody evaluates expressions"),
    columns: COLUMNS,
    strategy: &Binding,
    ..COMMON
};

const COLUMNS: &[Column] = &[
    NAME,
    text("PolicyName", "What is bound.", |cell| {
        json::text(spec(cell.object), "policyName").into()
    }),
    text("ParamRef", "What the policy is told.", |cell| {
        parameters(cell.object).into()
    }),
    AGE,
];

fn parameters(binding: &Object) -> String {
    let Some(reference) = json::map(spec(binding), "paramRef") else {
        return "<unset>".to_owned();
    };
    let name = json::text(reference, "name");
    match (name, json::text(reference, "namespace")) {
        ("", _) => selector(reference.get("selector")).unwrap_or_default(),
        (name, "") => format!("*/{name}"),
        (name, namespace) => format!("{namespace}/{name}"),
    }
}

struct Binding;

impl Strategy for Binding {
    fn default(&self, _cx: &Cx<'_>, object: &mut Object) {
        let spec = json::map_mut(object, "spec");
        if let Some(matching) = spec.and_then(|spec| json::map_mut(spec, "matchResources")) {
            default_match(matching, RULES);
        }
    }

    fn validate(&self, _cx: &Cx<'_>, object: &Object) -> FieldErrors {
        let mut errors = FieldErrors::new();
        let spec = At::root(object, "spec");
        spec.child("policyName")
            .check_required(dns_subdomain, &mut errors);
        let reference = spec.child("paramRef");
        if reference.is_present() {
            validate_parameters(&reference, &mut errors);
        }
        validate_match(&spec.child("matchResources"), RULES, &mut errors);
        validate_actions(&spec.child("validationActions"), &mut errors);
        errors
    }
}

fn validate_parameters(reference: &At<'_>, errors: &mut FieldErrors) {
    let (name, selector) = (reference.child("name"), reference.child("selector"));
    match (name.text().is_empty(), selector.is_present()) {
        (false, true) => {
            errors.push(name.forbidden("name and selector are mutually exclusive"));
        }
        (true, false) => {
            errors.push(reference.required("one of name or selector must be specified"))
        }
        _ => {}
    }
    validate_label_selector(&selector, errors);
    let action = reference.child("parameterNotFoundAction");
    if action.is_present() {
        action.one_of(&["Deny", "Allow"], errors);
    } else {
        errors.push(action.required(""));
    }
}

fn validate_actions(actions: &At<'_>, errors: &mut FieldErrors) {
    let mut seen = BTreeSet::new();
    for action in actions.items() {
        action.one_of(&["Audit", "Deny", "Warn"], errors);
        if !seen.insert(action.text()) {
            errors.push(action.duplicate());
        }
    }
    if seen.contains("Deny") && seen.contains("Warn") {
        errors.push(actions.invalid(
            "must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)",
        ));
    }
    if seen.is_empty() {
        errors.push(actions.required("at least one validation action is required"));
    }
}
