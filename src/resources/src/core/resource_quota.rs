//! ResourceQuota.

mod rules;

use apimachinery::{FieldErrors, Object};
use serde_json::{Value, json};

use crate::cells::{AGE, NAME, spec, status, text};
use crate::column::{Cell, Column};
use crate::json;
use crate::podspec::canonical_quantities;
use crate::row::{COMMON, Resource, Subresource};
use crate::strategy::{Cx, Strategy};

pub static RESOURCE_QUOTA: Resource = Resource {
    kind: "ResourceQuota",
    plural: "resourcequotas",
    singular: "resourcequota",
    short_names: &["quota"],
    prefix: "resourcequotas",
    returns_deleted: true,
    subresources: &[Subresource::Status],
    columns: COLUMNS,
    strategy: &ResourceQuota,
    ..COMMON
};

const COLUMNS: &[Column] = &[
    NAME,
    text("Request", "Used and allowed requests and counts.", |cell| {
        usage(cell, |resource| !is_limit(resource))
    }),
    text("Limit", "Used and allowed limits.", |cell| {
        usage(cell, is_limit)
    }),
    AGE,
];

fn is_limit(resource: &str) -> bool {
    resource.split('.').next() == Some("limits")
}

/// `pods: 2/5, …` of some resources, by name.
fn usage(cell: &Cell<'_>, wanted: fn(&str) -> bool) -> Value {
    let status = status(cell.object);
    let used = json::map(status, "used");
    let mut rows: Vec<String> = json::map(status, "hard")
        .into_iter()
        .flatten()
        .filter(|(resource, _)| wanted(resource))
        .map(|(resource, hard)| {
            let used = used.map_or("", |used| json::text(used, resource));
            let used = if used.is_empty() { "0" } else { used };
            format!("{resource}: {used}/{}", hard.as_str().unwrap_or_default())
        })
        .collect();
    rows.sort();
    rows.join(", ").into()
}

struct ResourceQuota;

impl Strategy for ResourceQuota {
    fn default(&self, _cx: &Cx<'_>, object: &mut Object) {
        for (section, list) in [("spec", "hard"), ("status", "hard"), ("status", "used")] {
            if let Some(section) = json::map_mut(object, section) {
                canonical_quantities(section, list);
            }
        }
    }

    fn prepare_for_create(&self, _cx: &Cx<'_>, object: &mut Object) {
        object.insert("status".into(), json!({}));
    }

    fn validate(&self, _cx: &Cx<'_>, object: &Object) -> FieldErrors {
        rules::validate_quota(object)
    }

    fn validate_update(&self, cx: &Cx<'_>, new: &Object, old: &Object) -> FieldErrors {
        if cx.subresource == "status" {
            return rules::validate_status(new);
        }
        let mut errors = self.validate(cx, new);
        let scopes = |object| -> Vec<&str> {
            let mut scopes: Vec<&str> = json::texts(spec(object), "scopes").collect();
            scopes.sort_unstable();
            scopes.dedup();
            scopes
        };
        if scopes(new) != scopes(old) {
            rules::refuse_new_scopes(new, &mut errors);
        }
        errors
    }
}
