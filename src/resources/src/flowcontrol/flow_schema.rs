//! FlowSchema.

use apimachinery::{FieldErrors, Object};
use serde_json::json;

use super::{GROUP, NOT_YET};
use crate::at::{At, required};
use crate::cells::{AGE, NAME, NONE, spec, status, text};
use crate::column::Column;
use crate::json::{self, Fill, fill};
use crate::row::{COMMON, Resource, Scope, Subresource};
use crate::strategy::{Cx, Strategy};

pub static FLOW_SCHEMA: Resource = Resource {
    group: GROUP,
    kind: "FlowSchema",
    plural: "flowschemas",
    singular: "flowschema",
    scope: Scope::Cluster,
    prefix: "flowschemas",
    subresources: &[Subresource::Status],
    generation: true,
    not_yet: NOT_YET,
    columns: COLUMNS,
    strategy: &FlowSchema,
    ..COMMON
};

const COLUMNS: &[Column] = &[
    NAME,
    text("PriorityLevel", "Where its requests wait.", |cell| {
        let level = json::map(spec(cell.object), "priorityLevelConfiguration");
        level.map_or("", |level| json::text(level, "name")).into()
    }),
    text("MatchingPrecedence", "Low is tried first.", |cell| {
        json::int(spec(cell.object), "matchingPrecedence")
            .unwrap_or(0)
            .into()
    }),
    text(
        "DistinguisherMethod",
        "How its requests are told apart.",
        |cell| {
            let method = json::map(spec(cell.object), "distinguisherMethod");
            method
                .map_or(NONE, |method| json::text(method, "type"))
                .into()
        },
    ),
    AGE,
    text("MissingPL", "Whether the level is missing.", |cell| {
        let dangling = json::maps(status(cell.object), "conditions")
            .find(|condition| json::text(condition, "type") == "Dangling");
        dangling
            .map_or("?", |condition| json::text(condition, "status"))
            .into()
    }),
];

const MOST: i64 = 10_000;
const VERBS: [&str; 10] = [
    "*",
    "create",
    "delete",
    "deletecollection",
    "get",
    "list",
    "patch",
    "proxy",
    "update",
    "watch",
];
const SUBJECTS: [(&str, &str); 3] = [
    ("Group", "group"),
    ("ServiceAccount", "serviceAccount"),
    ("User", "user"),
];

struct FlowSchema;

impl Strategy for FlowSchema {
    fn default(&self, _cx: &Cx<'_>, object: &mut Object) {
        let spec = object.map_mut("spec");
        fill(spec, &[("matchingPrecedence", Fill::NonZero(1000))]);
    }

    fn prepare_for_create(&self, _cx: &Cx<'_>, object: &mut Object) {
        object.insert("status".into(), json!({}));
    }

    fn validate(&self, _cx: &Cx<'_>, object: &Object) -> FieldErrors {
        let mut errors = FieldErrors::new();
        let spec = At::root(object, "spec");
        let precedence = spec.child("matchingPrecedence");
        let number = precedence.int().unwrap_or(0);
        if number <= 0 {
            errors.push(precedence.invalid("must be a positive value"));
        }
        if number > MOST {
            errors.push(precedence.invalid(format!("must not be greater than {MOST}")));
        }
        if number == 1 && object.name() != "exempt" {
            errors.push(
                precedence.invalid("only the schema named 'exempt' may have matchingPrecedence 1"),
            );
        }
        let method = spec.child("distinguisherMethod");
        if method.is_present() {
            method
                .child("type")
                .one_of(&["ByNamespace", "ByUser"], &mut errors);
        }
        required(
            &spec.child("priorityLevelConfiguration").child("name"),
            &mut errors,
        );
        for rule in spec.child("rules").items() {
            validate_rule(&rule, &mut errors);
        }
        errors
    }

    fn validate_update(&self, cx: &Cx<'_>, new: &Object, _old: &Object) -> FieldErrors {
        match cx.subresource {
            "status" => FieldErrors::new(),
            _ => self.validate(cx, new),
        }
    }
}

fn validate_rule(rule: &At<'_>, errors: &mut FieldErrors) {
    let subjects = rule.child("subjects");
    if subjects.is_zero() {
        errors.push(subjects.required("subjects must contain at least one value"));
    }
    for subject in subjects.items() {
        validate_subject(&subject, errors);
    }
    let (resources, urls) = (rule.child("resourceRules"), rule.child("nonResourceRules"));
    if resources.is_zero() && urls.is_zero() {
        errors.push(
            rule.required("at least one of resourceRules and nonResourceRules has to be non-empty"),
        );
    }
    for rule in resources.items() {
        validate_verbs(&rule.child("verbs"), errors);
        alone(
            &rule.child("apiGroups"),
            "resource rules must supply at least one api group",
            errors,
        );
        alone(
            &rule.child("resources"),
            "resource rules must supply at least one resource",
            errors,
        );
        let namespaces = rule.child("namespaces");
        if namespaces.is_zero() && !rule.child("clusterScope").flag() {
            errors.push(namespaces.required(
                "resource rules that are not cluster scoped must supply at least one namespace",
            ));
        }
    }
    for rule in urls.items() {
        validate_verbs(&rule.child("verbs"), errors);
        alone(
            &rule.child("nonResourceURLs"),
            "nonResourceURLs must contain at least one value",
            errors,
        );
    }
}

fn validate_subject(subject: &At<'_>, errors: &mut FieldErrors) {
    let kind = subject.child("kind");
    kind.one_of(&SUBJECTS.map(|(kind, _)| kind), errors);
    for (name, field) in SUBJECTS {
        let at = subject.child(field);
        match (name == kind.text(), at.is_present()) {
            (true, false) => errors.push(at.required(&format!(
                "{field} is required when subject kind is '{name}'"
            ))),
            (false, true) => errors.push(at.forbidden(&format!(
                "{field} is forbidden when subject kind is not '{name}'"
            ))),
            _ => {}
        }
    }
}

fn validate_verbs(verbs: &At<'_>, errors: &mut FieldErrors) {
    alone(verbs, "verbs must contain at least one value", errors);
    for verb in verbs.items() {
        if !VERBS.contains(&verb.text()) {
            errors.push(apimachinery::FieldError::not_supported(
                &verbs.path,
                verb.text(),
                &VERBS,
            ));
        }
    }
}

/// A list in which `*` stands alone.
fn alone(list: &At<'_>, empty: &str, errors: &mut FieldErrors) {
    let count = list.items().count();
    if count == 0 {
        errors.push(list.required(empty));
    }
    if count > 1 && list.items().any(|item| item.text() == "*") {
        errors.push(list.invalid("if '*' is present, must not specify other values"));
    }
}
