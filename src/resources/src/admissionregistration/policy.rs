//! ValidatingAdmissionPolicy.

use std::collections::BTreeSet;

use apimachinery::{FieldError, FieldErrors, Object};
use serde_json::json;

use super::matching::{default_match, validate_match};
use super::webhook::rules::validate_conditions;
use super::{CATEGORIES, GROUP};
use crate::at::{At, most_with_name, required};
use crate::cells::{AGE, NAME, integer, spec, text};
use crate::column::Column;
use crate::json::{self, Fill, fill};
use crate::meta::qualified_name;
use crate::row::{COMMON, Resource, Scope, Subresource};
use crate::strategy::{Cx, Strategy};

pub static VALIDATING_ADMISSION_POLICY: Resource = Resource {
    group: GROUP,
    kind: "ValidatingAdmissionPolicy",
    plural: "validatingadmissionpolicies",
    singular: "validatingadmissionpolicy",
    categories: CATEGORIES,
    scope: Scope::Cluster,
    prefix: "validatingadmissionpolicies",
    subresources: &[Subresource::Status],
    generation: true,
    unconditional_update: false,
    not_yet: Some("nobody evaluates expressions"),
    columns: COLUMNS,
    strategy: &Policy,
    ..COMMON
};

const COLUMNS: &[Column] = &[
    NAME,
    integer("Validations", "How many there are.", |cell| {
        json::list(spec(cell.object), "validations").len().into()
    }),
    text("ParamKind", "What it is told.", |cell| {
        match json::map(spec(cell.object), "paramKind") {
            None => "<unset>".into(),
            Some(kind) => {
                let version = json::text(kind, "apiVersion");
                format!("{version}/{}", json::text(kind, "kind")).into()
            }
        }
    }),
    AGE,
];

/// Lists of rules in `matchConstraints` and `matchResources`.
pub(super) const RULES: &[&str] = &["resourceRules", "excludeResourceRules"];
const REASONS: [&str; 3] = ["Forbidden", "Invalid", "RequestEntityTooLarge"];
const MOST_ANNOTATIONS: usize = 20;
const EXPRESSION_SIZE: usize = 5 * 1024;

struct Policy;

impl Strategy for Policy {
    fn default(&self, _cx: &Cx<'_>, object: &mut Object) {
        let spec = object.map_mut("spec");
        fill(spec, &[("failurePolicy", Fill::TextIfAbsent("Fail"))]);
        if let Some(matching) = json::map_mut(spec, "matchConstraints") {
            default_match(matching, RULES);
        }
    }

    fn prepare_for_create(&self, _cx: &Cx<'_>, object: &mut Object) {
        object.insert("status".into(), json!({}));
    }

    fn validate(&self, _cx: &Cx<'_>, object: &Object) -> FieldErrors {
        let mut errors = FieldErrors::new();
        let spec = At::root(object, "spec");
        let failure = spec.child("failurePolicy");
        failure.one_of(&["Fail", "Ignore"], &mut errors);
        let kind = spec.child("paramKind");
        if kind.is_present() {
            required(&kind.child("apiVersion"), &mut errors);
            required(&kind.child("kind"), &mut errors);
        }
        let matching = spec.child("matchConstraints");
        if matching.is_present() {
            required(&matching.child("resourceRules"), &mut errors);
            validate_match(&matching, RULES, &mut errors);
        } else {
            errors.push(matching.required(""));
        }
        validate_conditions(&spec.child("matchConditions"), &mut errors);
        validate_variables(&spec.child("variables"), &mut errors);
        validate_validations(&spec, &mut errors);
        validate_annotations(object, &spec, &mut errors);
        errors
    }

    fn validate_update(&self, cx: &Cx<'_>, new: &Object, _old: &Object) -> FieldErrors {
        match cx.subresource {
            "status" => FieldErrors::new(),
            _ => self.validate(cx, new),
        }
    }
}

fn validate_variables(variables: &At<'_>, errors: &mut FieldErrors) {
    for variable in variables.items() {
        let (name, expression) = (variable.child("name"), variable.child("expression"));
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        let text = name.text();
        if text.is_empty() {
            errors.push(name.required("name is not specified"));
        } else if !text.bytes().all(plain) || text.starts_with(|c: char| c.is_ascii_digit()) {
            errors.push(name.invalid("must be a valid CEL identifier"));
        }
        if expression.text().trim().is_empty() {
            errors.push(expression.required("expression is not specified"));
        }
    }
}

fn validate_validations(spec: &At<'_>, errors: &mut FieldErrors) {
    let (validations, annotations) = (spec.child("validations"), spec.child("auditAnnotations"));
    if validations.is_zero() && annotations.is_zero() {
        let detail = "validations or auditAnnotations must contain at least one item";
        errors.push(validations.required(detail));
        errors.push(annotations.required(detail));
    }
    for validation in validations.items() {
        let expression = validation.child("expression");
        if expression.text().trim().is_empty() {
            errors.push(expression.required("expression is not specified"));
        }
        let (message, reason) = (validation.child("message"), validation.child("reason"));
        if message.text().contains(['\n', '\r']) {
            errors.push(message.invalid("must not contain line breaks"));
        }
        if reason.is_present() {
            reason.one_of(&REASONS, errors);
        }
    }
}

fn validate_annotations(policy: &Object, spec: &At<'_>, errors: &mut FieldErrors) {
    let annotations = spec.child("auditAnnotations");
    let count = annotations.items().count();
    if count > MOST_ANNOTATIONS {
        errors.push(FieldError::too_many(
            &annotations.path,
            count,
            MOST_ANNOTATIONS,
        ));
    }
    let mut keys = BTreeSet::new();
    let told = most_with_name(policy.name());
    for (index, annotation) in annotations.items().enumerate() {
        let (key, value) = (annotation.child("key"), annotation.child("valueExpression"));
        if index < told {
            let whole = format!("{}/{}", policy.name(), key.text());
            crate::at::check_text(&key.path, &whole, qualified_name, errors);
        }
        if !keys.insert(key.text()) {
            errors.push(key.duplicate());
        }
        if value.text().trim().is_empty() {
            errors.push(value.required("valueExpression is not specified"));
        } else if value.text().len() > EXPRESSION_SIZE {
            errors.push(FieldError::too_long(&value.path, EXPRESSION_SIZE));
        }
    }
}
