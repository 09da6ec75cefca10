//! What `kubectl get services` shows.

use std::collections::BTreeSet;

use apimachinery::Object;

use crate::cells::{AGE, NAME, NONE, UNKNOWN, labels, or_none, spec, status, text, wide};
use crate::column::Column;
use crate::json::{self, Json};

pub(super) const COLUMNS: &[Column] = &[
    NAME,
    text("Type", "How the service is reached.", |cell| {
        json::text(spec(cell.object), "type").into()
    }),
    text("Cluster-IP", "Its address inside.", |cell| {
        let first = json::texts(spec(cell.object), "clusterIPs").next();
        first.unwrap_or(NONE).into()
    }),
    text("External-IP", "Its addresses outside.", |cell| {
        external_ip(cell.object).into()
    }),
    text("Port(s)", "The ports it serves.", |cell| {
        ports(spec(cell.object)).into()
    }),
    AGE,
    wide(text("Selector", "The pods behind it.", |cell| {
        labels(json::map(spec(cell.object), "selector")).into()
    })),
];

fn external_ip(service: &Object) -> String {
    let spec = spec(service);
    let external: Vec<&str> = json::texts(spec, "externalIPs").collect();
    match json::text(spec, "type") {
        "ClusterIP" | "NodePort" => or_none(&external.join(",")).to_owned(),
        "LoadBalancer" => {
            let balanced = balancer_addresses(service);
            let all: Vec<&str> = balanced.into_iter().chain(external).collect();
            match all.join(",") {
                none if none.is_empty() => "<pending>".to_owned(),
                some => some,
            }
        }
        "ExternalName" => json::text(spec, "externalName").to_owned(),
        _ => UNKNOWN.to_owned(),
    }
}

fn balancer_addresses(service: &Object) -> BTreeSet<&str> {
    let balancer = json::map(status(service), "loadBalancer");
    let ingress = balancer.into_iter().flat_map(|b| json::maps(b, "ingress"));
    ingress
        .filter_map(
            |entry| match (json::text(entry, "ip"), json::text(entry, "hostname")) {
                ("", "") => None,
                ("", hostname) => Some(hostname),
                (ip, _) => Some(ip),
            },
        )
        .collect()
}

fn ports(spec: &Json) -> String {
    let ports: Vec<String> = json::maps(spec, "ports")
        .map(|port| {
            let (number, protocol) = (json::int(port, "port"), json::text(port, "protocol"));
            let number = number.unwrap_or(0);
            match json::int(port, "nodePort") {
                None | Some(0) => format!("{number}/{protocol}"),
                Some(node_port) => format!("{number}:{node_port}/{protocol}"),
            }
        })
        .collect();
    or_none(&ports.join(",")).to_owned()
}
