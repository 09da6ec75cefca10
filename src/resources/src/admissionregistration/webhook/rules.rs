//! Rules of webhooks.

use std::collections::BTreeSet;

use apimachinery::{FieldError, FieldErrors, Object};

use super::super::matching::validate_match;
use crate::at::{At, required};
use crate::meta::{dns_subdomain, port_number, qualified_name};

const VERSIONS: [&str; 2] = ["v1", "v1beta1"];
const MOST_CONDITIONS: usize = 64;
const URL: &str = "'https' is the only allowed URL scheme; desired format: https://host[/path]";

pub(super) fn validate_webhooks(configuration: &Object, are_mutating: bool) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let mut names = BTreeSet::new();
    for webhook in At::root(configuration, "webhooks").items() {
        validate_webhook(&webhook, &mut errors);
        if are_mutating {
            let again = webhook.child("reinvocationPolicy");
            again.one_of(&["IfNeeded", "Never"], &mut errors);
        }
        let name = webhook.child("name");
        if !name.text().is_empty() && !names.insert(name.text()) {
            errors.push(name.duplicate());
        }
    }
    errors
}

fn validate_webhook(webhook: &At<'_>, errors: &mut FieldErrors) {
    let name = webhook.child("name");
    let before = errors.0.len();
    name.check_required(dns_subdomain, errors);
    if errors.0.len() == before && name.text().split('.').count() < 3 {
        errors.push(
            name.invalid("should be a domain with at least three segments separated by dots"),
        );
    }
    validate_match(webhook, &["rules"], errors);
    webhook
        .child("failurePolicy")
        .one_of(&["Fail", "Ignore"], errors);
    let effects = webhook.child("sideEffects");
    if effects.is_present() {
        effects.one_of(&["None", "NoneOnDryRun"], errors);
    } else {
        errors.push(effects.required("must specify one of None, NoneOnDryRun"));
    }
    let seconds = webhook.child("timeoutSeconds");
    if seconds
        .int()
        .is_some_and(|seconds| !(1..=30).contains(&seconds))
    {
        errors.push(seconds.invalid("the timeout value must be between 1 and 30 seconds"));
    }
    validate_review_versions(&webhook.child("admissionReviewVersions"), &VERSIONS, errors);
    validate_client(&webhook.child("clientConfig"), errors);
    validate_conditions(&webhook.child("matchConditions"), errors);
}

/// Which forms of a review the other side knows.
pub(crate) fn validate_review_versions(list: &At<'_>, known: &[&str], errors: &mut FieldErrors) {
    let versions: Vec<&str> = list
        .items()
        .map(|at| at.value.as_str().unwrap_or(""))
        .collect();
    let choice = known.join(", ");
    if versions.is_empty() {
        errors.push(list.required(&format!("must specify one of {choice}")));
        return;
    }
    let mut seen = BTreeSet::new();
    for (at, version) in list.items().zip(&versions) {
        if !seen.insert(*version) {
            errors.push(at.invalid("duplicate version"));
        }
        at.check(crate::meta::dns1035_label, errors);
    }
    if !versions.iter().any(|version| known.contains(version)) {
        errors.push(list.invalid(format!("must include at least one of {choice}")));
    }
}

/// Where to call: an address or a Service.
pub(crate) fn validate_client(client: &At<'_>, errors: &mut FieldErrors) {
    let (url, service) = (client.child("url"), client.child("service"));
    if url.is_present() == service.is_present() {
        errors.push(client.required("exactly one of url or service is required"));
    }
    if url.is_present() && !url.text().starts_with("https://") {
        errors.push(url.invalid(URL));
    }
    if service.is_present() {
        for field in ["name", "namespace"] {
            required(&service.child(field), errors);
        }
        let (path, port) = (service.child("path"), service.child("port"));
        if path.is_present() && !path.text().starts_with('/') {
            errors.push(path.invalid("must start with a '/'"));
        }
        if let Some(Err(detail)) = port.int().map(port_number) {
            errors.push(port.invalid(format!("port is not valid: {detail}")));
        }
    }
}

/// The expressions themselves are checked where they can be compiled.
pub(crate) fn validate_conditions(conditions: &At<'_>, errors: &mut FieldErrors) {
    let count = conditions.items().count();
    if count > MOST_CONDITIONS {
        errors.push(FieldError::too_many(
            &conditions.path,
            count,
            MOST_CONDITIONS,
        ));
    }
    let mut names = BTreeSet::new();
    for condition in conditions.items() {
        required(&condition.child("expression"), errors);
        let name = condition.child("name");
        name.check_required(qualified_name, errors);
        if !name.text().is_empty() && !names.insert(name.text()) {
            errors.push(name.duplicate());
        }
    }
}
