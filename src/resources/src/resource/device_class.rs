//! DeviceClass.

use apimachinery::{FieldErrors, Object};

use super::requests::{validate_config, validate_selectors};
use super::{GROUP, NOT_YET};
use crate::at::At;
use crate::row::{COMMON, Resource, Scope};
use crate::strategy::{Cx, Strategy};

pub static DEVICE_CLASS: Resource = Resource {
    group: GROUP,
    kind: "DeviceClass",
    plural: "deviceclasses",
    singular: "deviceclass",
    scope: Scope::Cluster,
    prefix: "deviceclasses",
    generation: true,
    returns_deleted: true,
    not_yet: NOT_YET,
    strategy: &DeviceClass,
    ..COMMON
};

struct DeviceClass;

impl Strategy for DeviceClass {
    fn validate(&self, _cx: &Cx<'_>, object: &Object) -> FieldErrors {
        let mut errors = FieldErrors::new();
        let spec = At::root(object, "spec");
        validate_selectors(&spec.child("selectors"), &mut errors);
        validate_config(&spec.child("config"), &mut errors);
        errors
    }
}
