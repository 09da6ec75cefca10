//! Rules of EndpointSlices.

use std::collections::BTreeSet;

use apimachinery::{FieldError, FieldErrors, Object};

use crate::at::{At, check_text, immutable};
use crate::core::service::validate_outer_ip;
use crate::meta::{
    dns_label, dns_subdomain, label_value, parse_ip, qualified_name, strict_ip, validate_labels,
};

const MOST_ENDPOINTS: usize = 1000;
const MOST_ADDRESSES: usize = 100;
const MOST_PORTS: usize = 20_000;
const MOST_TOPOLOGY: usize = 16;
const MOST_HINTS: usize = 8;

pub(super) fn validate_slice(slice: &Object) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let kind = At::root(slice, "addressType");
    if kind.text().is_empty() {
        errors.push(kind.required(""));
    } else {
        kind.one_of(&["FQDN", "IPv4", "IPv6"], &mut errors);
    }
    let endpoints = At::root(slice, "endpoints");
    if at_most(&endpoints, MOST_ENDPOINTS, &mut errors) {
        for endpoint in endpoints.items() {
            validate_endpoint(&endpoint, kind.text(), &mut errors);
        }
    }
    validate_ports(&At::root(slice, "ports"), &mut errors);
    errors
}

pub(super) fn keep_type(new: &Object, old: &Object, errors: &mut FieldErrors) {
    let kind = |object| At::root(object, "addressType");
    immutable(&kind(new), &kind(old), errors);
}

/// Whether a list is not too long.
fn at_most(list: &At<'_>, most: usize, errors: &mut FieldErrors) -> bool {
    let count = list.items().count();
    if count > most {
        errors.push(FieldError::too_many(&list.path, count, most));
    }
    count <= most
}

fn validate_endpoint(endpoint: &At<'_>, kind: &str, errors: &mut FieldErrors) {
    let addresses = endpoint.child("addresses");
    if addresses.is_zero() {
        errors.push(addresses.required("must contain at least 1 address"));
    }
    at_most(&addresses, MOST_ADDRESSES, errors);
    for address in addresses.items() {
        validate_address(&address, kind, errors);
    }
    endpoint
        .child("nodeName")
        .check_optional(dns_subdomain, errors);
    let topology = endpoint.child("deprecatedTopology");
    let count = topology.entries().count();
    if count > MOST_TOPOLOGY {
        errors.push(FieldError::too_many(&topology.path, count, MOST_TOPOLOGY));
    }
    validate_labels(&topology, errors);
    let hostname = endpoint.child("hostname");
    if hostname.is_present() {
        hostname.check(dns_label, errors);
    }
    let hints = endpoint.child("hints");
    validate_hints(&hints.child("forZones"), label_value, errors);
    validate_hints(&hints.child("forNodes"), dns_subdomain, errors);
}

fn validate_address(address: &At<'_>, kind: &str, errors: &mut FieldErrors) {
    let text = address.text();
    let ip = parse_ip(text);
    match kind {
        "IPv4" => {
            validate_outer_ip(address, errors);
            if ip.is_some_and(|ip| ip.is_ipv6()) {
                errors.push(address.invalid("must be an IPv4 address"));
            }
        }
        "IPv6" => {
            if ip.is_some() && strict_ip(text).is_err() {
                address.check(strict_ip, errors);
            }
            validate_outer_ip(address, errors);
            if ip.is_some_and(|ip| ip.is_ipv4()) {
                errors.push(address.invalid("must be an IPv6 address"));
            }
        }
        "FQDN" => {
            let name = text.strip_suffix('.').unwrap_or(text);
            let before = errors.0.len();
            check_text(&address.path, name, dns_subdomain, errors);
            if errors.0.len() == before && !name.contains('.') {
                errors
                    .push(address.invalid(
                        "should be a domain with at least two segments separated by dots",
                    ));
            }
        }
        _ => {}
    }
}

fn validate_hints(
    hints: &At<'_>,
    format: fn(&str) -> Result<(), String>,
    errors: &mut FieldErrors,
) {
    if !at_most(hints, MOST_HINTS, errors) {
        return;
    }
    let mut seen = BTreeSet::new();
    for hint in hints.items() {
        let name = hint.child("name");
        if !seen.insert(name.text()) {
            errors.push(name.duplicate());
        }
        name.check(format, errors);
    }
}

fn validate_ports(ports: &At<'_>, errors: &mut FieldErrors) {
    if !at_most(ports, MOST_PORTS, errors) {
        return;
    }
    let mut names = BTreeSet::new();
    for port in ports.items() {
        let name = port.child("name");
        name.check_optional(dns_label, errors);
        if !names.insert(name.text()) {
            errors.push(name.duplicate());
        }
        let protocol = port.child("protocol");
        if protocol.text().is_empty() {
            errors.push(protocol.required(""));
        } else {
            protocol.one_of(&["SCTP", "TCP", "UDP"], errors);
        }
        port.child("appProtocol")
            .check_optional(qualified_name, errors);
    }
}
