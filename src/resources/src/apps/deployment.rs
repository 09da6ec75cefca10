//! Deployment.

mod rules;

use apimachinery::{FieldErrors, Object};
use serde_json::json;

use crate::at::At;
use crate::cells::{AGE, CONTAINERS, IMAGES, NAME, number, selector, text, wide};
use crate::column::Column;
use crate::json::{self, Fill, fill};
use crate::podspec::default_template;
use crate::row::{COMMON, Resource, Subresource};
use crate::strategy::{Cx, Strategy};

pub static DEPLOYMENT: Resource = Resource {
    group: "apps",
    kind: "Deployment",
    plural: "deployments",
    singular: "deployment",
    short_names: &["deploy"],
    categories: &["all"],
    prefix: "deployments",
    subresources: &[super::SCALE, Subresource::Status],
    generation: true,
    columns: COLUMNS,
    strategy: &Deployment,
    ..COMMON
};

const COLUMNS: &[Column] = &[
    NAME,
    text("Ready", "Ready pods of those wanted.", |cell| {
        let ready = number(cell.object, "/status/readyReplicas");
        format!("{ready}/{}", number(cell.object, "/spec/replicas")).into()
    }),
    text("Up-to-date", "Pods of the newest template.", |cell| {
        number(cell.object, "/status/updatedReplicas").into()
    }),
    text("Available", "Pods that serve.", |cell| {
        number(cell.object, "/status/availableReplicas").into()
    }),
    AGE,
    CONTAINERS,
    IMAGES,
    wide(text("Selector", "The pods it owns.", |cell| {
        selector(cell.object.at("/spec/selector"))
            .unwrap_or_else(|_| "<invalid>".to_owned())
            .into()
    })),
];

const SPEC: &[(&str, Fill)] = &[
    ("replicas", Fill::Number(1)),
    ("strategy", Fill::Empty),
    ("revisionHistoryLimit", Fill::Number(10)),
    ("progressDeadlineSeconds", Fill::Number(600)),
];
const ROLLING_UPDATE: &[(&str, Fill)] = &[
    ("maxUnavailable", Fill::TextIfAbsent("25%")),
    ("maxSurge", Fill::TextIfAbsent("25%")),
];

struct Deployment;

impl Strategy for Deployment {
    fn default(&self, _cx: &Cx<'_>, object: &mut Object) {
        let spec = object.map_mut("spec");
        fill(spec, SPEC);
        if let Some(strategy) = json::map_mut(spec, "strategy") {
            fill(strategy, &[("type", Fill::Text("RollingUpdate"))]);
            if json::text(strategy, "type") == "RollingUpdate" {
                fill(strategy, &[("rollingUpdate", Fill::Empty)]);
                if let Some(rolling) = json::map_mut(strategy, "rollingUpdate") {
                    fill(rolling, ROLLING_UPDATE);
                }
            }
        }
        default_template(spec);
    }

    fn validate(&self, _cx: &Cx<'_>, object: &Object) -> FieldErrors {
        let mut errors = FieldErrors::new();
        rules::validate_deployment(&At::root(object, "spec"), &mut errors);
        errors
    }

    fn validate_update(&self, cx: &Cx<'_>, new: &Object, old: &Object) -> FieldErrors {
        if cx.subresource == "status" {
            return rules::validate_status(new, old);
        }
        let mut errors = self.validate(cx, new);
        super::keep_selector(new, old, &mut errors);
        errors
    }

    fn warnings(&self, cx: &Cx<'_>, object: &Object) -> Vec<String> {
        super::template_warnings(cx, object, Some("Pod names and hostnames"))
    }

    fn prepare_for_create(&self, _cx: &Cx<'_>, object: &mut Object) {
        object.insert("status".into(), json!({}));
    }

    /// `/status` keeps the labels as well, here alone.
    fn prepare_for_update(&self, cx: &Cx<'_>, new: &mut Object, old: &Object) {
        if cx.subresource == "status" {
            match old.at("/metadata/labels").cloned() {
                Some(labels) => new.metadata_mut().insert("labels".into(), labels),
                None => new.metadata_mut().remove("labels"),
            };
        }
    }

    /// Annotations are handed down to replica sets, so they count too.
    fn starts_generation(&self, new: &Object, old: &Object) -> bool {
        !json::same(new.get("spec"), old.get("spec"))
            || !json::same(
                new.at("/metadata/annotations"),
                old.at("/metadata/annotations"),
            )
    }
}
