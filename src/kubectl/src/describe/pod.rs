//! A pod.

use serde_json::Value;

use super::Context;
use super::lines::{Lines, at, date, items, number, or_none, plain, text};
use super::template::{Containers, containers, tolerations, topology};
use super::volumes::volumes;
use crate::duration;

pub(super) fn describe(pod: &Value, context: &Context, lines: &mut Lines) {
    head(pod, lines);
    status(pod, context, lines);
    lines.field(0, "IP", text(pod, "status.podIP"));
    let addresses: Vec<&str> = items(pod, "status.podIPs")
        .map(|ip| text(ip, "ip"))
        .collect();
    if addresses.is_empty() {
        lines.field(0, "IPs", "<none>");
    } else {
        lines.line(0, "IPs:");
        addresses.iter().for_each(|ip| lines.field(1, "IP", ip));
    }
    controlled_by(pod, lines);
    lines.some(
        0,
        "NominatedNodeName",
        text(pod, "status.nominatedNodeName"),
    );
    for (label, field, statuses) in [
        (
            "Init Containers",
            "initContainers",
            "status.initContainerStatuses",
        ),
        ("Containers", "containers", "status.containerStatuses"),
        (
            "Ephemeral Containers",
            "ephemeralContainers",
            "status.ephemeralContainerStatuses",
        ),
    ] {
        let all: Vec<&Value> = items(pod, &format!("spec.{field}")).collect();
        if all.is_empty() && label != "Containers" {
            continue;
        }
        let described = Containers {
            label,
            containers: &all,
            statuses: Some(items(pod, statuses).collect()),
            pod: Some(pod),
            indent: "",
        };
        containers(&described, lines);
    }
    gates_and_conditions(pod, lines);
    volumes(at(pod, "spec.volumes"), "", lines);
    lines.field(0, "QoS Class", text(pod, "status.qosClass"));
    lines.labels("Node-Selectors", at(pod, "spec.nodeSelector"));
    tolerations("Tolerations", at(pod, "spec.tolerations"), lines);
    topology(at(pod, "spec.topologySpreadConstraints"), "", lines);
}

fn head(pod: &Value, lines: &mut Lines) {
    lines.field(0, "Name", text(pod, "metadata.name"));
    lines.field(0, "Namespace", text(pod, "metadata.namespace"));
    lines.some(0, "Priority", &plain(at(pod, "spec.priority")));
    lines.some(
        0,
        "Priority Class Name",
        text(pod, "spec.priorityClassName"),
    );
    lines.some(0, "Runtime Class Name", text(pod, "spec.runtimeClassName"));
    lines.some(0, "Service Account", text(pod, "spec.serviceAccountName"));
    match text(pod, "spec.nodeName") {
        "" => lines.field(0, "Node", "<none>"),
        node => lines.field(0, "Node", &format!("{node}/{}", text(pod, "status.hostIP"))),
    }
    let started = text(pod, "status.startTime");
    if !started.is_empty() {
        lines.field(0, "Start Time", &date(started));
    }
    lines.labels("Labels", at(pod, "metadata.labels"));
    lines.annotations("Annotations", at(pod, "metadata.annotations"));
}

fn status(pod: &Value, context: &Context, lines: &mut Lines) {
    let (phase, deleted) = (
        text(pod, "status.phase"),
        text(pod, "metadata.deletionTimestamp"),
    );
    if !deleted.is_empty() && !matches!(phase, "Succeeded" | "Failed") {
        let lasts = duration::age(deleted, context.now);
        lines.field(0, "Status", &format!("Terminating (lasts {lasts})"));
        let grace = number(pod, "metadata.deletionGracePeriodSeconds");
        lines.field(0, "Termination Grace Period", &format!("{grace}s"));
    } else {
        lines.field(0, "Status", phase);
    }
    lines.some(0, "Reason", text(pod, "status.reason"));
    lines.some(0, "Message", text(pod, "status.message"));
    let profile = at(pod, "spec.securityContext.seccompProfile");
    lines.some(0, "SeccompProfile", text(profile, "type"));
    lines.some(0, "LocalhostProfile", text(profile, "localhostProfile"));
}

/// The owner that manages the object.
pub(super) fn controlled_by(object: &Value, lines: &mut Lines) {
    let mut owners = items(object, "metadata.ownerReferences");
    if let Some(owner) = owners.find(|owner| owner["controller"] == true) {
        let owner = format!("{}/{}", text(owner, "kind"), text(owner, "name"));
        lines.field(0, "Controlled By", &owner);
    }
}

fn gates_and_conditions(pod: &Value, lines: &mut Lines) {
    let condition = |name: &str| {
        items(pod, "status.conditions").find(|condition| text(condition, "type") == name)
    };
    let gates: Vec<&str> = items(pod, "spec.readinessGates")
        .map(|gate| text(gate, "conditionType"))
        .collect();
    if !gates.is_empty() {
        lines.line(0, "Readiness Gates:");
        lines.line(1, "Type\tStatus");
        for gate in gates {
            let status = condition(gate).map_or("<none>", |found| text(found, "status"));
            lines.line(1, &format!("{gate} \t{} ", or_none(status)));
        }
    }
    let mut conditions = items(pod, "status.conditions").peekable();
    if conditions.peek().is_some() {
        lines.line(0, "Conditions:");
        lines.line(1, "Type\tStatus");
        for condition in conditions {
            let (kind, status) = (text(condition, "type"), text(condition, "status"));
            lines.line(1, &format!("{kind} \t{status} "));
        }
    }
}
