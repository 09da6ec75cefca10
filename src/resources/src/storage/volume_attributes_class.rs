//! VolumeAttributesClass.

use apimachinery::{FieldErrors, Object};

use super::{GROUP, NO_VOLUMES, validate_parameters, validate_provisioner};
use crate::at::At;
use crate::cells::{AGE, NAME, text};
use crate::column::Column;
use crate::json;
use crate::row::{COMMON, Resource, Scope};
use crate::strategy::{Cx, Strategy};

pub static VOLUME_ATTRIBUTES_CLASS: Resource = Resource {
    group: GROUP,
    kind: "VolumeAttributesClass",
    plural: "volumeattributesclasses",
    singular: "volumeattributesclass",
    short_names: &["vac"],
    scope: Scope::Cluster,
    prefix: "volumeattributesclasses",
    returns_deleted: true,
    not_yet: NO_VOLUMES,
    columns: COLUMNS,
    strategy: &VolumeAttributesClass,
    ..COMMON
};

const COLUMNS: &[Column] = &[
    NAME,
    text("DriverName", "Whose volumes they are.", |cell| {
        json::text(cell.object, "driverName").into()
    }),
    AGE,
];

struct VolumeAttributesClass;

impl Strategy for VolumeAttributesClass {
    fn validate(&self, _cx: &Cx<'_>, object: &Object) -> FieldErrors {
        let mut errors = FieldErrors::new();
        validate_provisioner(&At::root(object, "driverName"), &mut errors);
        let parameters = At::root(object, "parameters");
        if parameters.is_zero() {
            errors.push(parameters.required("must contain at least one key/value pair"));
        }
        validate_parameters(&parameters, &mut errors);
        errors
    }

    fn validate_update(&self, _cx: &Cx<'_>, new: &Object, old: &Object) -> FieldErrors {
        let mut errors = FieldErrors::new();
        for field in ["driverName", "parameters"] {
            if !json::same(new.get(field), old.get(field)) {
                let at = At::root(new, field);
                errors.push(at.forbidden(&format!("updates to {field} are forbidden.")));
            }
        }
        errors
    }
}
