//! Defaults of a Service.

use apimachinery::Object;
use serde_json::{Value, json};

use crate::json::{self, Fill, Json, fill, maps_mut};

const SPEC: &[(&str, Fill)] = &[
    ("sessionAffinity", Fill::Text("None")),
    ("type", Fill::Text("ClusterIP")),
];
/// How long a client stays with its endpoint: three hours.
const AFFINITY_SECONDS: i64 = 10_800;

pub(super) fn default_service(service: &mut Object) {
    let spec = service.map_mut("spec");
    fill(spec, SPEC);
    default_affinity(spec);
    maps_mut(spec, "ports").for_each(default_port);
    let kind = json::text(spec, "type").to_owned();
    if kind != "ExternalName" {
        fill(spec, &[("internalTrafficPolicy", Fill::Text("Cluster"))]);
    }
    if is_external(spec) {
        fill(spec, &[("externalTrafficPolicy", Fill::Text("Cluster"))]);
    }
    if kind == "LoadBalancer" {
        fill(spec, &[("allocateLoadBalancerNodePorts", Fill::Flag(true))]);
    }
    json::each_mut(
        service,
        &["status", "loadBalancer", "ingress"],
        &mut |ingress| {
            if !json::text(ingress, "ip").is_empty() {
                fill(ingress, &[("ipMode", Fill::Text("VIP"))]);
            }
        },
    );
}

/// Reachable from outside the cluster.
pub(super) fn is_external(spec: &Json) -> bool {
    match json::text(spec, "type") {
        "NodePort" | "LoadBalancer" => true,
        "ClusterIP" => !json::list(spec, "externalIPs").is_empty(),
        _ => false,
    }
}

fn default_affinity(spec: &mut Json) {
    if json::text(spec, "sessionAffinity") == "None" {
        spec.remove("sessionAffinityConfig");
        return;
    }
    let seconds = spec
        .get("sessionAffinityConfig")
        .and_then(|config| config.pointer("/clientIP/timeoutSeconds"));
    if json::text(spec, "sessionAffinity") == "ClientIP" && seconds.is_none_or(Value::is_null) {
        let config = json!({"clientIP": {"timeoutSeconds": AFFINITY_SECONDS}});
        spec.insert("sessionAffinityConfig".into(), config);
    }
}

fn default_port(port: &mut Json) {
    fill(port, &[("protocol", Fill::Text("TCP"))]);
    let target = port.get("targetPort");
    if json::is_zero(target)
        && let Some(number) = port.get("port").cloned()
    {
        port.insert("targetPort".into(), number);
    }
}
