//! ReplicationController.

use apimachinery::{FieldErrors, LabelSelector, Object};
use serde_json::json;

use crate::apps::{
    CURRENT, DESIRED, READY, REPLICA_COUNTERS, template_warnings, validate_counters,
};
use crate::at::{At, not_negative, required};
use crate::cells::{AGE, CONTAINERS, IMAGES, NAME, labels, spec, text, wide};
use crate::column::Column;
use crate::json::{self, Fill, fill};
use crate::podspec::{
    default_template, validate_lasting, validate_pod_template, validate_template_labels,
};
use crate::row::{COMMON, FieldSelectable, GcPolicy, Resource, Subresource};
use crate::strategy::{Cx, Strategy};

pub static REPLICATION_CONTROLLER: Resource = Resource {
    kind: "ReplicationController",
    plural: "replicationcontrollers",
    singular: "replicationcontroller",
    short_names: &["rc"],
    categories: &["all"],
    prefix: "controllers",
    subresources: &[crate::apps::SCALE, Subresource::Status],
    generation: true,
    gc: GcPolicy::Orphan,
    not_yet: Some("no ReplicationController controller"),
    columns: COLUMNS,
    field_selectors: &[FieldSelectable {
        absent: "0",
        ..FieldSelectable::text("status.replicas", "/status/replicas")
    }],
    strategy: &ReplicationController,
    ..COMMON
};

const COLUMNS: &[Column] = &[
    NAME,
    DESIRED,
    CURRENT,
    READY,
    AGE,
    CONTAINERS,
    IMAGES,
    wide(text("Selector", "The pods it owns.", |cell| {
        labels(json::map(spec(cell.object), "selector")).into()
    })),
];

struct ReplicationController;

impl Strategy for ReplicationController {
    /// Its own labels and its selector are those of its pods where it has none.
    fn default(&self, _cx: &Cx<'_>, object: &mut Object) {
        let labels = object.at("/spec/template/metadata/labels").cloned();
        let spec = object.map_mut("spec");
        fill(spec, &[("replicas", Fill::Number(1))]);
        default_template(spec);
        let Some(labels) = labels.filter(|labels| !json::is_zero(Some(labels))) else {
            return;
        };
        if json::is_zero(spec.get("selector")) {
            spec.insert("selector".into(), labels.clone());
        }
        let metadata = object.metadata_mut();
        if json::is_zero(metadata.get("labels")) {
            metadata.insert("labels".into(), labels);
        }
    }

    fn prepare_for_create(&self, _cx: &Cx<'_>, object: &mut Object) {
        object.insert("status".into(), json!({"replicas": 0}));
    }

    fn validate(&self, _cx: &Cx<'_>, object: &Object) -> FieldErrors {
        let mut errors = FieldErrors::new();
        let spec = At::root(object, "spec");
        not_negative(&spec.child("minReadySeconds"), &mut errors);
        let (selector, template) = (spec.child("selector"), spec.child("template"));
        required(&selector, &mut errors);
        not_negative(&spec.child("replicas"), &mut errors);
        let selected = LabelSelector::from_map(Some(selector.value));
        validate_template_labels(&template, &selected, &mut errors);
        validate_pod_template(&template, &mut errors);
        validate_lasting(&template, "ReplicationController", &mut errors);
        errors
    }

    fn validate_update(&self, cx: &Cx<'_>, new: &Object, _old: &Object) -> FieldErrors {
        if cx.subresource == "status" {
            let mut errors = FieldErrors::new();
            validate_counters(&At::root(new, "status"), REPLICA_COUNTERS, &mut errors);
            return errors;
        }
        self.validate(cx, new)
    }

    fn warnings(&self, cx: &Cx<'_>, object: &Object) -> Vec<String> {
        template_warnings(cx, object, Some("Pod names and hostnames"))
    }
}
