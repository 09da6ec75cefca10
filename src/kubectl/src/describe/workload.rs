//! Deployments and replica sets.

use anyhow::Result;
use apimachinery::{GroupVersionResource, LabelSelector};
use client::Query;
use serde_json::Value;

use super::Context;
use super::lines::{Lines, at, date, items, number, or_none, plain, text};
use super::pod::controlled_by;
use super::template::template;
use crate::session::{JSON, Session};

const REVISION: &str = "deployment.kubernetes.io/revision";

/// A deployment's replica sets, a replica set's pods.
///
/// # Errors
/// As the server refuses.
pub(super) async fn related(session: &Session, kind: &str, object: &Value) -> Result<Vec<Value>> {
    let gvr = if kind == "Deployment" {
        GroupVersionResource::new("apps", "v1", "replicasets")
    } else {
        GroupVersionResource::new("", "v1", "pods")
    };
    let query = Query::default()
        .with("labelSelector", &selector(object))
        .with("limit", "500");
    let uri = client::path(&gvr, text(object, "metadata.namespace"), &[]) + query.as_str();
    let mut listed = crate::get::fetch(session, &uri, JSON, "items").await?;
    let Value::Array(mut found) = listed["items"].take() else {
        return Ok(Vec::new());
    };
    let uid = text(object, "metadata.uid");
    found.retain(|item| {
        items(item, "metadata.ownerReferences")
            .any(|owner| owner["controller"] == true && text(owner, "uid") == uid)
    });
    Ok(found)
}

/// `a=b,c in (x,y)`.
fn selector(object: &Value) -> String {
    let selector = LabelSelector::from_value(Some(at(object, "spec.selector")));
    selector.map_or_else(|_| String::new(), |selector| selector.to_string())
}

pub(super) fn deployment(object: &Value, context: &Context, lines: &mut Lines) {
    lines.field(0, "Name", text(object, "metadata.name"));
    lines.field(0, "Namespace", text(object, "metadata.namespace"));
    lines.field(
        0,
        "CreationTimestamp",
        &date(text(object, "metadata.creationTimestamp")),
    );
    lines.labels("Labels", at(object, "metadata.labels"));
    lines.annotations("Annotations", at(object, "metadata.annotations"));
    lines.field(0, "Selector", &selector(object));
    let replicas = format!(
        "{} desired | {} updated | {} total | {} available | {} unavailable",
        number(object, "spec.replicas"),
        number(object, "status.updatedReplicas"),
        number(object, "status.replicas"),
        number(object, "status.availableReplicas"),
        number(object, "status.unavailableReplicas"),
    );
    lines.field(0, "Replicas", &replicas);
    lines.field(0, "StrategyType", text(object, "spec.strategy.type"));
    lines.field(
        0,
        "MinReadySeconds",
        &number(object, "spec.minReadySeconds").to_string(),
    );
    let rolling = at(object, "spec.strategy.rollingUpdate");
    if rolling.is_object() {
        let (unavailable, surge) = (
            plain(&rolling["maxUnavailable"]),
            plain(&rolling["maxSurge"]),
        );
        let text = format!("{unavailable} max unavailable, {surge} max surge");
        lines.field(0, "RollingUpdateStrategy", &text);
    }
    template(at(object, "spec.template"), lines);
    conditions(object, lines);
    replica_sets(object, &context.related, lines);
}

fn conditions(object: &Value, lines: &mut Lines) {
    let mut conditions = items(object, "status.conditions").peekable();
    if conditions.peek().is_none() {
        return;
    }
    lines.line(0, "Conditions:");
    lines.line(1, "Type\tStatus\tReason");
    lines.line(1, "----\t------\t------");
    for condition in conditions {
        let [kind, status, reason] = ["type", "status", "reason"].map(|f| text(condition, f));
        lines.line(1, &format!("{kind} \t{status}\t{reason}"));
    }
}

/// The one of the deployment's revision is the new one, the others are old.
fn replica_sets(object: &Value, sets: &[Value], lines: &mut Lines) {
    let revision = |object: &Value| object["metadata"]["annotations"][REVISION].clone();
    let wanted = revision(object);
    let (new, old): (Vec<&Value>, Vec<&Value>) = sets
        .iter()
        .partition(|set| !wanted.is_null() && revision(set) == wanted);
    for (label, mut sets) in [("OldReplicaSets", old), ("NewReplicaSet", new)] {
        sets.sort_by_key(|set| text(set, "metadata.creationTimestamp"));
        let shown = sets.iter().map(|set| {
            let (name, desired) = (text(set, "metadata.name"), number(set, "spec.replicas"));
            format!(
                "{name} ({}/{desired} replicas created)",
                number(set, "status.replicas")
            )
        });
        lines.field(0, label, or_none(&shown.collect::<Vec<_>>().join(", ")));
    }
}

pub(super) fn replica_set(object: &Value, context: &Context, lines: &mut Lines) {
    lines.field(0, "Name", text(object, "metadata.name"));
    lines.field(0, "Namespace", text(object, "metadata.namespace"));
    lines.field(0, "Selector", &selector(object));
    lines.labels("Labels", at(object, "metadata.labels"));
    lines.annotations("Annotations", at(object, "metadata.annotations"));
    controlled_by(object, lines);
    let replicas = format!(
        "{} current / {} desired",
        number(object, "status.replicas"),
        number(object, "spec.replicas")
    );
    lines.field(0, "Replicas", &replicas);
    let count = |phase: &str| {
        let pods = context.related.iter();
        pods.filter(|pod| text(pod, "status.phase") == phase)
            .count()
    };
    let status = format!(
        "{} Running / {} Waiting / {} Succeeded / {} Failed",
        count("Running"),
        count("Pending"),
        count("Succeeded"),
        count("Failed")
    );
    lines.field(0, "Pods Status", &status);
    template(at(object, "spec.template"), lines);
    conditions(object, lines);
}
