//! Rules of `metadata`, which `registry` applies to new objects of every kind.

use std::collections::HashSet;

use apimachinery::{FieldError, FieldErrors, GroupVersion, Object};

use super::formats;
use crate::at::{At, SHOWN_LISTS, check_text, not_negative};
use crate::json;
use crate::row::{Resource, Scope};

/// Keys and values of all annotations together, in bytes.
const ANNOTATIONS_SIZE: usize = 256 * 1024;
const STANDARD_FINALIZERS: [&str; 3] = ["kubernetes", "orphan", "foregroundDeletion"];
const TEXT_SIZE: usize = 256;

/// All that is wrong with a new object's metadata. Its name has been generated and its
/// namespace taken from the URL before.
#[must_use]
pub fn validate_object_meta(row: &Resource, object: &Object) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let metadata = At::root(object, "metadata");
    validate_names(row, &metadata, &mut errors);
    not_negative(&metadata.child("generation"), &mut errors);
    validate_namespace(row, &metadata.child("namespace"), &mut errors);
    validate_common(&metadata, &mut errors);
    let finalizers = metadata.child("finalizers");
    validate_finalizers(&finalizers, &mut errors);
    for finalizer in finalizers.items() {
        let name = finalizer.text();
        if !name.contains('/') && !STANDARD_FINALIZERS.contains(&name) {
            errors
                .push(finalizer.invalid(
                    "name is neither a standard finalizer name nor is it fully qualified",
                ));
        }
    }
    errors
}

/// What creation and update check alike.
pub(super) fn validate_common(metadata: &At<'_>, errors: &mut FieldErrors) {
    validate_labels(&metadata.child("labels"), errors);
    validate_annotations(&metadata.child("annotations"), errors);
    validate_owner_references(&metadata.child("ownerReferences"), errors);
    validate_managed_fields(&metadata.child("managedFields"), errors);
}

fn validate_names(row: &Resource, metadata: &At<'_>, errors: &mut FieldErrors) {
    let check = |at: &At<'_>, text: &str, errors: &mut FieldErrors| {
        if let Err(details) = row.strategy.validate_name(text) {
            for detail in details.lines() {
                errors.push(FieldError::invalid(&at.path, at.text(), detail));
            }
        }
    };
    let generate = metadata.child("generateName");
    if !generate.text().is_empty() {
        check(&generate, &masked(generate.text()), errors);
    }
    let name = metadata.child("name");
    if name.text().is_empty() {
        errors.push(name.required("name or generateName is required"));
    } else {
        check(&name, name.text(), errors);
    }
}

/// A prefix may end in a dash, which something follows.
fn masked(prefix: &str) -> String {
    match prefix.strip_suffix('-') {
        Some(rest) if !rest.is_empty() => format!("{rest}a"),
        _ => prefix.to_owned(),
    }
}

fn validate_namespace(row: &Resource, namespace: &At<'_>, errors: &mut FieldErrors) {
    match row.scope {
        Scope::Namespaced => namespace.check_required(formats::dns_label, errors),
        Scope::Cluster if namespace.text().is_empty() => {}
        Scope::Cluster => errors.push(namespace.forbidden("not allowed on this type")),
    }
}

/// Label keys and values; errors name the whole map.
pub(crate) fn validate_labels(labels: &At<'_>, errors: &mut FieldErrors) {
    for (key, value) in labels.entries() {
        check_text(&labels.path, key, formats::qualified_name, errors);
        check_text(&labels.path, value.text(), formats::label_value, errors);
    }
}

/// Annotation keys, which may have capitals in their prefix, and the size of all together.
pub(crate) fn validate_annotations(annotations: &At<'_>, errors: &mut FieldErrors) {
    let mut size = 0;
    for (key, value) in annotations.entries() {
        if let Err(details) = formats::qualified_name(&key.to_lowercase()) {
            for detail in details.lines() {
                errors.push(FieldError::invalid(&annotations.path, key, detail));
            }
        }
        size += key.len() + value.text().len();
    }
    if size > ANNOTATIONS_SIZE {
        errors.push(FieldError::too_long(&annotations.path, ANNOTATIONS_SIZE));
    }
}

fn validate_owner_references(references: &At<'_>, errors: &mut FieldErrors) {
    let mut controller: Option<String> = None;
    let mut told = 0;
    for reference in references.items() {
        // Upstream's paths leave the index out.
        let owner = At {
            path: references.path.clone(),
            value: reference.value,
        };
        validate_owner(&owner, errors);
        if owner.child("controller").flag() {
            let name = format!(
                "{}/{}",
                owner.child("kind").text(),
                owner.child("name").text()
            );
            match &controller {
                None => controller = Some(name),
                Some(first) if told < SHOWN_LISTS => {
                    told += 1;
                    errors.push(references.invalid(format!(
                        "Only one reference can have Controller set to true. Found \"true\" in references for {first} and {name}"
                    )));
                }
                Some(_) => {}
            }
        }
    }
}

fn validate_owner(owner: &At<'_>, errors: &mut FieldErrors) {
    let api_version = owner.child("apiVersion");
    let version = GroupVersion::parse(api_version.text()).unwrap_or_default();
    if version.version.is_empty() {
        let text = api_version.text();
        errors.push(FieldError::invalid(
            &api_version.path,
            text,
            "version must not be empty",
        ));
    }
    for field in ["kind", "name", "uid"] {
        let at = owner.child(field);
        if at.text().is_empty() {
            errors.push(FieldError::invalid(&at.path, "", "must not be empty"));
        }
    }
    let kind = owner.child("kind").text();
    if kind == "Event" && version == GroupVersion::new("", "v1") {
        errors.push(owner.invalid("/v1, Kind=Event is disallowed from being an owner"));
    }
}

fn validate_finalizers(finalizers: &At<'_>, errors: &mut FieldErrors) {
    let names: Vec<&str> = finalizers
        .items()
        .map(|item| item.value.as_str().unwrap_or(""))
        .collect();
    for name in &names {
        check_text(&finalizers.path, name, formats::qualified_name, errors);
    }
    if names.contains(&"orphan") && names.contains(&"foregroundDeletion") {
        errors
            .push(finalizers.invalid("finalizer orphan and foregroundDeletion cannot be both set"));
    }
}

fn validate_managed_fields(entries: &At<'_>, errors: &mut FieldErrors) {
    for entry in entries.items() {
        let operation = entry.child("operation");
        if !matches!(operation.text(), "Apply" | "Update") {
            let detail = "must be `Apply` or `Update`";
            errors.push(FieldError::invalid(
                &operation.path,
                operation.text(),
                detail,
            ));
        }
        let fields_type = entry.child("fieldsType");
        if !matches!(fields_type.text(), "" | "FieldsV1") {
            errors.push(fields_type.invalid("must be `FieldsV1`"));
        }
        for field in ["manager", "subresource"] {
            let at = entry.child(field);
            if at.text().len() > TEXT_SIZE {
                errors.push(FieldError::too_long(&at.path, TEXT_SIZE));
            }
        }
    }
}

/// Drops owner references that are there twice and answers the warning about it.
pub fn dedup_owner_references(object: &mut Object) -> Option<String> {
    let list = object.metadata_mut().get_mut("ownerReferences")?;
    let references = list.as_array_mut()?;
    let mut repeated: Vec<String> = Vec::new();
    // A body holds tens of thousands, too many to compare each with each.
    let mut seen = HashSet::new();
    references.retain(|reference| {
        let is_new = seen.insert(reference.clone());
        if !is_new {
            let uid = reference.as_object().map_or("", |r| json::text(r, "uid"));
            repeated.push(uid.to_owned());
        }
        is_new
    });
    repeated.dedup();
    (!repeated.is_empty()).then(|| {
        format!(
            ".metadata.ownerReferences contains duplicate entries; API server dedups owner references in 1.20+, and may reject such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: {}",
            repeated.join(", ")
        )
    })
}
