//! VolumeAttachment.

use apimachinery::{FieldErrors, Object};
use serde_json::{Value, json};

use super::{GROUP, NO_VOLUMES, validate_driver_name};
use crate::at::{At, immutable};
use crate::cells::{AGE, NAME, boolean, spec, text};
use crate::column::Column;
use crate::json;
use crate::meta::dns_subdomain;
use crate::row::{COMMON, Resource, Scope, Subresource};
use crate::strategy::{Cx, Strategy};

pub static VOLUME_ATTACHMENT: Resource = Resource {
    group: GROUP,
    kind: "VolumeAttachment",
    plural: "volumeattachments",
    singular: "volumeattachment",
    scope: Scope::Cluster,
    prefix: "volumeattachments",
    subresources: &[Subresource::Status],
    unconditional_update: false,
    returns_deleted: true,
    not_yet: NO_VOLUMES,
    columns: COLUMNS,
    strategy: &VolumeAttachment,
    ..COMMON
};

const COLUMNS: &[Column] = &[
    NAME,
    Column {
        format: "name",
        ..text("Attacher", "Who attaches it.", |cell| {
            json::text(spec(cell.object), "attacher").into()
        })
    },
    text("PV", "What is attached.", |cell| {
        let volume = cell.object.at("/spec/source/persistentVolumeName");
        volume.and_then(Value::as_str).unwrap_or("").into()
    }),
    text("Node", "Where it is attached.", |cell| {
        json::text(spec(cell.object), "nodeName").into()
    }),
    boolean("Attached", "Whether it is.", |cell| {
        let attached = cell.object.at("/status/attached");
        attached.and_then(Value::as_bool).unwrap_or(false).into()
    }),
    AGE,
];

struct VolumeAttachment;

impl Strategy for VolumeAttachment {
    fn prepare_for_create(&self, _cx: &Cx<'_>, object: &mut Object) {
        object.insert("status".into(), json!({"attached": false}));
    }

    fn validate(&self, _cx: &Cx<'_>, object: &Object) -> FieldErrors {
        let mut errors = FieldErrors::new();
        let spec = At::root(object, "spec");
        validate_driver_name(&spec.child("attacher"), &mut errors);
        let source = spec.child("source");
        let sources = ["inlineVolumeSpec", "persistentVolumeName"];
        let detail = "must specify exactly one of inlineVolumeSpec and persistentVolumeName";
        match sources
            .iter()
            .filter(|field| source.child(field).is_present())
            .count()
        {
            0 => errors.push(source.required(detail)),
            1 => {}
            _ => errors.push(source.forbidden(detail)),
        }
        let node = spec.child("nodeName");
        node.check_required(dns_subdomain, &mut errors);
        errors
    }

    fn validate_update(&self, _cx: &Cx<'_>, new: &Object, old: &Object) -> FieldErrors {
        let mut errors = FieldErrors::new();
        immutable(&At::root(new, "spec"), &At::root(old, "spec"), &mut errors);
        errors
    }
}
