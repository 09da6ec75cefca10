//! CSINode: the CSI drivers of a node.

use std::collections::{BTreeSet, HashMap};

use apimachinery::{FieldErrors, Object};

use super::{GROUP, NO_VOLUMES, validate_driver_name};
use crate::at::{At, SHOWN_LISTS, check_text, not_negative};
use crate::cells::{AGE, NAME, integer, spec};
use crate::column::Column;
use crate::json::{self, Json};
use crate::meta::qualified_name;
use crate::row::{COMMON, Resource, Scope};
use crate::strategy::{Cx, Strategy};

pub static CSI_NODE: Resource = Resource {
    group: GROUP,
    kind: "CSINode",
    plural: "csinodes",
    singular: "csinode",
    scope: Scope::Cluster,
    prefix: "csinodes",
    unconditional_update: false,
    returns_deleted: true,
    not_yet: NO_VOLUMES,
    columns: COLUMNS,
    strategy: &CsiNode,
    ..COMMON
};

const COLUMNS: &[Column] = &[
    NAME,
    integer("Drivers", "How many there are.", |cell| {
        json::list(spec(cell.object), "drivers").len().into()
    }),
    AGE,
];

const NODE_ID_SIZE: usize = 256;

struct CsiNode;

impl Strategy for CsiNode {
    fn validate(&self, _cx: &Cx<'_>, object: &Object) -> FieldErrors {
        let mut errors = FieldErrors::new();
        let mut names = BTreeSet::new();
        for driver in At::root(object, "spec").child("drivers").items() {
            validate_driver(&driver, &mut errors);
            let name = driver.child("name");
            if !names.insert(name.text()) {
                errors.push(name.duplicate());
            }
        }
        errors
    }

    /// Drivers come and go; one that stays is the same but for how much it takes.
    fn validate_update(&self, cx: &Cx<'_>, new: &Object, old: &Object) -> FieldErrors {
        let mut errors = self.validate(cx, new);
        let fixed = |driver: &Json| -> Json {
            let mut driver = driver.clone();
            driver.remove("allocatable");
            driver
        };
        let drivers = At::root(new, "spec").child("drivers");
        let mut before = HashMap::new();
        for driver in json::maps(spec(old), "drivers") {
            before.entry(json::text(driver, "name")).or_insert(driver);
        }
        let is_changed = |driver: &&Json| {
            let before = before.get(json::text(driver, "name"));
            let now = || fixed(driver).into();
            before.is_some_and(|before| !json::same(Some(&now()), Some(&fixed(before).into())))
        };
        let changed = json::maps(spec(new), "drivers").filter(is_changed);
        for _ in changed.take(SHOWN_LISTS) {
            errors.push(drivers.invalid("field is immutable"));
        }
        errors
    }
}

fn validate_driver(driver: &At<'_>, errors: &mut FieldErrors) {
    validate_driver_name(&driver.child("name"), errors);
    let node = driver.child("nodeID");
    if node.text().is_empty() {
        errors.push(node.required(""));
    } else if node.text().len() > NODE_ID_SIZE {
        errors.push(node.invalid("must be 256 characters or less"));
    }
    not_negative(&driver.child("allocatable").child("count"), errors);
    let mut seen = BTreeSet::new();
    for key in driver.child("topologyKeys").items() {
        if key.text().is_empty() {
            errors.push(crate::at::At::required(driver, ""));
        }
        if !seen.insert(key.text()) {
            errors.push(apimachinery::FieldError::duplicate(
                &driver.path,
                key.text(),
            ));
        }
        check_text(&driver.path, key.text(), qualified_name, errors);
    }
}
