//! StorageClass.

use std::collections::BTreeSet;

use apimachinery::{FieldErrors, Object};

use super::{GROUP, NO_VOLUMES, validate_parameters, validate_provisioner};
use crate::at::{At, immutable};
use crate::cells::{self, AGE, text};
use crate::column::Column;
use crate::json::{self, Fill, fill};
use crate::meta::qualified_name;
use crate::row::{COMMON, Resource, Scope};
use crate::strategy::{Cx, Strategy};

pub static STORAGE_CLASS: Resource = Resource {
    group: GROUP,
    kind: "StorageClass",
    plural: "storageclasses",
    singular: "storageclass",
    short_names: &["sc"],
    scope: Scope::Cluster,
    prefix: "storageclasses",
    returns_deleted: true,
    not_yet: NO_VOLUMES,
    columns: COLUMNS,
    strategy: &StorageClass,
    ..COMMON
};

const COLUMNS: &[Column] = &[
    Column {
        cell: |cell| name(cell.object).into(),
        ..cells::NAME
    },
    text("Provisioner", "Who makes its volumes.", |cell| {
        json::text(cell.object, "provisioner").into()
    }),
    text("ReclaimPolicy", "What becomes of them.", |cell| {
        or(cell.object, "reclaimPolicy", "Delete").into()
    }),
    text("VolumeBindingMode", "When they are made.", |cell| {
        or(cell.object, "volumeBindingMode", "Immediate").into()
    }),
    text("AllowVolumeExpansion", "Whether they can grow.", |cell| {
        json::flag(cell.object, "allowVolumeExpansion").into()
    }),
    AGE,
];

const DEFAULT: [&str; 2] = [
    "storageclass.kubernetes.io/is-default-class",
    "storageclass.beta.kubernetes.io/is-default-class",
];

fn name(class: &Object) -> String {
    let is_default = DEFAULT
        .iter()
        .any(|key| class.annotation(key) == Some("true"));
    let mark = if is_default { " (default)" } else { "" };
    format!("{}{mark}", class.name())
}

fn or<'a>(class: &'a Object, field: &str, default: &'a str) -> &'a str {
    match json::text(class, field) {
        "" => default,
        text => text,
    }
}

struct StorageClass;

impl Strategy for StorageClass {
    fn default(&self, _cx: &Cx<'_>, object: &mut Object) {
        let fields = [
            ("reclaimPolicy", Fill::TextIfAbsent("Delete")),
            ("volumeBindingMode", Fill::TextIfAbsent("Immediate")),
        ];
        fill(object, &fields);
    }

    fn validate(&self, _cx: &Cx<'_>, object: &Object) -> FieldErrors {
        let mut errors = FieldErrors::new();
        validate_provisioner(&At::root(object, "provisioner"), &mut errors);
        validate_parameters(&At::root(object, "parameters"), &mut errors);
        let policy = At::root(object, "reclaimPolicy");
        policy.one_of_or_none(&["Delete", "Retain"], &mut errors);
        let mode = At::root(object, "volumeBindingMode");
        mode.one_of(&["Immediate", "WaitForFirstConsumer"], &mut errors);
        validate_topologies(&At::root(object, "allowedTopologies"), &mut errors);
        errors
    }

    fn validate_update(&self, _cx: &Cx<'_>, new: &Object, old: &Object) -> FieldErrors {
        let mut errors = FieldErrors::new();
        for field in ["parameters", "provisioner", "reclaimPolicy"] {
            if !json::same(new.get(field), old.get(field)) {
                let at = At::root(new, field);
                errors.push(at.forbidden(&format!("updates to {field} are forbidden.")));
            }
        }
        let mode = |object| At::root(object, "volumeBindingMode");
        immutable(&mode(new), &mode(old), &mut errors);
        validate_topologies(&At::root(new, "allowedTopologies"), &mut errors);
        errors
    }
}

fn validate_topologies(topologies: &At<'_>, errors: &mut FieldErrors) {
    for term in topologies.items() {
        let mut keys = BTreeSet::new();
        for expression in term.child("matchLabelExpressions").items() {
            let (key, values) = (expression.child("key"), expression.child("values"));
            if values.is_zero() {
                errors.push(values.required(""));
            }
            let mut seen = BTreeSet::new();
            for value in values.items() {
                if !seen.insert(value.text()) {
                    errors.push(value.duplicate());
                }
            }
            key.check(qualified_name, errors);
            if !keys.insert(key.text()) {
                errors.push(key.duplicate());
            }
        }
    }
}
