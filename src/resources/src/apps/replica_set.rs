//! ReplicaSet.

use apimachinery::Object;
use serde_json::json;

use crate::cells::{AGE, NAME, containers, integer, number, or_none, selector, text, wide};
use crate::column::Column;
use crate::json::{Fill, fill};
use crate::podspec::default_template;
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
    NAME,
    integer("Desired", "Pods wanted.", |cell| {
        number(cell.object, "/spec/replicas").into()
    }),
    integer("Current", "Pods there are.", |cell| {
        number(cell.object, "/status/replicas").into()
    }),
    integer("Ready", "Pods that are ready.", |cell| {
        number(cell.object, "/status/readyReplicas").into()
    }),
    AGE,
    wide(text("Containers", "Names of the containers.", |cell| {
        containers(cell.object, "name")
    })),
    wide(text("Images", "Images of the containers.", |cell| {
        containers(cell.object, "image")
    })),
    wide(text(
        "Selector",
        "The pods it owns.",
        |cell| match selector(cell.object.at("/spec/selector")) {
            Ok(text) => or_none(&text).into(),
            Err(_) => "<error>".into(),
        },
    )),
];

struct ReplicaSet;

impl Strategy for ReplicaSet {
    fn default(&self, _cx: &Cx<'_>, object: &mut Object) {
        let spec = object.map_mut("spec");
        fill(spec, &[("replicas", Fill::Number(1))]);
        default_template(spec);
    }

    fn prepare_for_create(&self, _cx: &Cx<'_>, object: &mut Object) {
        object.insert("status".into(), json!({"replicas": 0}));
    }
}
