//! PersistentVolume.

mod rules;

use apimachinery::admission::Operation;
use apimachinery::{FieldErrors, Object, time};
use serde_json::{Value, json};

use crate::cells::{self, AGE, NAME, spec, text, wide};
use crate::column::Column;
use crate::json::{self, Fill, Json, fill};
use crate::podspec::canonical_quantities;
use crate::row::{COMMON, Resource, Scope, Subresource};
use crate::strategy::{Cx, Strategy};

pub static PERSISTENT_VOLUME: Resource = Resource {
    kind: "PersistentVolume",
    plural: "persistentvolumes",
    singular: "persistentvolume",
    short_names: &["pv"],
    scope: Scope::Cluster,
    prefix: "persistentvolumes",
    subresources: &[Subresource::Status],
    returns_deleted: true,
    not_yet: Some("no volume controller"),
    columns: COLUMNS,
    strategy: &PersistentVolume,
    ..COMMON
};

const COLUMNS: &[Column] = &[
    NAME,
    text("Capacity", "How much it holds.", |cell| {
        pointed(cell.object, "/spec/capacity/storage").into()
    }),
    text("Access Modes", "Who may use it at once.", |cell| {
        access_modes(spec(cell.object)).into()
    }),
    text("Reclaim Policy", "What becomes of it.", |cell| {
        json::text(spec(cell.object), "persistentVolumeReclaimPolicy").into()
    }),
    text("Status", "Whether it is taken.", |cell| {
        phase(cell.object).into()
    }),
    text("Claim", "Whose it is.", |cell| claim(cell.object).into()),
    text("StorageClass", "The class it is of.", |cell| {
        class(cell.object).into()
    }),
    text("VolumeAttributesClass", "How it behaves.", |cell| {
        or_unset(spec(cell.object), "volumeAttributesClassName").into()
    }),
    text("Reason", "Why its status is so.", |cell| {
        json::text(cells::status(cell.object), "reason").into()
    }),
    AGE,
    wide(text("VolumeMode", "Files or a block device.", |cell| {
        or_unset(spec(cell.object), "volumeMode").into()
    })),
];

fn pointed<'a>(object: &'a Object, pointer: &str) -> &'a str {
    object.at(pointer).and_then(Value::as_str).unwrap_or("")
}

fn claim(volume: &Object) -> String {
    match volume.at("/spec/claimRef").and_then(Value::as_object) {
        None => String::new(),
        Some(claim) => {
            let namespace = json::text(claim, "namespace");
            format!("{namespace}/{}", json::text(claim, "name"))
        }
    }
}

/// Of volumes and of claims.
pub(super) fn phase(object: &Object) -> &str {
    match object.deletion_timestamp() {
        Some(_) => "Terminating",
        None => json::text(cells::status(object), "phase"),
    }
}

pub(super) const CLASS: &str = "volume.beta.kubernetes.io/storage-class";

/// Of volumes and of claims.
pub(super) fn class(object: &Object) -> &str {
    let named = json::text(spec(object), "storageClassName");
    object.annotation(CLASS).unwrap_or(named)
}

pub(super) fn or_unset<'a>(spec: &'a Json, field: &str) -> &'a str {
    spec.get(field).and_then(Value::as_str).unwrap_or("<unset>")
}

/// `RWO,ROX`, each once.
pub(super) fn access_modes(map: &Json) -> String {
    const SHORT: [(&str, &str); 4] = [
        ("ReadWriteOnce", "RWO"),
        ("ReadOnlyMany", "ROX"),
        ("ReadWriteMany", "RWX"),
        ("ReadWriteOncePod", "RWOP"),
    ];
    let modes: Vec<&str> = SHORT
        .iter()
        .filter(|(mode, _)| json::texts(map, "accessModes").any(|other| other == *mode))
        .map(|(_, short)| *short)
        .collect();
    modes.join(",")
}

/// About the annotation that named the class before there was a field.
pub(super) fn class_warning(object: &Object) -> Option<String> {
    object.annotation(CLASS).map(|_| {
        format!(
            "metadata.annotations[{CLASS}]: deprecated since v1.8; use \"storageClassName\" attribute instead"
        )
    })
}

const SPEC: &[(&str, Fill)] = &[
    ("persistentVolumeReclaimPolicy", Fill::Text("Retain")),
    ("volumeMode", Fill::TextIfAbsent("Filesystem")),
];

struct PersistentVolume;

impl Strategy for PersistentVolume {
    fn default(&self, _cx: &Cx<'_>, object: &mut Object) {
        let spec = object.map_mut("spec");
        fill(spec, SPEC);
        canonical_quantities(spec, "capacity");
        if let Some(path) = json::map_mut(spec, "hostPath") {
            fill(path, &[("type", Fill::TextIfAbsent(""))]);
        }
        if let Some(iscsi) = json::map_mut(spec, "iscsi") {
            fill(iscsi, &[("iscsiInterface", Fill::Text("default"))]);
        }
        fill(
            object.map_mut("status"),
            &[("phase", Fill::Text("Pending"))],
        );
    }

    fn prepare_for_create(&self, cx: &Cx<'_>, object: &mut Object) {
        let now = time::format(cx.now);
        object.insert(
            "status".into(),
            json!({"phase": "Pending", "lastPhaseTransitionTime": now}),
        );
    }

    fn prepare_for_update(&self, cx: &Cx<'_>, new: &mut Object, old: &Object) {
        let phase = |object: &Object| json::text(cells::status(object), "phase").to_owned();
        let time = |object: &Object| {
            json::text(cells::status(object), "lastPhaseTransitionTime").to_owned()
        };
        if cx.subresource == "status" && phase(new) != phase(old) && time(new) == time(old) {
            let now = time::format(cx.now);
            new.map_mut("status")
                .insert("lastPhaseTransitionTime".into(), now.into());
        }
    }

    fn validate(&self, _cx: &Cx<'_>, object: &Object) -> FieldErrors {
        rules::validate_volume(object)
    }

    fn validate_update(&self, cx: &Cx<'_>, new: &Object, old: &Object) -> FieldErrors {
        match cx.subresource {
            "status" => FieldErrors::new(),
            _ => rules::validate_change(new, old),
        }
    }

    fn warnings(&self, cx: &Cx<'_>, object: &Object) -> Vec<String> {
        let mut warnings = Vec::new();
        if cx.subresource.is_empty() && cx.operation != Operation::Delete {
            warnings.extend(class_warning(object));
            if json::text(spec(object), "persistentVolumeReclaimPolicy") == "Recycle" {
                warnings.push("spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, the recommended approach is to use dynamic provisioning.".to_owned());
            }
        }
        warnings
    }
}
