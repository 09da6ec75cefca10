//! Rules of CustomResourceDefinitions, their schemas excepted: those are for whoever compiles
//! them.

use std::collections::BTreeSet;

use apimachinery::{FieldError, FieldErrors, Object};

use crate::admissionregistration::webhook::rules::{validate_client, validate_review_versions};
use crate::at::{At, check_text, immutable};
use crate::cells::status;
use crate::json;
use crate::meta::{dns_subdomain, dns1035_label};

const APPROVAL: &str = "api-approved.kubernetes.io";
const PROTECTED: &str = "protected groups must have approval annotation \"api-approved.kubernetes.io\", see https://github.com/kubernetes/enhancements/pull/1111";
const COLUMN_TYPES: [&str; 5] = ["boolean", "date", "integer", "number", "string"];
const MOST_FIELDS: usize = 8;

pub(super) fn validate_definition(definition: &Object) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let spec = At::root(definition, "spec");
    let (group, names) = (spec.child("group"), spec.child("names"));
    let wanted = format!("{}.{}", names.child("plural").text(), group.text());
    if definition.name() != wanted {
        let name = At::root(definition, "metadata").child("name");
        errors.push(name.invalid("must be spec.names.plural+\".\"+spec.group"));
    }
    validate_group(definition, &group, &mut errors);
    let scope = spec.child("scope");
    if scope.text().is_empty() {
        errors.push(scope.required(""));
    } else {
        scope.one_of(&["Cluster", "Namespaced"], &mut errors);
    }
    let keeps_unknown = spec.child("preserveUnknownFields");
    if keeps_unknown.flag() {
        errors.push(keeps_unknown.invalid("cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead"));
    }
    validate_versions(&spec.child("versions"), &mut errors);
    validate_names(&names, &mut errors);
    validate_conversion(&spec.child("conversion"), &mut errors);
    validate_stored(definition, &mut errors);
    errors
}

fn validate_group(definition: &Object, group: &At<'_>, errors: &mut FieldErrors) {
    let before = errors.0.len();
    group.check_required(dns_subdomain, errors);
    if errors.0.len() == before && !group.text().contains('.') {
        errors.push(group.invalid("should be a domain with at least one dot"));
    }
    let name = group.text();
    let is_protected = ["k8s.io", "kubernetes.io"]
        .iter()
        .any(|domain| name == *domain || name.ends_with(&format!(".{domain}")));
    if is_protected && definition.annotation(APPROVAL).unwrap_or("").is_empty() {
        let annotations = At::root(definition, "metadata").child("annotations");
        errors.push(FieldError::required(
            &annotations.path.key(APPROVAL),
            PROTECTED,
        ));
    }
}

fn validate_versions(versions: &At<'_>, errors: &mut FieldErrors) {
    let mut seen = BTreeSet::new();
    let mut stored = 0;
    for version in versions.items() {
        let name = version.child("name");
        name.check(dns1035_label, errors);
        seen.insert(name.text());
        stored += usize::from(version.child("storage").flag());
        let schema = version.child("schema").child("openAPIV3Schema");
        if !schema.is_present() {
            errors.push(schema.required("schemas are required"));
        }
        let warning = version.child("deprecationWarning");
        if warning.is_present() && !version.child("deprecated").flag() {
            errors.push(warning.invalid("can only be set for deprecated versions"));
        }
        if warning.text().len() > 256 {
            errors.push(warning.invalid("must be <= 256 characters long"));
        }
        for column in version.child("additionalPrinterColumns").items() {
            validate_column(&column, errors);
        }
        validate_fields(&version.child("selectableFields"), errors);
        validate_scale(&version.child("subresources").child("scale"), errors);
    }
    if seen.len() != versions.items().count() {
        errors.push(versions.invalid("must contain unique version names"));
    }
    if stored != 1 {
        errors.push(versions.invalid("must have exactly one version marked as storage version"));
    }
}

fn validate_column(column: &At<'_>, errors: &mut FieldErrors) {
    let kind = column.child("type");
    let detail = format!("must be one of {}", COLUMN_TYPES.join(","));
    crate::at::required(&column.child("name"), errors);
    if kind.text().is_empty() {
        errors.push(kind.required(&detail));
    } else if !COLUMN_TYPES.contains(&kind.text()) {
        errors.push(kind.invalid(detail));
    }
    // Upstream's path has capitals here.
    let path = column.path.child("JSONPath");
    let text = column.child("jsonPath").text();
    if text.is_empty() {
        errors.push(FieldError::required(&path, ""));
    } else if !text.starts_with('.') {
        let detail = "must be a simple json path starting with .";
        errors.push(FieldError::invalid(&path, text, detail));
    }
}

fn validate_fields(fields: &At<'_>, errors: &mut FieldErrors) {
    let count = fields.items().count();
    if count > MOST_FIELDS {
        errors.push(FieldError::too_many(&fields.path, count, MOST_FIELDS));
    }
    let mut seen = BTreeSet::new();
    for field in fields.items() {
        let path = field.child("jsonPath");
        if path.text().is_empty() {
            errors.push(path.required(""));
        } else if path.text() == ".metadata" || path.text().starts_with(".metadata.") {
            errors.push(path.invalid("must not point to fields in metadata"));
        }
        if !seen.insert(path.text()) {
            errors.push(path.duplicate());
        }
    }
}

/// Where a custom resource says how many it is.
fn validate_scale(scale: &At<'_>, errors: &mut FieldErrors) {
    if !scale.is_present() {
        return;
    }
    for (field, root) in [
        ("specReplicasPath", ".spec"),
        ("statusReplicasPath", ".status"),
    ] {
        let at = scale.child(field);
        if at.text().is_empty() {
            errors.push(at.required(""));
        } else if !is_below(at.text(), root) {
            errors.push(at.invalid(format!("should be a json path under {root}")));
        }
    }
    let selector = scale.child("labelSelectorPath");
    let text = selector.text();
    if !text.is_empty() && !is_below(text, ".spec") && !is_below(text, ".status") {
        errors.push(selector.invalid("should be a json path under either .spec or .status"));
    }
}

fn is_below(path: &str, root: &str) -> bool {
    let rest = path.strip_prefix(root).unwrap_or("");
    rest.starts_with('.') && rest.len() > 1
}

fn validate_names(names: &At<'_>, errors: &mut FieldErrors) {
    for field in ["plural", "singular"] {
        names.child(field).check_required(dns1035_label, errors);
    }
    for field in ["kind", "listKind"] {
        let at = names.child(field);
        if at.text().is_empty() {
            errors.push(at.required(""));
        } else if let Err(details) = dns1035_label(&at.text().to_lowercase()) {
            for detail in details.lines() {
                errors.push(at.invalid(format!(
                    "may have mixed case, but should otherwise match: {detail}"
                )));
            }
        }
    }
    let list = names.child("listKind");
    if !list.text().is_empty() && list.text() == names.child("kind").text() {
        errors.push(list.invalid("kind and listKind may not be the same"));
    }
    for item in ["shortNames", "categories"]
        .iter()
        .flat_map(|field| names.child(field).items())
    {
        check_text(&item.path, item.text(), dns1035_label, errors);
    }
}

fn validate_conversion(conversion: &At<'_>, errors: &mut FieldErrors) {
    let (strategy, webhook) = (conversion.child("strategy"), conversion.child("webhook"));
    let client = webhook.child("clientConfig");
    match strategy.text() {
        "" => errors.push(strategy.required("")),
        "Webhook" => {
            // Upstream's path is the one of an earlier version.
            let path = conversion.path.child("webhookClientConfig");
            if client.is_present() {
                validate_client(
                    &At {
                        path,
                        value: client.value,
                    },
                    errors,
                );
            } else {
                let detail = "required when strategy is set to Webhook";
                errors.push(FieldError::required(&path, detail));
            }
            let versions = At {
                path: conversion.path.child("conversionReviewVersions"),
                value: webhook.child("conversionReviewVersions").value,
            };
            validate_review_versions(&versions, &["v1", "v1beta1"], errors);
        }
        _ => strategy.one_of(&["None", "Webhook"], errors),
    }
    if strategy.text() == "None" && webhook.is_present() {
        let path = conversion.path.child("webhookClientConfig");
        let detail = "should not be set when strategy is not set to Webhook";
        errors.push(FieldError::forbidden(&path, detail));
    }
}

/// What may be stored is served, or could be.
fn validate_stored(definition: &Object, errors: &mut FieldErrors) {
    let stored = At::root(definition, "status").child("storedVersions");
    let versions = At::root(definition, "spec").child("versions");
    let named: BTreeSet<&str> = versions.items().map(|v| v.child("name").text()).collect();
    if stored.is_zero() {
        errors.push(stored.invalid("must have at least one stored version"));
    }
    let storage = versions
        .items()
        .find(|version| version.child("storage").flag());
    if let Some(storage) = storage {
        let name = storage.child("name").text();
        if !stored.items().any(|version| version.text() == name) {
            errors.push(stored.invalid(format!("must have the storage version {name}")));
        }
    }
    for version in stored.items() {
        let name = version.text();
        if !named.contains(name) {
            errors.push(version.invalid(format!(
                "missing from spec.versions; {name} was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in {name} and removes {name} from status.storedVersions"
            )));
        }
    }
}

pub(super) fn validate_status(definition: &Object) -> FieldErrors {
    let mut errors = FieldErrors::new();
    validate_stored(definition, &mut errors);
    errors
}

/// Objects that are stored must stay what they are.
pub(super) fn validate_change(new: &Object, old: &Object) -> FieldErrors {
    let mut errors = validate_definition(new);
    let (spec, before) = (At::root(new, "spec"), At::root(old, "spec"));
    let is_established = json::maps(status(old), "conditions").any(|condition| {
        json::text(condition, "type") == "Established" && json::text(condition, "status") == "True"
    });
    if is_established {
        immutable(&spec.child("scope"), &before.child("scope"), &mut errors);
        let kind = |spec: &At<'_>| -> serde_json::Value {
            spec.child("names").child("kind").value.clone()
        };
        if kind(&spec) != kind(&before) {
            let at = spec.child("names").child("kind");
            errors.push(at.invalid("field is immutable"));
        }
    }
    immutable(&spec.child("group"), &before.child("group"), &mut errors);
    let (plural, was) = (
        spec.child("names").child("plural"),
        before.child("names").child("plural"),
    );
    immutable(&plural, &was, &mut errors);
    errors
}
