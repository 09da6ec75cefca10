//! ResourceSlice: the devices of a driver.

use std::collections::BTreeSet;

use apimachinery::{FieldError, FieldErrors, Object, time};

use super::requests::at_most;
use super::{GROUP, NOT_YET};
use crate::at::{At, immutable, required};
use crate::cells::{AGE, NAME, spec, text};
use crate::column::Column;
use crate::json;
use crate::meta::dns_label;
use crate::row::{COMMON, FieldSelectable, Resource, Scope};
use crate::storage::validate_driver_name;
use crate::strategy::{Cx, Strategy};

pub static RESOURCE_SLICE: Resource = Resource {
    group: GROUP,
    kind: "ResourceSlice",
    plural: "resourceslices",
    singular: "resourceslice",
    scope: Scope::Cluster,
    prefix: "resourceslices",
    generation: true,
    returns_deleted: true,
    not_yet: NOT_YET,
    columns: COLUMNS,
    field_selectors: &[
        FieldSelectable::text("spec.nodeName", "/spec/nodeName"),
        FieldSelectable::text("spec.driver", "/spec/driver"),
    ],
    strategy: &Slice,
    ..COMMON
};

const COLUMNS: &[Column] = &[
    NAME,
    text("Node", "Where the devices are.", |cell| {
        json::text(spec(cell.object), "nodeName").into()
    }),
    text("Driver", "Whose they are.", |cell| {
        json::text(spec(cell.object), "driver").into()
    }),
    text("Pool", "The pool it is part of.", |cell| {
        let pool = json::map(spec(cell.object), "pool");
        pool.map_or("", |pool| json::text(pool, "name")).into()
    }),
    AGE,
];

const MOST_DEVICES: usize = 128;
const MOST_FACTS: usize = 32;
const PLACES: [&str; 4] = [
    "nodeName",
    "nodeSelector",
    "allNodes",
    "perDeviceNodeSelection",
];

struct Slice;

impl Strategy for Slice {
    /// A taint is as old as its first write.
    fn default(&self, cx: &Cx<'_>, object: &mut Object) {
        let now = time::format(cx.now);
        json::each_mut(object, &["spec", "devices", "taints"], &mut |taint| {
            if json::text(taint, "timeAdded").is_empty() {
                taint.insert("timeAdded".into(), now.clone().into());
            }
        });
    }

    fn validate(&self, _cx: &Cx<'_>, object: &Object) -> FieldErrors {
        let mut errors = FieldErrors::new();
        let spec = At::root(object, "spec");
        validate_driver_name(&spec.child("driver"), &mut errors);
        let pool = spec.child("pool");
        required(&pool.child("name"), &mut errors);
        let count = pool.child("resourceSliceCount");
        let number = count.int().unwrap_or(0);
        if number <= 0 {
            let detail = "must be greater than zero";
            errors.push(FieldError::invalid(&count.path, number, detail));
        }
        let places = PLACES
            .iter()
            .filter(|field| !spec.child(field).is_zero())
            .count();
        let detail = "exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required";
        match places {
            0 => errors.push(spec.required(detail)),
            1 => {}
            _ => errors.push(spec.invalid(detail)),
        }
        validate_devices(&spec.child("devices"), &mut errors);
        errors
    }

    fn validate_update(&self, cx: &Cx<'_>, new: &Object, old: &Object) -> FieldErrors {
        let mut errors = self.validate(cx, new);
        let (spec, before) = (At::root(new, "spec"), At::root(old, "spec"));
        for field in ["driver", "nodeName"] {
            immutable(&spec.child(field), &before.child(field), &mut errors);
        }
        let pool = |spec: &At<'_>| spec.child("pool").child("name").text().to_owned();
        if pool(&spec) != pool(&before) {
            let name = spec.child("pool").child("name");
            errors.push(name.invalid("field is immutable"));
        }
        errors
    }
}

fn validate_devices(devices: &At<'_>, errors: &mut FieldErrors) {
    at_most(devices, MOST_DEVICES, errors);
    let mut names = BTreeSet::new();
    for device in devices.items() {
        let name = device.child("name");
        name.check_required(dns_label, errors);
        if !names.insert(name.text()) {
            errors.push(name.duplicate());
        }
        let facts = ["attributes", "capacity"].map(|field| device.child(field).entries().count());
        if facts.iter().sum::<usize>() > MOST_FACTS {
            errors.push(device.invalid(format!(
                "the total number of attributes and capacities must not exceed {MOST_FACTS}"
            )));
        }
        for (_, attribute) in device.child("attributes").entries() {
            let values = ["int", "bool", "string", "version"];
            if values
                .iter()
                .filter(|kind| attribute.child(kind).is_present())
                .count()
                != 1
            {
                errors.push(attribute.invalid("exactly one value must be specified"));
            }
        }
    }
}
