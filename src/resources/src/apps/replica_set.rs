//! ReplicaSet.

use apimachinery::{FieldErrors, Object};
use serde_json::json;

use super::{CURRENT, DESIRED, READY, REPLICA_COUNTERS};
use crate::at::{At, Rules, not_negative};
use crate::cells::{AGE, CONTAINERS, IMAGES, NAME, SELECTOR};
use crate::column::Column;
use crate::json::{Fill, fill};
use crate::podspec::{default_template, validate_selector, validate_template};
use crate::row::{COMMON, Resource, Subresource};
use crate::strategy::{Cx, Strategy};

pub static REPLICA_SET: Resource = Resource {
    group: "apps",
    kind: "ReplicaSet",
    plural: "replicasets",
    singular: "replicaset",
    short_names: &["rs"],
    categories: &["all"],
    prefix: "replicasets",
    subresources: &[super::SCALE, Subresource::Status],
    generation: true,
    columns: COLUMNS,
    strategy: &ReplicaSet,
    ..COMMON
};

const COLUMNS: &[Column] = &[
    NAME, DESIRED, CURRENT, READY, AGE, CONTAINERS, IMAGES, SELECTOR,
];

const COUNTS: Rules = &[
    ("replicas", not_negative),
    ("minReadySeconds", not_negative),
];

struct ReplicaSet;

impl Strategy for ReplicaSet {
    fn default(&self, _cx: &Cx<'_>, object: &mut Object) {
        let spec = object.map_mut("spec");
        fill(spec, &[("replicas", Fill::Number(1))]);
        default_template(spec);
    }

    fn validate(&self, _cx: &Cx<'_>, object: &Object) -> FieldErrors {
        let mut errors = FieldErrors::new();
        let spec = At::root(object, "spec");
        spec.apply(COUNTS, &mut errors);
        // The text speaks of deployments for replica sets too.
        let empty = "empty selector is invalid for deployment";
        validate_selector(&spec.child("selector"), empty, &mut errors);
        validate_template(&spec, "ReplicaSet", &mut errors);
        errors
    }

    fn validate_update(&self, cx: &Cx<'_>, new: &Object, old: &Object) -> FieldErrors {
        if cx.subresource == "status" {
            let mut errors = FieldErrors::new();
            super::validate_counters(&At::root(new, "status"), REPLICA_COUNTERS, &mut errors);
            return errors;
        }
        let mut errors = self.validate(cx, new);
        super::keep_selector(new, old, &mut errors);
        errors
    }

    fn warnings(&self, cx: &Cx<'_>, object: &Object) -> Vec<String> {
        super::template_warnings(cx, object, Some("Pod names and hostnames"))
    }

    fn prepare_for_create(&self, _cx: &Cx<'_>, object: &mut Object) {
        object.insert("status".into(), json!({"replicas": 0}));
    }
}
