//! Rules of Services.

use std::collections::BTreeSet;
use std::net::IpAddr;

use apimachinery::{FieldError, FieldErrors, Object};
use serde_json::json;

use super::default::is_external;
use super::prepare::has_health_port;
use crate::at::{At, required};
use crate::json::{Json, same};
use crate::meta::{self, parse_ip, validate_labels};
use crate::podspec::validate_port;

const TYPES: [&str; 4] = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];
const KUBELET_PORT: i64 = 10_250;
const AFFINITY_SECONDS: i64 = 86_400;
const BALANCED_ONLY: &str = "may only be used when `type` is 'LoadBalancer'";

pub(super) fn validate_service(object: &Object) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let spec = At::root(object, "spec");
    validate_type_needs(&spec, &mut errors);
    validate_ports(&spec, &mut errors);
    if errors.is_full() {
        return errors;
    }
    validate_labels(&spec.child("selector"), &mut errors);
    validate_affinity(&spec, &mut errors);
    super::families::validate_families(&spec, &mut errors);
    for ip in spec.child("externalIPs").items() {
        validate_outer_ip(&ip, &mut errors);
    }
    let kind = spec.child("type");
    if kind.text().is_empty() {
        errors.push(kind.required(""));
    } else {
        kind.one_of(&TYPES, &mut errors);
    }
    validate_node_ports(&spec, &mut errors);
    validate_unique_ports(&spec, &mut errors);
    validate_balancer(&spec, &mut errors);
    validate_traffic(&spec, &mut errors);
    errors
}

fn is_headless(spec: &At<'_>) -> bool {
    let first = spec.child("clusterIPs").items().next();
    first.is_some_and(|ip| ip.text() == "None") || spec.child("clusterIP").text() == "None"
}

fn validate_type_needs(spec: &At<'_>, errors: &mut FieldErrors) {
    let kind = spec.child("type").text();
    let ports = spec.child("ports");
    if ports.is_zero() && !is_headless(spec) && kind != "ExternalName" {
        errors.push(ports.required(""));
    }
    match kind {
        "LoadBalancer" | "NodePort" => {
            if kind == "LoadBalancer" {
                for port in ports
                    .items()
                    .filter(|p| p.child("port").int() == Some(KUBELET_PORT))
                {
                    errors.push(FieldError::invalid(
                        &port.path,
                        KUBELET_PORT,
                        "may not expose port 10250 externally since it is used by kubelet",
                    ));
                }
            }
            if is_headless(spec) {
                let path = spec.child("clusterIPs").path.index(0);
                let detail = format!("may not be set to 'None' for {kind} services");
                errors.push(FieldError::invalid(&path, "None", detail));
            }
        }
        "ExternalName" => {
            for field in ["clusterIPs", "ipFamilies", "ipFamilyPolicy"] {
                let at = spec.child(field);
                if !at.is_zero() {
                    errors.push(at.forbidden("may not be set for ExternalName services"));
                }
            }
            let name = spec.child("externalName");
            let text = name.text().strip_suffix('.').unwrap_or(name.text());
            if text.is_empty() {
                errors.push(name.required(""));
            } else {
                crate::at::check_text(&name.path, text, meta::dns_subdomain, errors);
            }
        }
        _ => {}
    }
}

fn validate_ports(spec: &At<'_>, errors: &mut FieldErrors) {
    let ports = spec.child("ports");
    let are_many = ports.items().nth(1).is_some();
    let mut names = BTreeSet::new();
    ports.each(errors, |port, errors| {
        let name = port.child("name");
        if !name.text().is_empty() {
            name.check(meta::dns_label, errors);
            if !names.insert(name.text()) {
                errors.push(name.duplicate());
            }
        } else if are_many {
            errors.push(name.required(""));
        }
        let number = port.child("port");
        if let Err(detail) = meta::port_number(number.int().unwrap_or(0)) {
            errors.push(FieldError::invalid(
                &number.path,
                number.int().unwrap_or(0),
                detail,
            ));
        }
        let protocol = port.child("protocol");
        if protocol.text().is_empty() {
            errors.push(protocol.required(""));
        } else {
            protocol.one_of(&["SCTP", "TCP", "UDP"], errors);
        }
        validate_port(&port.child("targetPort"), errors);
        port.child("appProtocol")
            .check_optional(meta::qualified_name, errors);
    });
}

fn validate_affinity(spec: &At<'_>, errors: &mut FieldErrors) {
    let affinity = spec.child("sessionAffinity");
    if affinity.text().is_empty() {
        errors.push(affinity.required(""));
    } else {
        affinity.one_of(&["ClientIP", "None"], errors);
    }
    let config = spec.child("sessionAffinityConfig");
    match affinity.text() {
        "None" if config.is_present() => {
            errors.push(config.forbidden("must not be set when session affinity is None"));
        }
        "ClientIP" => {
            let seconds = config.child("clientIP").child("timeoutSeconds");
            if !seconds.is_present() {
                errors.push(seconds.required("when session affinity type is ClientIP"));
            } else if !(1..=AFFINITY_SECONDS).contains(&seconds.int().unwrap_or(0)) {
                let detail = format!("must be greater than 0 and less than {AFFINITY_SECONDS}");
                errors.push(seconds.invalid(detail));
            }
        }
        _ => {}
    }
}

/// An address of its own that others can reach.
pub(crate) fn validate_outer_ip(at: &At<'_>, errors: &mut FieldErrors) {
    at.check(meta::ip, errors);
    let Some(ip) = parse_ip(at.text()) else {
        return;
    };
    let link_local = match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.segments()[0] & 0xffc0 == 0xfe80,
    };
    let link_multicast = match ip {
        IpAddr::V4(ip) => ip.octets()[..3] == [224, 0, 0],
        IpAddr::V6(ip) => ip.segments()[0] & 0xff0f == 0xff02,
    };
    let rules = [
        (
            ip.is_unspecified(),
            format!("may not be unspecified ({})", at.text()),
        ),
        (
            ip.is_loopback(),
            "may not be in the loopback range (127.0.0.0/8, ::1/128)".to_owned(),
        ),
        (
            link_local,
            "may not be in the link-local range (169.254.0.0/16, fe80::/10)".to_owned(),
        ),
        (
            link_multicast,
            "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)".to_owned(),
        ),
    ];
    for (applies, detail) in rules {
        if applies {
            errors.push(at.invalid(detail));
        }
    }
}

fn validate_node_ports(spec: &At<'_>, errors: &mut FieldErrors) {
    let mut seen = BTreeSet::new();
    for port in spec.child("ports").items() {
        let at = port.child("nodePort");
        let Some(number) = at.int().filter(|number| *number != 0) else {
            continue;
        };
        if spec.child("type").text() == "ClusterIP" {
            errors.push(at.forbidden("may not be used when `type` is 'ClusterIP'"));
        }
        if !seen.insert((port.child("protocol").text(), number)) {
            errors.push(at.duplicate());
        }
    }
}

fn validate_unique_ports(spec: &At<'_>, errors: &mut FieldErrors) {
    let mut seen = BTreeSet::new();
    for port in spec.child("ports").items() {
        let (protocol, number) = (port.child("protocol").text(), port.child("port").int());
        if !seen.insert((protocol, number)) {
            // The internal form of a port of which only these two are set.
            let shown = json!({
                "Name": "", "Protocol": protocol, "AppProtocol": null, "Port": number,
                "TargetPort": 0, "NodePort": 0,
            });
            errors.push(FieldError::duplicate(&port.path, shown));
        }
    }
}

fn validate_balancer(spec: &At<'_>, errors: &mut FieldErrors) {
    let is_balancer = spec.child("type").text() == "LoadBalancer";
    let ranges = spec.child("loadBalancerSourceRanges");
    if !ranges.is_zero() {
        if !is_balancer {
            // Upstream's path begins with a capital here.
            let path = spec.path.child("LoadBalancerSourceRanges");
            errors.push(FieldError::forbidden(&path, BALANCED_ONLY));
        }
        for range in ranges.items() {
            if !is_cidr(range.text().trim()) {
                errors
                    .push(range.invalid(
                        "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)",
                    ));
            }
        }
    }
    let allocate = spec.child("allocateLoadBalancerNodePorts");
    let class = spec.child("loadBalancerClass");
    if is_balancer {
        if !allocate.is_present() {
            errors.push(allocate.required(""));
        }
        class.check_optional(meta::qualified_name, errors);
    } else {
        for at in [allocate, class] {
            if at.is_present() {
                errors.push(at.forbidden(BALANCED_ONLY));
            }
        }
    }
}

pub(super) fn is_cidr(text: &str) -> bool {
    let Some((ip, bits)) = text.split_once('/') else {
        return false;
    };
    let max = match parse_ip(ip) {
        Some(IpAddr::V4(_)) => 32,
        Some(IpAddr::V6(_)) => 128,
        None => return false,
    };
    bits.parse::<u8>().is_ok_and(|bits| bits <= max)
}

fn validate_traffic(spec: &At<'_>, errors: &mut FieldErrors) {
    static NOTHING: std::sync::LazyLock<Json> = std::sync::LazyLock::new(Json::new);
    let fields = spec.value.as_object().unwrap_or(&NOTHING);
    let external = spec.child("externalTrafficPolicy");
    if is_external(fields) {
        required(&external, errors);
        external.one_of_or_none(&["Cluster", "Local"], errors);
    } else if !external.text().is_empty() {
        errors.push(external.invalid("may only be set for externally-accessible services"));
    }
    let health = spec.child("healthCheckNodePort");
    if !has_health_port(fields) && !health.is_zero() {
        errors.push(health.invalid(
            "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'",
        ));
    }
    let internal = spec.child("internalTrafficPolicy");
    if spec.child("type").text() != "ExternalName" {
        required(&internal, errors);
    }
    internal.one_of_or_none(&["Cluster", "Local"], errors);
    spec.child("trafficDistribution")
        .one_of_or_none(&["PreferClose", "PreferSameZone", "PreferSameNode"], errors);
}

pub(super) fn validate_change(new: &Object, old: &Object, errors: &mut FieldErrors) {
    let (spec, before) = (At::root(new, "spec"), At::root(old, "spec"));
    let balanced = |spec: &At<'_>| spec.child("type").text() == "LoadBalancer";
    let (class, was) = (
        spec.child("loadBalancerClass"),
        before.child("loadBalancerClass"),
    );
    if balanced(&spec) && balanced(&before) && !same(Some(class.value), Some(was.value)) {
        errors.push(class.invalid("may not change once set"));
    }
    super::families::validate_family_change(&spec, &before, errors);
    let (health, had) = (
        spec.child("healthCheckNodePort"),
        before.child("healthCheckNodePort"),
    );
    if !health.is_zero() && !had.is_zero() && health.int() != had.int() {
        errors.push(health.forbidden("field is immutable"));
    }
}

pub(super) fn validate_status(new: &Object) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let balancer = At::root(new, "status").child("loadBalancer");
    let ingress = balancer.child("ingress");
    if At::root(new, "spec").child("type").text() != "LoadBalancer" && !ingress.is_zero() {
        let detail = "may only be used when `spec.type` is 'LoadBalancer'";
        errors.push(ingress.forbidden(detail));
        return errors;
    }
    for entry in ingress.items() {
        let (ip, mode) = (entry.child("ip"), entry.child("ipMode"));
        if ip.text().is_empty() {
            if mode.is_present() {
                errors.push(mode.forbidden("may not be specified when `ip` is not set"));
            }
        } else {
            ip.check(meta::ip, &mut errors);
            if mode.is_present() {
                mode.one_of(&["Proxy", "VIP"], &mut errors);
            } else {
                errors.push(mode.required("must be specified when `ip` is set"));
            }
        }
        let hostname = entry.child("hostname");
        hostname.check_optional(meta::dns_subdomain, &mut errors);
        if parse_ip(hostname.text()).is_some() {
            let detail = "must be a DNS name, not an IP address";
            errors.push(hostname.invalid(detail));
        }
    }
    errors
}
