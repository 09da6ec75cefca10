//! Pod.

mod app_armor;
mod columns;
mod create;
mod default;
mod qos;
mod state;
mod status;
mod update;

use apimachinery::admission::Operation;
use apimachinery::{FieldErrors, GroupVersionKind, Object};
use serde_json::{Value, json};

use crate::at::At;
use crate::cells::{spec, status};
use crate::json;
use crate::podspec::{name_warnings, pod_warnings, validate_pod_spec};
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
    returns_deleted: true,
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
        app_armor::fields_from_annotations(object);
        let status = create::first_status(object);
        object.insert("status".into(), status);
    }

    /// `/status` keeps the class that the spec gave; everything else keeps the status.
    fn prepare_for_update(&self, cx: &Cx<'_>, new: &mut Object, old: &Object) {
        if cx.subresource == "status" {
            status::keep_observed_generations(new, old);
            let class = json::text(status(old), "qosClass").to_owned();
            if !class.is_empty() && json::text(status(new), "qosClass").is_empty() {
                new.map_mut("status")
                    .insert("qosClass".into(), class.into());
            }
            for field in ["ownerReferences", "deletionTimestamp"] {
                let kept = old
                    .metadata()
                    .and_then(|metadata| metadata.get(field))
                    .cloned();
                match kept {
                    Some(value) => new.metadata_mut().insert(field.into(), value),
                    None => new.metadata_mut().remove(field),
                };
            }
        }
    }

    fn validate(&self, _cx: &Cx<'_>, object: &Object) -> FieldErrors {
        let mut errors = FieldErrors::new();
        create::validate_annotations(object, &mut errors);
        app_armor::validate_annotations(object, &mut errors);
        let spec = At::root(object, "spec");
        validate_pod_spec(&spec, Some(object.name()), &mut errors);
        create::validate_new(&spec, &mut errors);
        errors
    }

    fn validate_update(&self, cx: &Cx<'_>, new: &Object, old: &Object) -> FieldErrors {
        let mut errors = FieldErrors::new();
        match cx.subresource {
            "status" => status::validate_update(new, old, &mut errors),
            // The hooks have looked at what they change.
            "binding" | "eviction" => {}
            _ => {
                create::validate_annotations(new, &mut errors);
                app_armor::validate_annotations(new, &mut errors);
                validate_pod_spec(&At::root(new, "spec"), Some(new.name()), &mut errors);
                update::validate_spec_update(new, old, &mut errors);
            }
        }
        errors
    }

    fn warnings(&self, cx: &Cx<'_>, object: &Object) -> Vec<String> {
        if cx.subresource == "status" {
            return status::warnings(object);
        }
        if cx.operation != Operation::Create || !cx.subresource.is_empty() {
            return Vec::new();
        }
        let mut warnings = name_warnings(object, "the Pod's hostname");
        let (metadata, spec) = (At::root(object, "metadata"), At::root(object, "spec"));
        warnings.extend(pod_warnings(&metadata, &spec));
        warnings
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
