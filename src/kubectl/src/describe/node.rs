//! A node.

use anyhow::Result;
use apimachinery::{GroupVersionResource, Quantity};
use client::{Query, if_present};
use serde_json::Value;

use super::Context;
use super::lines::{Lines, at, date, items, or_none, pairs, text};
use crate::duration;
use crate::session::{JSON, Session};

const ROLE: &str = "node-role.kubernetes.io/";

/// The node's pods that have not ended, then its lease.
///
/// # Errors
/// As the server refuses; a missing lease is none.
pub(super) async fn related(session: &Session, node: &Value) -> Result<Vec<Value>> {
    let name = text(node, "metadata.name");
    let fields = format!("spec.nodeName={name},status.phase!=Failed,status.phase!=Succeeded");
    let query = Query::default()
        .with("fieldSelector", &fields)
        .with("limit", "500");
    let pods = GroupVersionResource::new("", "v1", "pods");
    let uri = client::path(&pods, "", &[]) + query.as_str();
    let mut listed = crate::get::fetch(session, &uri, JSON, "items").await?;
    let mut related = match listed["items"].take() {
        Value::Array(pods) => pods,
        _ => Vec::new(),
    };
    for pod in &mut related {
        pod["kind"] = "Pod".into();
    }
    let leases = GroupVersionResource::new("coordination.k8s.io", "v1", "leases");
    let lease = client::path(&leases, "kube-node-lease", &[name]);
    related.extend(if_present(session.get(&lease).await)?);
    Ok(related)
}

pub(super) fn describe(node: &Value, context: &Context, lines: &mut Lines) {
    lines.field(0, "Name", text(node, "metadata.name"));
    let roles = pairs(at(node, "metadata.labels")).filter_map(|(key, _)| key.strip_prefix(ROLE));
    let roles: Vec<&str> = roles.collect();
    lines.field(0, "Roles", or_none(&roles.join(",")));
    lines.labels("Labels", at(node, "metadata.labels"));
    lines.annotations("Annotations", at(node, "metadata.annotations"));
    lines.field(
        0,
        "CreationTimestamp",
        &date(text(node, "metadata.creationTimestamp")),
    );
    let taint = |taint: &Value| match text(taint, "value") {
        "" => format!("{}:{}", text(taint, "key"), text(taint, "effect")),
        value => format!("{}={value}:{}", text(taint, "key"), text(taint, "effect")),
    };
    let mut taints: Vec<&Value> = items(node, "spec.taints").collect();
    taints.sort_by_key(|taint| (text(taint, "effect"), text(taint, "key")));
    lines.values("Taints", &taints.into_iter().map(taint).collect::<Vec<_>>());
    lines.field(
        0,
        "Unschedulable",
        &(at(node, "spec.unschedulable") == true).to_string(),
    );
    let is_lease = |object: &&Value| text(object, "kind") == "Lease";
    lease(context.related.iter().find(is_lease), lines);
    conditions(node, lines);
    lines.line(0, "Addresses:");
    for address in items(node, "status.addresses") {
        lines.field(1, text(address, "type"), text(address, "address"));
    }
    for (label, list) in [("Capacity", "capacity"), ("Allocatable", "allocatable")] {
        lines.line(0, &format!("{label}:"));
        pairs(at(node, &format!("status.{list}"))).for_each(|(name, q)| lines.field(1, name, q));
    }
    system(node, lines);
    lines.some(0, "PodCIDR", text(node, "spec.podCIDR"));
    let networks: Vec<&str> = items(node, "spec.podCIDRs")
        .filter_map(Value::as_str)
        .collect();
    lines.some(0, "PodCIDRs", &networks.join(","));
    lines.some(0, "ProviderID", text(node, "spec.providerID"));
    let pods: Vec<&Value> = context.related.iter().filter(|o| !is_lease(o)).collect();
    usage(node, &pods, context, lines);
}

fn lease(lease: Option<&Value>, lines: &mut Lines) {
    lines.line(0, "Lease:");
    let show = |field: &str| {
        let value = lease.map_or("", |lease| text(lease, field));
        if value.is_empty() { "<unset>" } else { value }.to_owned()
    };
    lines.field(1, "HolderIdentity", &show("spec.holderIdentity"));
    lines.field(1, "AcquireTime", &date(&show("spec.acquireTime")));
    lines.field(1, "RenewTime", &date(&show("spec.renewTime")));
}

fn conditions(node: &Value, lines: &mut Lines) {
    let mut conditions = items(node, "status.conditions").peekable();
    if conditions.peek().is_none() {
        return;
    }
    lines.line(0, "Conditions:");
    lines.line(
        1,
        "Type\tStatus\tLastHeartbeatTime\tLastTransitionTime\tReason\tMessage",
    );
    lines.line(
        1,
        "----\t------\t-----------------\t------------------\t------\t-------",
    );
    for condition in conditions {
        let row = [
            text(condition, "type").to_owned() + " ",
            text(condition, "status").to_owned() + " ",
            date(text(condition, "lastHeartbeatTime")) + " ",
            date(text(condition, "lastTransitionTime")) + " ",
            text(condition, "reason").to_owned() + " ",
            text(condition, "message").to_owned(),
        ];
        lines.line(1, &row.join("\t"));
    }
}

fn system(node: &Value, lines: &mut Lines) {
    lines.line(0, "System Info:");
    let info = at(node, "status.nodeInfo");
    for (label, field) in [
        ("Machine ID", "machineID"),
        ("System UUID", "systemUUID"),
        ("Boot ID", "bootID"),
        ("Kernel Version", "kernelVersion"),
        ("OS Image", "osImage"),
        ("Operating System", "operatingSystem"),
        ("Architecture", "architecture"),
        ("Container Runtime Version", "containerRuntimeVersion"),
        ("Kubelet Version", "kubeletVersion"),
        ("Kube-Proxy Version", "kubeProxyVersion"),
    ] {
        lines.field(1, label, text(info, field));
    }
}

/// Sums and shares of what the node has.
fn usage(node: &Value, pods: &[&Value], context: &Context, lines: &mut Lines) {
    let allocatable = |resource: &str| quantity(&at(node, "status.allocatable")[resource]);
    let share = |used: Quantity, resource: &str| {
        let all = allocatable(resource).milli();
        let percent = if all == 0 {
            0
        } else {
            used.milli().saturating_mul(100) / all
        };
        format!("{used} ({percent}%)")
    };
    lines.line(
        0,
        &format!("Non-terminated Pods:\t({} in total)", pods.len()),
    );
    lines.line(
        1,
        "Namespace\tName\t\tCPU Requests\tCPU Limits\tMemory Requests\tMemory Limits\tAge",
    );
    lines.line(
        1,
        "---------\t----\t\t------------\t----------\t---------------\t-------------\t---",
    );
    for pod in pods {
        let cell = |list, resource| share(of_pod(pod, list, resource), resource);
        let row = [
            text(pod, "metadata.namespace").to_owned(),
            text(pod, "metadata.name").to_owned(),
            String::new(),
            cell("requests", "cpu"),
            cell("limits", "cpu"),
            cell("requests", "memory"),
            cell("limits", "memory"),
            duration::age(text(pod, "metadata.creationTimestamp"), context.now),
        ];
        lines.line(1, &row.join("\t"));
    }
    lines.line(0, "Allocated resources:");
    lines.line(
        1,
        "(Total limits may be over 100 percent, i.e., overcommitted.)",
    );
    lines.line(1, "Resource\tRequests\tLimits");
    lines.line(1, "--------\t--------\t------");
    let mut resources: Vec<&str> = pairs(at(node, "status.allocatable"))
        .map(|(resource, _)| resource)
        .filter(|resource| *resource != "pods")
        .collect();
    resources.sort_by_key(|resource| rank(resource));
    for resource in resources {
        let total = |list| {
            let of_pods = pods.iter().map(|pod| of_pod(pod, list, resource));
            of_pods.fold(Quantity::default(), |sum, used| sum + used)
        };
        let (requests, limits) = (total("requests"), total("limits"));
        if rank(resource) < EXTENDED {
            let (requests, limits) = (share(requests, resource), share(limits, resource));
            lines.line(1, &format!("{resource}\t{requests}\t{limits}"));
        } else {
            lines.line(1, &format!("{resource}\t{requests}\t{limits}"));
        }
    }
}

/// Resources that only some device gives.
const EXTENDED: u8 = 4;

fn rank(resource: &str) -> u8 {
    match resource {
        "cpu" => 0,
        "memory" => 1,
        "ephemeral-storage" => 2,
        name if name.starts_with("hugepages-") => 3,
        _ => EXTENDED,
    }
}

fn quantity(value: &Value) -> Quantity {
    let text = value.as_str().unwrap_or("0");
    // The server stores only quantities that parse.
    text.parse().unwrap_or_default()
}

/// What a pod takes: its containers and sidecars together, or its greediest init container if
/// that is more, and the overhead.
fn of_pod(pod: &Value, list: &str, resource: &str) -> Quantity {
    let of = |container: &Value| quantity(&container["resources"][list][resource]);
    let mut sum = items(pod, "spec.containers")
        .map(of)
        .fold(Quantity::default(), |sum, used| sum + used);
    let (mut sidecars, mut peak) = (Quantity::default(), Quantity::default());
    for container in items(pod, "spec.initContainers") {
        if text(container, "restartPolicy") == "Always" {
            sidecars = sidecars + of(container);
            peak = peak.max(sidecars);
        } else {
            peak = peak.max(sidecars + of(container));
        }
    }
    sum = (sum + sidecars).max(peak);
    let overhead = quantity(&at(pod, "spec.overhead")[resource]);
    if list == "requests" || !sum.is_zero() {
        sum + overhead
    } else {
        sum
    }
}
