//! Rules of Ingresses.

use apimachinery::{FieldError, FieldErrors, Object, Path};

use super::super::validate_reference;
use super::CLASS;
use crate::at::At;
use crate::meta::{dns_subdomain, dns1035_label, ip, parse_ip, port_name, port_number, wildcard};

const SEQUENCES: [&str; 5] = ["//", "/./", "/../", "%2f", "%2F"];
const ENDS: [&str; 2] = ["/..", "/."];

pub(super) fn validate_new(ingress: &Object) -> FieldErrors {
    let mut errors = validate_ingress(ingress);
    let class = At::root(ingress, "spec").child("ingressClassName");
    if let Some(annotated) = ingress.annotation(CLASS)
        && class.is_present()
        && class.text() != annotated
    {
        let path = Path::new("annotations").child(CLASS);
        let detail = "must match `ingressClassName` when both are specified";
        errors.push(FieldError::invalid(&path, annotated, detail));
    }
    errors
}

pub(super) fn validate_ingress(ingress: &Object) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let spec = At::root(ingress, "spec");
    let (rules, default) = (spec.child("rules"), spec.child("defaultBackend"));
    if rules.is_zero() && !default.is_present() {
        errors.push(FieldError::invalid(
            &spec.path,
            rules.value.clone(),
            "either `defaultBackend` or `rules` must be specified",
        ));
    }
    if default.is_present() {
        validate_backend(&default, &mut errors);
    }
    for rule in rules.items() {
        validate_rule(&rule, &mut errors);
    }
    for tls in spec.child("tls").items() {
        for host in tls.child("hosts").items() {
            validate_host(&host, &mut errors);
        }
        tls.child("secretName")
            .check_optional(dns_subdomain, &mut errors);
    }
    let class = spec.child("ingressClassName");
    if class.is_present() {
        class.check(dns_subdomain, &mut errors);
    }
    errors
}

fn validate_host(host: &At<'_>, errors: &mut FieldErrors) {
    if host.text().contains('*') {
        host.check(wildcard, errors);
    } else {
        host.check(dns_subdomain, errors);
    }
}

fn validate_rule(rule: &At<'_>, errors: &mut FieldErrors) {
    let host = rule.child("host");
    if !host.text().is_empty() {
        if parse_ip(host.text()).is_some() {
            errors.push(host.invalid("must be a DNS name, not an IP address"));
        }
        validate_host(&host, errors);
    }
    let http = rule.child("http");
    let paths = http.child("paths");
    if http.is_present() && paths.is_zero() {
        errors.push(paths.required(""));
    }
    for path in paths.items() {
        validate_path(&path, errors);
    }
}

fn validate_path(path: &At<'_>, errors: &mut FieldErrors) {
    let (kind, at) = (path.child("pathType"), path.child("path"));
    if !kind.is_present() {
        errors.push(kind.required("pathType must be specified"));
        return;
    }
    let text = at.text();
    let mut wrong = |detail: String| errors.push(FieldError::invalid(&at.path, text, detail));
    let is_relative = !text.starts_with('/');
    match kind.text() {
        "Exact" | "Prefix" => {
            if is_relative {
                wrong("must be an absolute path".to_owned());
            }
            for sequence in SEQUENCES.iter().filter(|s| text.contains(**s)) {
                wrong(format!("must not contain '{sequence}'"));
            }
            for end in ENDS.iter().filter(|end| text.ends_with(**end)) {
                wrong(format!("cannot end with '{end}'"));
            }
        }
        "ImplementationSpecific" if is_relative && !text.is_empty() => {
            wrong("must be an absolute path".to_owned());
        }
        "ImplementationSpecific" => {}
        _ => kind.one_of(&["Exact", "ImplementationSpecific", "Prefix"], errors),
    }
    validate_backend(&path.child("backend"), errors);
}

fn validate_backend(backend: &At<'_>, errors: &mut FieldErrors) {
    let wrong = |detail| FieldError::invalid(&backend.path, "", detail);
    let (resource, service) = (backend.child("resource"), backend.child("service"));
    match (resource.is_present(), service.is_present()) {
        (true, true) => errors.push(wrong("cannot set both resource and service backends")),
        (true, false) => validate_reference(&resource, errors),
        (false, false) => errors.push(wrong("resource or service backend is required")),
        (false, true) => {
            service.child("name").check_required(dns1035_label, errors);
            let port = service.child("port");
            let (name, number) = (port.child("name"), port.child("number"));
            match (name.text().is_empty(), number.is_zero()) {
                (false, false) => errors.push(wrong("cannot set both port name & port number")),
                (false, true) => name.check(port_name, errors),
                (true, false) => {
                    if let Err(detail) = port_number(number.int().unwrap_or(0)) {
                        errors.push(number.invalid(detail));
                    }
                }
                (true, true) => {
                    errors.push(backend.required("port name or number is required"));
                }
            }
        }
    }
}

pub(super) fn validate_status(ingress: &Object) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let balancer = At::root(ingress, "status").child("loadBalancer");
    for entry in balancer.child("ingress").items() {
        entry.child("ip").check_optional(ip, &mut errors);
        let hostname = entry.child("hostname");
        hostname.check_optional(dns_subdomain, &mut errors);
        if parse_ip(hostname.text()).is_some() {
            errors.push(hostname.invalid("must be a DNS name, not an IP address"));
        }
    }
    errors
}
