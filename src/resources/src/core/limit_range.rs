//! LimitRange.

mod rules;

use apimachinery::{FieldErrors, Object};

use crate::cells::{CREATED_AT, NAME};
use crate::json::{self, Json};
use crate::podspec::canonical_quantities;
use crate::row::{COMMON, Resource};
use crate::strategy::{Cx, Strategy};

pub static LIMIT_RANGE: Resource = Resource {
    kind: "LimitRange",
    plural: "limitranges",
    singular: "limitrange",
    short_names: &["limits"],
    prefix: "limitranges",
    create_on_update: true,
    columns: &[NAME, CREATED_AT],
    strategy: &LimitRange,
    ..COMMON
};

const LISTS: [&str; 5] = [
    "default",
    "defaultRequest",
    "max",
    "maxLimitRequestRatio",
    "min",
];

struct LimitRange;

impl Strategy for LimitRange {
    fn default(&self, _cx: &Cx<'_>, object: &mut Object) {
        let Some(spec) = json::map_mut(object, "spec") else {
            return;
        };
        for limit in json::maps_mut(spec, "limits") {
            for list in LISTS {
                canonical_quantities(limit, list);
            }
            if json::text(limit, "type") == "Container" {
                default_limits(limit);
            }
        }
    }

    /// One without a name gets a UUID; its own is as good as any.
    fn prepare_for_create(&self, _cx: &Cx<'_>, object: &mut Object) {
        if object.name().is_empty() {
            let name = object.uid().to_owned();
            object.set_meta("name", &name);
        }
    }

    fn validate(&self, _cx: &Cx<'_>, object: &Object) -> FieldErrors {
        rules::validate_limit_range(object)
    }
}

/// Containers get at most what they may have, and ask for what they get.
fn default_limits(limit: &mut Json) {
    for (list, source) in [
        ("default", "max"),
        ("defaultRequest", "default"),
        ("defaultRequest", "min"),
    ] {
        let mut filled = json::map(limit, list).cloned().unwrap_or_default();
        for (name, quantity) in json::map(limit, source).into_iter().flatten() {
            filled.entry(name).or_insert_with(|| quantity.clone());
        }
        if !filled.is_empty() {
            limit.insert(list.into(), filled.into());
        }
    }
}
