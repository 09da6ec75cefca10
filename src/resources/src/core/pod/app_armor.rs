//! AppArmor profiles in annotations, as pods had them before they had a field.

use std::collections::{BTreeMap, BTreeSet};

use apimachinery::{FieldError, FieldErrors, Object};
use serde_json::{Value, json};

use crate::at::At;
use crate::json::{self, Json};
use crate::podspec::CONTAINER_LISTS;

const PREFIX: &str = "container.apparmor.security.beta.kubernetes.io/";

/// Whether an annotation is a container's profile.
pub(super) fn is_profile(key: &str) -> bool {
    key.starts_with(PREFIX)
}

/// Copies annotated profiles into the fields of containers that have none.
pub(super) fn fields_from_annotations(pod: &mut Object) {
    let annotations = pod
        .metadata()
        .and_then(|metadata| json::map(metadata, "annotations"));
    let annotations = annotations.into_iter().flatten();
    let profiles: BTreeMap<String, Value> = annotations
        .filter_map(|(key, profile)| {
            let name = key.strip_prefix(PREFIX)?;
            Some((name.to_owned(), field(profile.as_str()?)?))
        })
        .collect();
    if profiles.is_empty() {
        return;
    }
    let Some(spec) = json::map_mut(pod, "spec") else {
        return;
    };
    for list in CONTAINER_LISTS {
        for container in json::maps_mut(spec, list) {
            if let Some(profile) = profiles.get(json::text(container, "name")) {
                set_profile(container, profile.clone());
            }
        }
    }
}

fn field(annotation: &str) -> Option<Value> {
    match annotation {
        "runtime/default" => Some(json!({"type": "RuntimeDefault"})),
        "unconfined" => Some(json!({"type": "Unconfined"})),
        other => {
            let profile = other.strip_prefix("localhost/")?;
            Some(json!({"type": "Localhost", "localhostProfile": profile}))
        }
    }
}

fn set_profile(container: &mut Json, profile: Value) {
    json::fill(container, &[("securityContext", json::Fill::Empty)]);
    if let Some(context) = json::map_mut(container, "securityContext") {
        context.entry("appArmorProfile").or_insert(profile);
    }
}

/// An annotation must be about a container that there is.
pub(super) fn validate_annotations(pod: &Object, errors: &mut FieldErrors) {
    let annotations = At::root(pod, "metadata").child("annotations");
    if !annotations.entries().any(|(key, _)| is_profile(key)) {
        return;
    }
    let spec = At::root(pod, "spec");
    let containers = CONTAINER_LISTS
        .iter()
        .flat_map(|list| spec.child(list).items());
    let names: BTreeSet<&str> = containers
        .map(|container| container.child("name").text())
        .collect();
    for (key, annotation) in annotations.entries() {
        let Some(name) = key.strip_prefix(PREFIX) else {
            continue;
        };
        if !names.contains(name) {
            errors.push(FieldError::invalid(
                &annotation.path,
                name,
                "container not found",
            ));
        }
    }
}
