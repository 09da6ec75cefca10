//! The apps group.

mod controller_revision;
mod daemon_set;
mod deployment;
mod replica_set;
mod stateful_set;

pub use controller_revision::CONTROLLER_REVISION;
pub use daemon_set::DAEMON_SET;
pub use deployment::DEPLOYMENT;
pub use replica_set::REPLICA_SET;
pub use stateful_set::STATEFUL_SET;

use apimachinery::admission::Operation;
use apimachinery::{FieldError, FieldErrors, Object};

use crate::at::{At, immutable, not_negative};
use crate::cells::{integer, number};
use crate::column::Column;
use crate::podspec::{name_warnings, pod_warnings};
use crate::row::Subresource;
use crate::strategy::Cx;

/// Scale of the workloads that count replicas.
pub(crate) const SCALE: Subresource = Subresource::Scale {
    spec_replicas: "/spec/replicas",
    status_replicas: "/status/replicas",
    selector: "/spec/selector",
};

/// Columns of what only keeps a number of pods.
pub(crate) const DESIRED: Column = integer("Desired", "Pods wanted.", |cell| {
    number(cell.object, "/spec/replicas").into()
});
pub(crate) const CURRENT: Column = integer("Current", "Pods there are.", |cell| {
    number(cell.object, "/status/replicas").into()
});
pub(crate) const READY: Column = integer("Ready", "Pods that are ready.", |cell| {
    number(cell.object, "/status/readyReplicas").into()
});

/// What such a kind's status counts.
pub(crate) const REPLICA_COUNTERS: Counters = &[
    ("fullyLabeledReplicas", "replicas", "status.replicas"),
    ("readyReplicas", "replicas", "status.replicas"),
    ("availableReplicas", "replicas", "status.replicas"),
    ("availableReplicas", "readyReplicas", "readyReplicas"),
];

/// Counter, the counter it cannot exceed, and what the text calls that.
pub(crate) type Counters = &'static [(&'static str, &'static str, &'static str)];

/// What a status counts: nothing below zero, no part above its whole.
pub(crate) fn validate_counters(status: &At<'_>, counters: Counters, errors: &mut FieldErrors) {
    let mut seen = vec!["replicas"];
    not_negative(&status.child("replicas"), errors);
    for (field, _, _) in counters {
        if !seen.contains(field) {
            seen.push(field);
            not_negative(&status.child(field), errors);
        }
    }
    let count = |field: &str| status.child(field).int().unwrap_or(0);
    for (field, whole, called) in counters {
        if count(field) > count(whole) {
            let at = status.child(field);
            errors.push(at.invalid(format!("cannot be greater than {called}")));
        }
    }
}

/// A workload that had to name its revisions anew never takes that back.
pub(crate) fn keep_collisions(new: &Object, old: &Object, errors: &mut FieldErrors) {
    let count = |object| At::root(object, "status").child("collisionCount");
    let (now, then) = (count(new), count(old));
    not_negative(&now, errors);
    let number = now.int().unwrap_or(0);
    if then.int().is_some_and(|then| number < then) {
        errors.push(FieldError::invalid(
            &now.path,
            number,
            "cannot be decremented",
        ));
    }
}

/// Pods would be lost if a workload began to look for others.
pub(crate) fn keep_selector(new: &Object, old: &Object, errors: &mut FieldErrors) {
    let selector = |object| At::root(object, "spec").child("selector");
    immutable(&selector(new), &selector(old), errors);
}

/// Warnings of a workload about its template, and about its name where that ends up in `names`.
pub(crate) fn template_warnings(cx: &Cx<'_>, object: &Object, names: Option<&str>) -> Vec<String> {
    template_warnings_at(cx, object, names, &At::root(object, "spec"))
}

/// As [`template_warnings`], where the template is somewhere else than in the spec.
pub(crate) fn template_warnings_at(
    cx: &Cx<'_>,
    object: &Object,
    names: Option<&str>,
    spec: &At<'_>,
) -> Vec<String> {
    if !cx.subresource.is_empty() {
        return Vec::new();
    }
    let mut warnings = Vec::new();
    if let Some(names) = names
        && cx.operation == Operation::Create
    {
        warnings = name_warnings(object, names);
    }
    let template = spec.child("template");
    let (metadata, spec) = (template.child("metadata"), template.child("spec"));
    warnings.extend(pod_warnings(&metadata, &spec));
    warnings
}
