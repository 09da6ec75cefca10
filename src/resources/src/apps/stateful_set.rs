//! StatefulSet.

mod rules;

use apimachinery::{FieldErrors, Object};
use serde_json::json;

use crate::cells::{AGE, CONTAINERS, IMAGES, NAME, number, text};
use crate::column::Column;
use crate::json::{self, Fill, Json, fill};
use crate::meta;
use crate::podspec::{default_claim_spec, default_template};
use crate::row::{COMMON, Resource, Subresource};
use crate::strategy::{Cx, Strategy};

pub static STATEFUL_SET: Resource = Resource {
    group: "apps",
    kind: "StatefulSet",
    plural: "statefulsets",
    singular: "statefulset",
    short_names: &["sts"],
    categories: &["all"],
    prefix: "statefulsets",
    subresources: &[super::SCALE, Subresource::Status],
    generation: true,
    not_yet: Some("no StatefulSet controller"),
    columns: COLUMNS,
    strategy: &StatefulSet,
    ..COMMON
};

const COLUMNS: &[Column] = &[
    NAME,
    text("Ready", "Ready pods of those wanted.", |cell| {
        let ready = number(cell.object, "/status/readyReplicas");
        format!("{ready}/{}", number(cell.object, "/spec/replicas")).into()
    }),
    AGE,
    CONTAINERS,
    IMAGES,
];

const SPEC: &[(&str, Fill)] = &[
    ("podManagementPolicy", Fill::Text("OrderedReady")),
    ("updateStrategy", Fill::Empty),
    ("persistentVolumeClaimRetentionPolicy", Fill::Empty),
    ("replicas", Fill::Number(1)),
    ("revisionHistoryLimit", Fill::Number(10)),
];
const RETENTION: &[(&str, Fill)] = &[
    ("whenDeleted", Fill::Text("Retain")),
    ("whenScaled", Fill::Text("Retain")),
];

struct StatefulSet;

impl Strategy for StatefulSet {
    fn default(&self, _cx: &Cx<'_>, object: &mut Object) {
        let spec = object.map_mut("spec");
        fill(spec, SPEC);
        if let Some(strategy) = json::map_mut(spec, "updateStrategy") {
            default_strategy(strategy);
        }
        if let Some(retention) = json::map_mut(spec, "persistentVolumeClaimRetentionPolicy") {
            fill(retention, RETENTION);
        }
        for claim in json::maps_mut(spec, "volumeClaimTemplates") {
            let kind = [
                ("apiVersion", Fill::Text("v1")),
                ("kind", Fill::Text("PersistentVolumeClaim")),
                ("spec", Fill::Empty),
                ("status", Fill::Empty),
            ];
            fill(claim, &kind);
            if let Some(spec) = json::map_mut(claim, "spec") {
                default_claim_spec(spec);
            }
            if let Some(status) = json::map_mut(claim, "status") {
                fill(status, &[("phase", Fill::Text("Pending"))]);
            }
        }
        default_template(spec);
    }

    fn prepare_for_create(&self, _cx: &Cx<'_>, object: &mut Object) {
        drop_unavailable(object);
        object.insert(
            "status".into(),
            json!({"replicas": 0, "availableReplicas": 0}),
        );
    }

    fn prepare_for_update(&self, _cx: &Cx<'_>, new: &mut Object, _old: &Object) {
        drop_unavailable(new);
    }

    fn validate(&self, _cx: &Cx<'_>, object: &Object) -> FieldErrors {
        rules::validate_new(object)
    }

    fn validate_update(&self, cx: &Cx<'_>, new: &Object, old: &Object) -> FieldErrors {
        match cx.subresource {
            "status" => rules::validate_status(new, old),
            _ => rules::validate_change(new, old),
        }
    }

    /// Pods are called `<name>-<ordinal>`, and so are their hosts.
    fn validate_name(&self, name: &str) -> Result<(), String> {
        meta::dns_label(name)
    }

    fn warnings(&self, cx: &Cx<'_>, object: &Object) -> Vec<String> {
        let mut warnings = super::template_warnings(cx, object, None);
        if number(object, "/spec/revisionHistoryLimit") < 0 && cx.subresource.is_empty() {
            warnings.push("spec.revisionHistoryLimit: a negative value retains all historical revisions; a value >= 0 is recommended".to_owned());
        }
        warnings
    }
}

fn default_strategy(strategy: &mut Json) {
    let was_empty = json::text(strategy, "type").is_empty();
    fill(strategy, &[("type", Fill::Text("RollingUpdate"))]);
    if json::text(strategy, "type") != "RollingUpdate" {
        return;
    }
    if was_empty {
        fill(strategy, &[("rollingUpdate", Fill::Empty)]);
    }
    if let Some(rolling) = json::map_mut(strategy, "rollingUpdate") {
        fill(rolling, &[("partition", Fill::Number(0))]);
    }
}

/// `maxUnavailable` is behind a gate that is off.
fn drop_unavailable(object: &mut Object) {
    let strategy = json::map_mut(object, "spec").and_then(|s| json::map_mut(s, "updateStrategy"));
    if let Some(rolling) = strategy.and_then(|s| json::map_mut(s, "rollingUpdate")) {
        rolling.remove("maxUnavailable");
    }
}
