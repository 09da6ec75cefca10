//! What a Service gets besides its defaults, and what it loses when its type changes.

use std::collections::{HashMap, HashSet};

use apimachinery::Object;
use serde_json::{Value, json};

use super::default::is_external;
use crate::cells::spec;
use crate::json::{self, Fill, Json, fill, same};
use crate::meta::parse_ip;

const HEADLESS: &str = "None";

pub(super) fn prepare_new(service: &mut Object) {
    service.insert("status".into(), json!({"loadBalancer": {}}));
    let spec = service.map_mut("spec");
    list_cluster_ip(spec);
    choose_families(spec);
}

pub(super) fn prepare_change(new: &mut Object, old: &Object) {
    let before = spec(old);
    let after = new.map_mut("spec");
    keep_cluster_ips(after, before);
    keep_node_ports(after, before);
    keep_health_port(after, before);
    follow_cluster_ip(after, before);
    list_cluster_ip(after);
    drop_unneeded(after, before);
    choose_families(after);
}

fn has_cluster_ip(spec: &Json) -> bool {
    matches!(
        json::text(spec, "type"),
        "ClusterIP" | "NodePort" | "LoadBalancer"
    )
}

pub(super) fn has_node_ports(spec: &Json) -> bool {
    match json::text(spec, "type") {
        "NodePort" => true,
        "LoadBalancer" => {
            spec.get("allocateLoadBalancerNodePorts")
                .and_then(Value::as_bool)
                != Some(false)
        }
        _ => false,
    }
}

pub(super) fn has_health_port(spec: &Json) -> bool {
    json::text(spec, "type") == "LoadBalancer"
        && json::text(spec, "externalTrafficPolicy") == "Local"
}

/// Who changes only one of `clusterIP` and `clusterIPs` means both.
fn follow_cluster_ip(new: &mut Json, old: &Json) {
    let (first, before) = (json::text(new, "clusterIP"), json::text(old, "clusterIP"));
    if first == before || !same(new.get("clusterIPs"), old.get("clusterIPs")) {
        return;
    }
    let first = first.to_owned();
    if first.is_empty() {
        new.remove("clusterIPs");
    } else if let Some(Value::Array(listed)) = new.get_mut("clusterIPs")
        && let Some(value) = listed.first_mut()
    {
        *value = first.into();
    }
}

/// `clusterIPs` is the list that `clusterIP` is the first of.
fn list_cluster_ip(spec: &mut Json) {
    let first = json::text(spec, "clusterIP").to_owned();
    if !first.is_empty() && json::list(spec, "clusterIPs").is_empty() {
        spec.insert("clusterIPs".into(), json!([first]));
    }
}

/// One family, except for services without a selector and without an address, which may have
/// endpoints of both.
fn choose_families(spec: &mut Json) {
    if !has_cluster_ip(spec) {
        return;
    }
    let first = json::texts(spec, "clusterIPs").next().unwrap_or("");
    let is_v6 = parse_ip(first).is_some_and(|ip| ip.is_ipv6());
    let for_all = first == HEADLESS && json::is_zero(spec.get("selector"));
    let is_free = json::is_zero(spec.get("ipFamilies"));
    let policy = if for_all && is_free {
        "RequireDualStack"
    } else {
        "SingleStack"
    };
    fill(spec, &[("ipFamilyPolicy", Fill::Text(policy))]);
    if is_free {
        let families = match json::text(spec, "ipFamilyPolicy") {
            "RequireDualStack" if for_all => json!(["IPv4", "IPv6"]),
            _ if is_v6 => json!(["IPv6"]),
            _ => json!(["IPv4"]),
        };
        spec.insert("ipFamilies".into(), families);
    }
}

/// A PUT that leaves an allocated address out means the one there is.
fn keep_cluster_ips(new: &mut Json, old: &Json) {
    if !has_cluster_ip(new) || !has_cluster_ip(old) {
        return;
    }
    if json::text(new, "clusterIP").is_empty() {
        keep(new, old, "clusterIP");
    }
    let unchanged = json::text(new, "clusterIP") == json::text(old, "clusterIP");
    if unchanged && json::list(new, "clusterIPs").is_empty() {
        keep(new, old, "clusterIPs");
    }
}

fn keep(new: &mut Json, old: &Json, field: &str) {
    if let Some(value) = old.get(field) {
        new.insert(field.to_owned(), value.clone());
    }
}

/// Ports are the same when protocol and number are.
fn keep_node_ports(new: &mut Json, old: &Json) {
    if !has_node_ports(new) || !has_node_ports(old) {
        return;
    }
    let taken: HashSet<i64> = json::maps(new, "ports")
        .filter_map(|port| json::int(port, "nodePort"))
        .collect();
    let mut before = HashMap::new();
    for port in json::maps(old, "ports") {
        let key = (port.get("port"), port.get("protocol"));
        before.entry(key).or_insert(json::int(port, "nodePort"));
    }
    for port in json::maps_mut(new, "ports") {
        if !json::is_zero(port.get("nodePort")) {
            continue;
        }
        let kept = before.get(&(port.get("port"), port.get("protocol")));
        let kept = kept.copied().flatten();
        if let Some(kept) = kept.filter(|kept| *kept != 0 && !taken.contains(kept)) {
            port.insert("nodePort".into(), kept.into());
        }
    }
}

fn keep_health_port(new: &mut Json, old: &Json) {
    let field = "healthCheckNodePort";
    if has_health_port(new) && has_health_port(old) && json::is_zero(new.get(field)) {
        keep(new, old, field);
    }
}

/// Fields that the new type has no use for go, unless this very update set them.
fn drop_unneeded(new: &mut Json, old: &Json) {
    let drop_same = |new: &mut Json, fields: &[&str]| {
        for field in fields {
            if same(new.get(*field), old.get(*field)) || json::is_zero(new.get(*field)) {
                new.remove(*field);
            }
        }
    };
    if has_cluster_ip(old) && !has_cluster_ip(new) {
        let fields = [
            "clusterIP",
            "clusterIPs",
            "ipFamilies",
            "ipFamilyPolicy",
            "internalTrafficPolicy",
        ];
        drop_same(new, &fields);
    }
    if has_node_ports(old) && !has_node_ports(new) {
        drop_node_ports(new, old);
    }
    if has_health_port(old) && !has_health_port(new) {
        drop_same(new, &["healthCheckNodePort"]);
    }
    if is_external(old) && !is_external(new) {
        drop_same(new, &["externalTrafficPolicy"]);
    }
    let balanced = |spec: &Json| json::text(spec, "type") == "LoadBalancer";
    if balanced(old) && !balanced(new) {
        drop_same(new, &["allocateLoadBalancerNodePorts", "loadBalancerClass"]);
    }
}

fn drop_node_ports(new: &mut Json, old: &Json) {
    let numbers = |spec: &Json| -> Vec<i64> {
        let ports = json::maps(spec, "ports");
        ports
            .map(|port| json::int(port, "nodePort").unwrap_or(0))
            .collect()
    };
    if numbers(new) == numbers(old) {
        for port in json::maps_mut(new, "ports") {
            port.remove("nodePort");
        }
    }
}
