//! The spec of a volume claim: of PersistentVolumeClaims, and of the templates of pods and
//! StatefulSets.

use apimachinery::{FieldError, FieldErrors, Quantity};

use super::canonical_resources;
use crate::at::At;
use crate::json::{self, Fill, Json, fill};
use crate::meta::{dns_subdomain, validate_label_selector};

const ACCESS_MODES: [&str; 4] = [
    "ReadOnlyMany",
    "ReadWriteMany",
    "ReadWriteOnce",
    "ReadWriteOncePod",
];
pub(crate) const VOLUME_MODES: [&str; 2] = ["Block", "Filesystem"];

pub(crate) fn default_claim_spec(spec: &mut Json) {
    fill(spec, &[("volumeMode", Fill::TextIfAbsent("Filesystem"))]);
    if let Some(resources) = json::map_mut(spec, "resources") {
        canonical_resources(resources);
    }
}

pub(crate) fn validate_claim_spec(spec: &At<'_>, errors: &mut FieldErrors) {
    let modes = spec.child("accessModes");
    if modes.is_zero() {
        errors.push(modes.required("at least 1 access mode is required"));
    }
    validate_label_selector(&spec.child("selector"), errors);
    validate_access_modes(&modes, errors);
    validate_storage(spec, errors);
    for class in ["storageClassName", "volumeAttributesClassName"] {
        spec.child(class).check_optional(dns_subdomain, errors);
    }
    let mode = spec.child("volumeMode");
    if mode.is_present() {
        mode.one_of(&VOLUME_MODES, errors);
    }
    for field in ["dataSource", "dataSourceRef"] {
        validate_source(&spec.child(field), errors);
    }
    validate_sources_agree(spec, errors);
}

/// Of claims and of volumes.
pub(crate) fn validate_access_modes(modes: &At<'_>, errors: &mut FieldErrors) {
    let names: Vec<&str> = modes
        .items()
        .map(|mode| mode.value.as_str().unwrap_or(""))
        .collect();
    for name in &names {
        if !ACCESS_MODES.contains(name) {
            errors.push(FieldError::not_supported(&modes.path, *name, &ACCESS_MODES));
        }
    }
    let single = "ReadWriteOncePod";
    if names.contains(&single) && names.iter().any(|name| *name != single) {
        let detail = "may not use ReadWriteOncePod with other access modes";
        errors.push(modes.forbidden(detail));
    }
}

fn validate_storage(spec: &At<'_>, errors: &mut FieldErrors) {
    let resources = spec.child("resources");
    let storage = At {
        path: resources.path.key("storage"),
        value: resources.child("requests").child("storage").value,
    };
    if storage.is_present() {
        positive_quantity(&storage, errors);
    } else {
        errors.push(storage.required(""));
    }
}

/// More than nothing.
pub(crate) fn positive_quantity(at: &At<'_>, errors: &mut FieldErrors) {
    match at.text().parse::<Quantity>() {
        Err(error) => errors.push(at.invalid(error.to_string())),
        Ok(quantity) if quantity.is_negative() || quantity.is_zero() => {
            errors.push(at.invalid("must be greater than zero"));
        }
        Ok(_) => {}
    }
}

/// What a new volume begins with.
fn validate_source(source: &At<'_>, errors: &mut FieldErrors) {
    if !source.is_present() {
        return;
    }
    let (kind, group) = (source.child("kind"), source.child("apiGroup"));
    for field in [source.child("name"), kind.clone()] {
        crate::at::required(&field, errors);
    }
    if group.text().is_empty() && kind.text() != "PersistentVolumeClaim" {
        errors.push(FieldError::invalid(
            &source.path,
            kind.text(),
            "must be 'PersistentVolumeClaim' when referencing the default apiGroup",
        ));
    }
    group.check_optional(dns_subdomain, errors);
}

fn validate_sources_agree(spec: &At<'_>, errors: &mut FieldErrors) {
    let (source, reference) = (spec.child("dataSource"), spec.child("dataSourceRef"));
    if !source.is_present() || !reference.is_present() {
        return;
    }
    let same = |field| source.child(field).text() == reference.child(field).text();
    // The value is the path itself.
    let shown = source.path.to_string();
    if !reference.child("namespace").text().is_empty() {
        let detail = "may not be specified when dataSourceRef.namespace is specified";
        errors.push(FieldError::invalid(&spec.path, shown, detail));
    } else if !["apiGroup", "kind", "name"].into_iter().all(same) {
        errors.push(FieldError::invalid(
            &spec.path,
            shown,
            "must match dataSourceRef",
        ));
    }
}
