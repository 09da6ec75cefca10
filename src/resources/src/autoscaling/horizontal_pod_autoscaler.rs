//! HorizontalPodAutoscaler, stored as v2.

mod rules;
mod targets;

use apimachinery::{FieldErrors, Object};
use serde_json::{Value, json};

use crate::cells::{AGE, NAME, number, spec, text};
use crate::column::Column;
use crate::json::{self, Fill, Json, fill};
use crate::row::{COMMON, Resource, Subresource, Version};
use crate::strategy::{Cx, Strategy};

pub static HORIZONTAL_POD_AUTOSCALER: Resource = Resource {
    group: "autoscaling",
    versions: &[Version::plain("v2"), Version::plain("v1")],
    storage: "v2",
    kind: "HorizontalPodAutoscaler",
    plural: "horizontalpodautoscalers",
    singular: "horizontalpodautoscaler",
    short_names: &["hpa"],
    categories: &["all"],
    prefix: "horizontalpodautoscalers",
    subresources: &[Subresource::Status],
    not_yet: Some("no autoscaler, and v1 is not converted"),
    columns: COLUMNS,
    strategy: &Autoscaler,
    ..COMMON
};

const COLUMNS: &[Column] = &[
    NAME,
    text("Reference", "What it scales.", |cell| {
        let target = json::map(spec(cell.object), "scaleTargetRef");
        let part = |field| target.map_or("", |target| json::text(target, field));
        format!("{}/{}", part("kind"), part("name")).into()
    }),
    text("Targets", "What it measures and wants.", |cell| {
        targets::targets(cell.object).into()
    }),
    text("MinPods", "The fewest pods.", |cell| {
        match json::int(spec(cell.object), "minReplicas") {
            None => "<unset>".into(),
            Some(count) => count.to_string().into(),
        }
    }),
    text("MaxPods", "The most pods.", |cell| {
        number(cell.object, "/spec/maxReplicas").into()
    }),
    text("Replicas", "Pods there are.", |cell| {
        number(cell.object, "/status/currentReplicas").into()
    }),
    AGE,
];

struct Autoscaler;

impl Strategy for Autoscaler {
    fn default(&self, _cx: &Cx<'_>, object: &mut Object) {
        let spec = object.map_mut("spec");
        fill(spec, &[("minReplicas", Fill::Number(1))]);
        if json::list(spec, "metrics").is_empty() {
            let target = json!({"type": "Utilization", "averageUtilization": 80});
            let cpu = json!({"name": "cpu", "target": target});
            spec.insert(
                "metrics".into(),
                json!([{"type": "Resource", "resource": cpu}]),
            );
        }
        if let Some(behavior) = json::map_mut(spec, "behavior") {
            default_behavior(behavior);
        }
    }

    fn prepare_for_create(&self, _cx: &Cx<'_>, object: &mut Object) {
        object.insert(
            "status".into(),
            json!({"currentMetrics": null, "desiredReplicas": 0}),
        );
    }

    fn validate(&self, _cx: &Cx<'_>, object: &Object) -> FieldErrors {
        rules::validate_autoscaler(object, None)
    }

    fn validate_update(&self, cx: &Cx<'_>, new: &Object, old: &Object) -> FieldErrors {
        match cx.subresource {
            "status" => rules::validate_status(new),
            _ => rules::validate_autoscaler(new, Some(old)),
        }
    }
}

/// Both directions are there as soon as one is; what is given of one stays.
fn default_behavior(behavior: &mut Json) {
    let policy = |kind: &str, value: i64| -> Value {
        json!({"type": kind, "value": value, "periodSeconds": 15})
    };
    let directions = [
        (
            "scaleUp",
            Some(0),
            json!([policy("Pods", 4), policy("Percent", 100)]),
        ),
        ("scaleDown", None, json!([policy("Percent", 100)])),
    ];
    for (direction, window, policies) in directions {
        fill(behavior, &[(direction, Fill::Empty)]);
        let Some(rules) = json::map_mut(behavior, direction) else {
            continue;
        };
        if let Some(window) = window {
            fill(
                rules,
                &[("stabilizationWindowSeconds", Fill::Number(window))],
            );
        }
        fill(rules, &[("selectPolicy", Fill::TextIfAbsent("Max"))]);
        if json::list(rules, "policies").is_empty() {
            rules.insert("policies".into(), policies);
        }
    }
}
