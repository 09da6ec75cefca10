//! Node.

mod rules;

use std::collections::BTreeSet;

use apimachinery::{FieldErrors, Object};
use serde_json::Value;

use crate::cells::{AGE, NAME, NONE, UNKNOWN, spec, status, text, wide};
use crate::column::{Cell, Column};
use crate::json;
use crate::podspec::canonical_quantities;
use crate::row::{COMMON, FieldSelectable, Resource, Scope, Subresource};
use crate::strategy::{Cx, Strategy};

pub static NODE: Resource = Resource {
    kind: "Node",
    plural: "nodes",
    singular: "node",
    short_names: &["no"],
    scope: Scope::Cluster,
    prefix: "minions",
    subresources: &[Subresource::Status],
    columns: COLUMNS,
    field_selectors: &[FieldSelectable::flag(
        "spec.unschedulable",
        "/spec/unschedulable",
    )],
    strategy: &Node,
    ..COMMON
};

const COLUMNS: &[Column] = &[
    NAME,
    text("Status", "Whether the node is ready and open.", |cell| {
        readiness(cell.object).into()
    }),
    text("Roles", "What the node is for.", |cell| {
        roles(cell.object).into()
    }),
    AGE,
    text("Version", "The kubelet's version.", |cell| {
        info(cell, "kubeletVersion").into()
    }),
    wide(text("Internal-IP", "Its address inside.", |cell| {
        address(cell, "InternalIP").into()
    })),
    wide(text("External-IP", "Its address outside.", |cell| {
        address(cell, "ExternalIP").into()
    })),
    wide(text("OS-Image", "Its operating system.", |cell| {
        known(info(cell, "osImage")).into()
    })),
    wide(text("Kernel-Version", "Its kernel.", |cell| {
        known(info(cell, "kernelVersion")).into()
    })),
    wide(text("Container-Runtime", "Its runtime.", |cell| {
        known(info(cell, "containerRuntimeVersion")).into()
    })),
];

const ROLE_PREFIX: &str = "node-role.kubernetes.io/";
const ROLE: &str = "kubernetes.io/role";

struct Node;

impl Strategy for Node {
    fn keeps_status_on_create(&self) -> bool {
        true
    }

    fn validate(&self, _cx: &Cx<'_>, object: &Object) -> FieldErrors {
        rules::validate_node(object)
    }

    fn validate_update(&self, _cx: &Cx<'_>, new: &Object, old: &Object) -> FieldErrors {
        rules::validate_change(new, old)
    }

    fn warnings(&self, _cx: &Cx<'_>, object: &Object) -> Vec<String> {
        let spec = spec(object);
        let mut warnings = Vec::new();
        if !json::text(spec, "externalID").is_empty() {
            warnings.push(
                "spec.externalID: this field is deprecated, and is unused by Kubernetes".to_owned(),
            );
        }
        warnings
    }

    fn default(&self, _cx: &Cx<'_>, object: &mut Object) {
        if let Some(spec) = json::map_mut(object, "spec") {
            list_pod_cidr(spec);
        }
        let Some(status) = json::map_mut(object, "status") else {
            return;
        };
        canonical_quantities(status, "capacity");
        canonical_quantities(status, "allocatable");
        if json::is_zero(status.get("allocatable"))
            && let Some(capacity) = status.get("capacity").cloned()
        {
            status.insert("allocatable".into(), capacity);
        }
    }
}

/// `podCIDRs` is the list that `podCIDR` is the first of; where they differ, the latter is newer.
fn list_pod_cidr(spec: &mut json::Json) {
    let first = json::text(spec, "podCIDR").to_owned();
    let listed = json::texts(spec, "podCIDRs")
        .next()
        .unwrap_or("")
        .to_owned();
    if first.is_empty() && !listed.is_empty() {
        spec.insert("podCIDR".into(), listed.into());
    } else if first != listed {
        spec.insert("podCIDRs".into(), vec![first].into());
    }
}

fn readiness(node: &Object) -> String {
    let ready = json::maps(status(node), "conditions")
        .find(|condition| json::text(condition, "type") == "Ready");
    let mut text = match ready.map(|condition| json::text(condition, "status")) {
        None => "Unknown",
        Some("True") => "Ready",
        Some(_) => "NotReady",
    }
    .to_owned();
    if json::flag(spec(node), "unschedulable") {
        text.push_str(",SchedulingDisabled");
    }
    text
}

fn roles(node: &Object) -> String {
    let labels = node.metadata().and_then(|m| json::map(m, "labels"));
    let roles: BTreeSet<&str> = labels
        .into_iter()
        .flatten()
        .filter_map(|(key, value)| match key.strip_prefix(ROLE_PREFIX) {
            Some(role) => Some(role),
            None if key == ROLE => value.as_str(),
            None => None,
        })
        .filter(|role| !role.is_empty())
        .collect();
    if roles.is_empty() {
        return NONE.to_owned();
    }
    roles.into_iter().collect::<Vec<_>>().join(",")
}

fn info<'a>(cell: &Cell<'a>, field: &str) -> &'a str {
    let info = json::map(status(cell.object), "nodeInfo");
    info.map_or("", |info| json::text(info, field))
}

fn known(text: &str) -> &str {
    if text.is_empty() { UNKNOWN } else { text }
}

fn address<'a>(cell: &Cell<'a>, kind: &str) -> &'a str {
    json::maps(status(cell.object), "addresses")
        .find(|address| json::text(address, "type") == kind)
        .and_then(|address| address.get("address"))
        .and_then(Value::as_str)
        .unwrap_or(NONE)
}
