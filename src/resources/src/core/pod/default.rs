//! Defaults of pods that templates do not have.

use apimachinery::Object;
use serde_json::json;

use crate::json::{self, Fill, Json, fill, maps_mut};
use crate::podspec::{aggregate_requests, default_pod_spec};

/// The containers that requests and host ports are defaulted for.
const LISTS: [&str; 2] = ["initContainers", "containers"];

pub(super) fn default_pod(pod: &mut Object) {
    let spec = pod.map_mut("spec");
    default_pod_spec(spec);
    for list in LISTS {
        for container in maps_mut(spec, list) {
            requests_from_limits(container);
        }
    }
    pod_level_requests(spec);
    fill(spec, &[("enableServiceLinks", Fill::Flag(true))]);
    if json::flag(spec, "hostNetwork") {
        host_ports(spec);
    }
    if let Some(status) = json::map_mut(pod, "status") {
        list_pod_ip(status);
    }
}

/// `podIPs` is the list that `podIP` is the first of; where they differ, the latter is newer.
fn list_pod_ip(status: &mut Json) {
    let first = json::text(status, "podIP").to_owned();
    let listed = json::maps(status, "podIPs")
        .next()
        .map_or("", |entry| json::text(entry, "ip"))
        .to_owned();
    if first.is_empty() && !listed.is_empty() {
        status.insert("podIP".into(), listed.into());
    } else if first != listed {
        status.insert("podIPs".into(), json!([{"ip": first}]));
    }
}

/// A limit without a request is a request too.
fn requests_from_limits(container: &mut Json) {
    let Some(resources) = json::map_mut(container, "resources") else {
        return;
    };
    let Some(limits) = json::map(resources, "limits").cloned() else {
        return;
    };
    fill(resources, &[("requests", Fill::Empty)]);
    if let Some(requests) = json::map_mut(resources, "requests") {
        for (name, quantity) in limits {
            requests.entry(name).or_insert(quantity);
        }
    }
}

/// On the network of the host, a container's port is the host's.
fn host_ports(spec: &mut Json) {
    for list in LISTS {
        json::each_mut(spec, &[list, "ports"], &mut |port| {
            if json::is_zero(port.get("hostPort"))
                && let Some(number) = port.get("containerPort").cloned()
            {
                port.insert("hostPort".into(), number);
            }
        });
    }
}

/// Pod-level requests that are missing come from the containers, else from pod-level limits.
fn pod_level_requests(spec: &mut Json) {
    let Some(limits) = json::map(spec, "resources")
        .and_then(|resources| json::map(resources, "limits"))
        .filter(|limits| !limits.is_empty())
        .cloned()
    else {
        return;
    };
    let asked = aggregate_requests(spec);
    let sums = ["cpu", "memory"].map(|name| (name, asked.get(name).copied()));
    let Some(resources) = json::map_mut(spec, "resources") else {
        return;
    };
    fill(resources, &[("requests", Fill::Empty)]);
    let Some(requests) = json::map_mut(resources, "requests") else {
        return;
    };
    for (name, sum) in sums {
        if let Some(sum) = sum {
            requests
                .entry(name)
                .or_insert_with(|| sum.to_string().into());
        }
    }
    for (name, limit) in limits {
        requests.entry(name).or_insert(limit);
    }
}
