//! Pod.

mod columns;
mod create;
mod default;
mod qos;
mod state;

use apimachinery::{GroupVersionKind, Object};
use serde_json::{Value, json};

use crate::cells::{spec, status};
use crate::json;
use crate::row::{COMMON, FieldSelectable, Hook, Resource, Subresource, Verb};
use crate::strategy::{Cx, Strategy};

pub static POD: Resource = Resource {
    kind: "Pod",
    plural: "pods",
    singular: "pod",
    short_names: &["po"],
    categories: &["all"],
    prefix: "pods",
    subresources: SUBRESOURCES,
    generation: true,
    columns: columns::COLUMNS,
    field_selectors: SELECTORS,
    strategy: &Pod,
    ..COMMON
};

const SUBRESOURCES: &[Subresource] = &[
    Subresource::Create {
        name: "binding",
        kind: GroupVersionKind::new("", "v1", "Binding"),
        hook: Hook::Binding,
    },
    Subresource::Create {
        name: "eviction",
        kind: GroupVersionKind::new("policy", "v1", "Eviction"),
        hook: Hook::Eviction,
    },
    Subresource::Connect {
        name: "log",
        kind: GroupVersionKind::new("", "v1", "PodLogOptions"),
        verbs: &[Verb::Get],
    },
    Subresource::Status,
];

const SELECTORS: &[FieldSelectable] = &[
    FieldSelectable::text("spec.nodeName", "/spec/nodeName"),
    // The name it had before v1.
    FieldSelectable::text("spec.host", "/spec/nodeName"),
    FieldSelectable::text("spec.restartPolicy", "/spec/restartPolicy"),
    FieldSelectable::text("spec.schedulerName", "/spec/schedulerName"),
    FieldSelectable::text("spec.serviceAccountName", "/spec/serviceAccountName"),
    FieldSelectable::flag("spec.hostNetwork", "/spec/hostNetwork"),
    FieldSelectable::text("status.phase", "/status/phase"),
    FieldSelectable::text("status.podIP", "/status/podIP"),
    FieldSelectable::text("status.podIPs", "/status/podIPs/0/ip"),
    FieldSelectable::text("status.nominatedNodeName", "/status/nominatedNodeName"),
];

struct Pod;

impl Strategy for Pod {
    fn default(&self, _cx: &Cx<'_>, object: &mut Object) {
        default::default_pod(object);
    }

    fn prepare_for_create(&self, _cx: &Cx<'_>, object: &mut Object) {
        create::merge_match_label_keys(object);
        let status = create::first_status(object);
        object.insert("status".into(), status);
    }

    fn row_conditions(&self, object: &Object) -> Vec<Value> {
        let phase = json::text(status(object), "phase");
        let message = match phase {
            "Succeeded" => "The pod has completed successfully.",
            "Failed" => "The pod failed.",
            _ => return Vec::new(),
        };
        vec![json!({
            "type": "Completed", "status": "True", "reason": phase, "message": message,
        })]
    }

    fn grace_period(&self, object: &Object, requested: Option<i64>) -> i64 {
        let spec = spec(object);
        let is_scheduled = !json::text(spec, "nodeName").is_empty();
        let is_finished = matches!(json::text(status(object), "phase"), "Succeeded" | "Failed");
        if !is_scheduled || is_finished {
            return 0;
        }
        let chosen = requested.or_else(|| json::int(spec, "terminationGracePeriodSeconds"));
        match chosen.unwrap_or(0) {
            negative if negative < 0 => 1,
            seconds => seconds,
        }
    }
}
