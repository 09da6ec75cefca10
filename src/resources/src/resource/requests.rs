//! What claims ask for: their devices, with defaults and rules.

use std::collections::BTreeSet;

use apimachinery::{FieldError, FieldErrors};

use crate::at::{At, required};
use crate::json::{self, Fill, Json, fill};
use crate::meta::{dns_label, dns_subdomain};
use crate::storage::validate_driver_name;

const MOST: usize = 32;
const MOST_ALTERNATIVES: usize = 8;
const MOST_TOLERATIONS: usize = 16;
const NAME_SIZE: usize = 63;
const EXPRESSION_SIZE: usize = 10 * 1024;

/// The spec of a claim.
pub(super) fn default_claim(spec: &mut Json) {
    for path in [
        ["devices", "requests", "exactly"],
        ["devices", "requests", "firstAvailable"],
    ] {
        json::each_mut(spec, &path, &mut |request| {
            fill(request, &[("allocationMode", Fill::Text("ExactCount"))]);
            if json::text(request, "allocationMode") == "ExactCount" {
                fill(request, &[("count", Fill::NonZero(1))]);
            }
            for toleration in json::maps_mut(request, "tolerations") {
                fill(toleration, &[("operator", Fill::Text("Equal"))]);
            }
        });
    }
}

/// Whether a list is not too long.
pub(super) fn at_most(list: &At<'_>, most: usize, errors: &mut FieldErrors) {
    let count = list.items().count();
    if count > most {
        errors.push(FieldError::too_many(&list.path, count, most));
    }
}

/// The spec of a claim.
pub(super) fn validate_claim(spec: &At<'_>, errors: &mut FieldErrors) {
    let devices = spec.child("devices");
    let requests = devices.child("requests");
    for list in ["requests", "constraints", "config"] {
        at_most(&devices.child(list), MOST, errors);
    }
    let mut names = BTreeSet::new();
    let mut known = BTreeSet::new();
    for request in requests.items() {
        let name = request.child("name");
        name.check_required(dns_label, errors);
        if !names.insert(name.text()) {
            errors.push(name.duplicate());
        }
        known.insert(name.text().to_owned());
        // One that is too long is refused, and would be written out for each.
        let is_long = name.text().len() > NAME_SIZE;
        let alternatives = request.child("firstAvailable");
        for alternative in alternatives.items().filter(|_| !is_long) {
            known.insert(format!(
                "{}/{}",
                name.text(),
                alternative.child("name").text()
            ));
        }
        validate_request(&request, errors);
    }
    for list in ["constraints", "config"] {
        for item in devices.child(list).items() {
            for name in item.child("requests").items() {
                if !known.contains(name.text()) {
                    let detail = "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'";
                    errors.push(name.invalid(detail));
                }
            }
        }
    }
    validate_config(&devices.child("config"), errors);
}

fn validate_request(request: &At<'_>, errors: &mut FieldErrors) {
    let (exactly, first) = (request.child("exactly"), request.child("firstAvailable"));
    match (exactly.is_present(), first.is_zero()) {
        (true, false) | (false, true) => {
            let detail = "exactly one of `exactly` or `firstAvailable` is required";
            errors.push(match exactly.is_present() {
                true => request.invalid(detail),
                false => request.required(detail),
            });
        }
        (true, true) => validate_devices(&exactly, errors),
        (false, false) => {
            at_most(&first, MOST_ALTERNATIVES, errors);
            let mut names = BTreeSet::new();
            for alternative in first.items() {
                let name = alternative.child("name");
                name.check_required(dns_label, errors);
                if !names.insert(name.text()) {
                    errors.push(name.duplicate());
                }
                validate_devices(&alternative, errors);
            }
        }
    }
}

fn validate_devices(request: &At<'_>, errors: &mut FieldErrors) {
    request
        .child("deviceClassName")
        .check_required(dns_subdomain, errors);
    validate_selectors(&request.child("selectors"), errors);
    let (mode, count) = (request.child("allocationMode"), request.child("count"));
    let number = count.int().unwrap_or(0);
    match mode.text() {
        "All" if number != 0 => {
            errors.push(count.invalid("must not be specified when allocationMode is 'All'"));
        }
        "All" => {}
        "ExactCount" if number <= 0 => errors.push(count.invalid("must be greater than zero")),
        "ExactCount" => {}
        _ => mode.one_of(&["All", "ExactCount"], errors),
    }
    at_most(&request.child("tolerations"), MOST_TOLERATIONS, errors);
}

/// The expressions themselves are checked where they can be compiled.
pub(super) fn validate_selectors(selectors: &At<'_>, errors: &mut FieldErrors) {
    at_most(selectors, MOST, errors);
    for selector in selectors.items() {
        let cel = selector.child("cel");
        if !cel.is_present() {
            errors.push(cel.required(""));
            continue;
        }
        let expression = cel.child("expression");
        required(&expression, errors);
        if expression.text().len() > EXPRESSION_SIZE {
            errors.push(FieldError::too_long(&expression.path, EXPRESSION_SIZE));
        }
    }
}

pub(super) fn validate_config(config: &At<'_>, errors: &mut FieldErrors) {
    at_most(config, MOST, errors);
    for item in config.items() {
        let opaque = item.child("opaque");
        if !opaque.is_present() {
            errors.push(opaque.required(""));
            continue;
        }
        validate_driver_name(&opaque.child("driver"), errors);
        let parameters = opaque.child("parameters");
        if !parameters.is_present() {
            errors.push(parameters.required(""));
        } else if !parameters.value.is_object() {
            errors.push(parameters.invalid("must be a valid JSON object"));
        } else if parameters.value.to_string().len() > EXPRESSION_SIZE {
            errors.push(FieldError::too_long(&parameters.path, EXPRESSION_SIZE));
        }
    }
}
