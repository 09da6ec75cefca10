//! Warnings about Services: fields that do nothing, or not for long.

use std::net::IpAddr;

use apimachinery::Object;

use crate::at::At;
use crate::cells::spec;
use crate::json;
use crate::meta::parse_ip;

pub(super) fn warnings(service: &Object) -> Vec<String> {
    let spec = spec(service);
    let mut warnings = Vec::new();
    let mut warn = |applies: bool, text: &str| {
        if applies {
            warnings.push(text.to_owned());
        }
    };
    let has = |field: &str| !json::is_zero(spec.get(field));
    warn(
        service
            .annotation("service.kubernetes.io/topology-aware-hints")
            .is_some(),
        "annotation service.kubernetes.io/topology-aware-hints is deprecated, please use service.kubernetes.io/topology-mode instead",
    );
    if json::text(spec, "clusterIP") == "None" {
        warn(
            has("loadBalancerIP"),
            "spec.loadBalancerIP is ignored for headless services",
        );
        warn(
            has("externalIPs"),
            "spec.externalIPs is ignored for headless services",
        );
        warn(
            json::text(spec, "sessionAffinity") != "None",
            "spec.SessionAffinity is ignored for headless services",
        );
    }
    let is_name = json::text(spec, "type") == "ExternalName";
    warn(
        is_name && has("externalIPs"),
        "spec.externalIPs is ignored when spec.type is \"ExternalName\"",
    );
    warn(
        !is_name && has("externalName"),
        "spec.externalName is ignored when spec.type is not \"ExternalName\"",
    );
    warn(
        json::text(spec, "trafficDistribution") == "PreferClose",
        "spec.trafficDistribution: \"PreferClose\" is deprecated; use \"PreferSameZone\"",
    );
    for field in ["clusterIPs", "externalIPs"] {
        let ips = At::root(service, "spec").child(field);
        warnings.extend(ips.items().filter_map(|ip| non_standard_ip(&ip)));
    }
    warnings
}

/// About an address that is only understood for old times' sake: one with leading zeros.
pub(crate) fn non_standard_ip(at: &At<'_>) -> Option<String> {
    let (path, text) = (&at.path, at.text());
    let standard = parse_ip(text)?.to_string();
    let is_old = text.parse::<IpAddr>().is_err();
    is_old.then(|| {
        format!(
            "{path}: non-standard IP address {text:?} will be considered invalid in a future Kubernetes release: use {standard:?}"
        )
    })
}
