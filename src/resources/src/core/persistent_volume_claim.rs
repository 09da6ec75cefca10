//! PersistentVolumeClaim.

use apimachinery::{FieldError, FieldErrors, Object, Path, Quantity};
use serde_json::{Value, json};

use super::persistent_volume::{access_modes, class, class_warning, or_unset, phase};
use crate::at::At;
use crate::cells::{self, AGE, NAME, spec, text, wide};
use crate::column::Column;
use crate::json::{self, Fill, Json, fill};
use crate::podspec::{canonical_quantities, default_claim_spec, validate_claim_spec};
use crate::row::{COMMON, Resource, Subresource};
use crate::strategy::{Cx, Strategy};

pub static PERSISTENT_VOLUME_CLAIM: Resource = Resource {
    kind: "PersistentVolumeClaim",
    plural: "persistentvolumeclaims",
    singular: "persistentvolumeclaim",
    short_names: &["pvc"],
    prefix: "persistentvolumeclaims",
    subresources: &[Subresource::Status],
    returns_deleted: true,
    not_yet: Some("no volume controller"),
    columns: COLUMNS,
    strategy: &PersistentVolumeClaim,
    ..COMMON
};

const COLUMNS: &[Column] = &[
    NAME,
    text("Status", "Whether it has a volume.", |cell| {
        phase(cell.object).into()
    }),
    text("Volume", "The volume it has.", |cell| {
        volume(cell.object).into()
    }),
    text("Capacity", "How much that holds.", |cell| {
        let storage = cell
            .object
            .at("/status/capacity/storage")
            .and_then(Value::as_str);
        if_bound(cell.object, storage.unwrap_or("").to_owned()).into()
    }),
    text("Access Modes", "Who may use it at once.", |cell| {
        if_bound(cell.object, access_modes(cells::status(cell.object))).into()
    }),
    text("StorageClass", "The class it asks for.", |cell| {
        class(cell.object).into()
    }),
    text("VolumeAttributesClass", "How the volume behaves.", |cell| {
        or_unset(spec(cell.object), "volumeAttributesClassName").into()
    }),
    AGE,
    wide(text("VolumeMode", "Files or a block device.", |cell| {
        or_unset(spec(cell.object), "volumeMode").into()
    })),
];

fn volume(claim: &Object) -> &str {
    json::text(spec(claim), "volumeName")
}

fn if_bound(claim: &Object, text: String) -> String {
    if volume(claim).is_empty() {
        String::new()
    } else {
        text
    }
}

struct PersistentVolumeClaim;

impl Strategy for PersistentVolumeClaim {
    fn default(&self, _cx: &Cx<'_>, object: &mut Object) {
        default_claim_spec(object.map_mut("spec"));
        let status = object.map_mut("status");
        fill(status, &[("phase", Fill::Text("Pending"))]);
        canonical_quantities(status, "capacity");
    }

    fn prepare_for_create(&self, _cx: &Cx<'_>, object: &mut Object) {
        object.insert("status".into(), json!({"phase": "Pending"}));
        let spec = object.map_mut("spec");
        if json::map(spec, "dataSourceRef").is_none() {
            drop_foreign_source(spec);
        }
        match_sources(spec);
    }

    fn prepare_for_update(&self, cx: &Cx<'_>, new: &mut Object, _old: &Object) {
        if cx.subresource.is_empty() {
            match_sources(new.map_mut("spec"));
        }
    }

    fn validate(&self, _cx: &Cx<'_>, object: &Object) -> FieldErrors {
        let mut errors = FieldErrors::new();
        validate_claim_spec(&At::root(object, "spec"), &mut errors);
        errors
    }

    fn validate_update(&self, cx: &Cx<'_>, new: &Object, old: &Object) -> FieldErrors {
        if cx.subresource == "status" {
            return FieldErrors::new();
        }
        let mut errors = self.validate(cx, new);
        validate_change(new, old, &mut errors);
        errors
    }

    fn warnings(&self, cx: &Cx<'_>, object: &Object) -> Vec<String> {
        match cx.subresource {
            "" => class_warning(object).into_iter().collect(),
            _ => Vec::new(),
        }
    }
}

/// Only claims and snapshots were ever sources by this name; others need the newer field.
fn drop_foreign_source(spec: &mut Json) {
    let keeps = json::map(spec, "dataSource").is_none_or(|source| {
        matches!(
            (json::text(source, "apiGroup"), json::text(source, "kind")),
            ("", "PersistentVolumeClaim") | ("snapshot.storage.k8s.io", "VolumeSnapshot")
        )
    });
    if !keeps {
        spec.remove("dataSource");
    }
}

/// `dataSource` and `dataSourceRef` are one, unless the latter is in another namespace.
fn match_sources(spec: &mut Json) {
    let source = json::map(spec, "dataSource").cloned();
    let reference = json::map(spec, "dataSourceRef").cloned();
    match (source, reference) {
        (Some(source), None) => {
            spec.insert("dataSourceRef".into(), source.into());
        }
        (None, Some(reference)) if json::text(&reference, "namespace").is_empty() => {
            let kind = (
                json::text(&reference, "apiGroup"),
                json::text(&reference, "kind"),
            );
            if matches!(
                kind,
                ("", "PersistentVolumeClaim") | ("snapshot.storage.k8s.io", "VolumeSnapshot")
            ) {
                spec.insert("dataSource".into(), reference.into());
            }
        }
        _ => {}
    }
}

const FIXED: &str = "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims";

fn validate_change(new: &Object, old: &Object, errors: &mut FieldErrors) {
    let is_bound = json::text(cells::status(old), "phase") == "Bound";
    let (mut now, mut then) = (spec(new).clone(), spec(old).clone());
    if json::text(&then, "volumeName").is_empty() {
        // The binder's one change.
        for spec in [&mut now, &mut then] {
            spec.remove("volumeName");
        }
    }
    if then.get("storageClassName").is_none_or(Value::is_null) {
        for spec in [&mut now, &mut then] {
            spec.remove("storageClassName");
        }
    }
    let wanted = |spec: &Json| -> Option<Quantity> {
        let requests = json::map(spec, "resources").and_then(|r| json::map(r, "requests"));
        json::text(requests?, "storage").parse().ok()
    };
    let (size, before) = (wanted(&now), wanted(&then));
    if is_bound {
        for spec in [&mut now, &mut then] {
            spec.remove("volumeAttributesClassName");
            if let Some(resources) = json::map_mut(spec, "resources") {
                resources.remove("requests");
            }
        }
    }
    let mut fields = now.keys().chain(then.keys());
    if let Some(field) = fields.find(|field| !json::same(now.get(*field), then.get(*field))) {
        let path = Path::new("spec");
        let detail = format!("{FIXED}\nspec.{field} is different");
        errors.push(FieldError::forbidden(&path, detail));
    }
    let capacity = cells::status(old)
        .get("capacity")
        .and_then(Value::as_object);
    let capacity: Option<Quantity> =
        capacity.and_then(|capacity| json::text(capacity, "storage").parse().ok());
    if is_bound
        && size < before
        && let (Some(size), Some(capacity)) = (size, capacity)
        && size < capacity
    {
        let path = Path::new("spec")
            .child("resources")
            .child("requests")
            .child("storage");
        errors.push(FieldError::forbidden(
            &path,
            "field can not be less than status.capacity",
        ));
    }
}
