//! Rules of CertificateSigningRequests.

use std::collections::BTreeSet;

use apimachinery::{FieldError, FieldErrors, Object};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::FINAL;
use crate::at::At;
use crate::json;
use crate::meta::dns_subdomain;

const USAGES: [&str; 23] = [
    "any",
    "cert sign",
    "client auth",
    "code signing",
    "content commitment",
    "crl sign",
    "data encipherment",
    "decipher only",
    "digital signature",
    "email protection",
    "encipher only",
    "ipsec end system",
    "ipsec tunnel",
    "ipsec user",
    "key agreement",
    "key encipherment",
    "microsoft sgc",
    "netscape sgc",
    "ocsp signing",
    "s/mime",
    "server auth",
    "signing",
    "timestamping",
];
const PEM: &str = "-----BEGIN CERTIFICATE REQUEST-----";
const LEAST_SECONDS: i64 = 600;

pub(super) fn validate_request(request: &Object) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let spec = At::root(request, "spec");
    validate_pem(&spec.child("request"), &mut errors);
    let usages = spec.child("usages");
    if usages.is_zero() {
        errors.push(usages.required(""));
    }
    let mut seen = BTreeSet::new();
    for usage in usages.items() {
        usage.one_of(&USAGES, &mut errors);
        if !seen.insert(usage.text()) {
            errors.push(usage.duplicate());
        }
    }
    let signer = spec.child("signerName");
    if signer.text() == "kubernetes.io/legacy-unknown" {
        errors.push(signer.invalid("the legacy signerName is not allowed via this API version"));
    } else {
        validate_signer(&signer, &mut errors);
    }
    let seconds = spec.child("expirationSeconds");
    if seconds.int().is_some_and(|seconds| seconds < LEAST_SECONDS) {
        errors
            .push(seconds.invalid("may not specify a duration less than 600 seconds (10 minutes)"));
    }
    validate_conditions(request, &mut errors);
    errors
}

/// What is inside is the signer's business.
fn validate_pem(at: &At<'_>, errors: &mut FieldErrors) {
    let bytes = BASE64_STANDARD.decode(at.text()).unwrap_or_default();
    let is_request = std::str::from_utf8(&bytes).is_ok_and(|text| text.contains(PEM));
    if !is_request {
        errors.push(at.invalid("PEM block type must be CERTIFICATE REQUEST"));
    }
}

fn validate_signer(at: &At<'_>, errors: &mut FieldErrors) {
    let name = at.text();
    if name.is_empty() {
        errors.push(at.required(""));
        return;
    }
    let parts = name
        .split_once('/')
        .filter(|(domain, path)| !domain.is_empty() && !path.is_empty());
    let Some((domain, path)) = parts else {
        errors.push(at.invalid(
            "must be a fully qualified domain and path of the form 'example.com/signer-name'",
        ));
        return;
    };
    for text in [domain, path] {
        crate::at::check_text(&at.path, text, dns_subdomain, errors);
    }
    if !domain.contains('.') {
        errors.push(at.invalid("should be a domain with at least two segments separated by dots"));
    }
}

fn validate_conditions(request: &Object, errors: &mut FieldErrors) {
    let conditions = At::root(request, "status").child("conditions");
    let mut seen = BTreeSet::new();
    for condition in conditions.items() {
        let (kind, status) = (condition.child("type"), condition.child("status"));
        if kind.text().is_empty() {
            errors.push(kind.required(""));
        }
        if FINAL.contains(&kind.text()) || kind.text() == "Failed" {
            status.one_of(&["True"], errors);
        } else if status.text().is_empty() {
            errors.push(status.required(""));
        } else {
            status.one_of(&["False", "True", "Unknown"], errors);
        }
        if !seen.insert(kind.text()) {
            errors.push(kind.duplicate());
        }
    }
    if FINAL.iter().all(|kind| seen.contains(kind)) {
        errors.push(conditions.invalid("Approved and Denied conditions are mutually exclusive"));
    }
}

pub(super) fn validate_change(subresource: &str, new: &Object, old: &Object) -> FieldErrors {
    let mut errors = validate_request(new);
    let conditions = At::root(new, "status").child("conditions");
    let has = |object: &Object, kind: &str| {
        let status = json::map(object, "status");
        status.is_some_and(|status| {
            json::maps(status, "conditions").any(|c| json::text(c, "type") == kind)
        })
    };
    for kind in ["Approved", "Denied", "Failed"] {
        let change = match (has(old, kind), has(new, kind)) {
            (true, false) => "remove",
            (false, true) if subresource != "approval" && FINAL.contains(&kind) => "add",
            _ => continue,
        };
        let detail = format!("updates may not {change} a condition of type {kind:?}");
        errors.push(conditions.forbidden(&detail));
    }
    let certificate = |object| At::root(object, "status").child("certificate");
    let (now, then) = (certificate(new), certificate(old));
    if !then.text().is_empty() && now.text() != then.text() {
        let detail = "updates may not modify existing certificate content";
        errors.push(FieldError::forbidden(&now.path, detail));
    }
    errors
}
