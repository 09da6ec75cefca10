//! CSIStorageCapacity.

use apimachinery::{FieldErrors, Object};

use super::{GROUP, NO_VOLUMES};
use crate::at::{At, immutable};
use crate::cells::{CREATED_AT, NAME};
use crate::meta::{dns_subdomain, validate_label_selector};
use crate::podspec::validate_quantity;
use crate::row::{COMMON, Resource};
use crate::strategy::{Cx, Strategy};

pub static CSI_STORAGE_CAPACITY: Resource = Resource {
    group: GROUP,
    kind: "CSIStorageCapacity",
    plural: "csistoragecapacities",
    singular: "csistoragecapacity",
    prefix: "csistoragecapacities",
    unconditional_update: false,
    returns_deleted: true,
    not_yet: NO_VOLUMES,
    columns: &[NAME, CREATED_AT],
    strategy: &CsiStorageCapacity,
    ..COMMON
};

struct CsiStorageCapacity;

impl Strategy for CsiStorageCapacity {
    fn validate(&self, _cx: &Cx<'_>, object: &Object) -> FieldErrors {
        let mut errors = FieldErrors::new();
        validate_label_selector(&At::root(object, "nodeTopology"), &mut errors);
        At::root(object, "storageClassName").check(dns_subdomain, &mut errors);
        for field in ["capacity", "maximumVolumeSize"] {
            let at = At::root(object, field);
            if at.is_present() {
                validate_quantity("storage", &at, &mut errors);
            }
        }
        errors
    }

    fn validate_update(&self, cx: &Cx<'_>, new: &Object, old: &Object) -> FieldErrors {
        let mut errors = self.validate(cx, new);
        for field in ["nodeTopology", "storageClassName"] {
            immutable(&At::root(new, field), &At::root(old, field), &mut errors);
        }
        errors
    }
}
