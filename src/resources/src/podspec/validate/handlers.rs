//! Rules of probes and lifecycle hooks.

use apimachinery::{FieldError, FieldErrors};

use super::Pod;
use super::container::validate_port_number;
use crate::at::{At, Rule, Rules, not_negative, required};
use crate::meta;

const HEADER: &str = "a valid HTTP header must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name', regex used for validation is '[-A-Za-z0-9]+')";

/// What a handler may be, and what each form must hold.
const HANDLERS: [(&str, Rule); 4] = [
    ("exec", |exec, errors| {
        required(&exec.child("command"), errors)
    }),
    ("httpGet", |get, errors| get.apply(HTTP_GET, errors)),
    ("tcpSocket", |socket, errors| {
        validate_port(&socket.child("port"), errors);
    }),
    ("grpc", |grpc, errors| {
        validate_port_number(&grpc.child("port"), errors);
    }),
];

const HTTP_GET: Rules = &[
    ("path", required),
    ("port", validate_port),
    ("scheme", |at, errors| at.one_of(&["HTTP", "HTTPS"], errors)),
    ("httpHeaders", validate_headers),
];

const PROBE: Rules = &[
    ("initialDelaySeconds", not_negative),
    ("timeoutSeconds", not_negative),
    ("periodSeconds", not_negative),
    ("successThreshold", not_negative),
    ("failureThreshold", not_negative),
    ("terminationGracePeriodSeconds", |at, errors| {
        if at.int().is_some_and(|seconds| seconds <= 0) {
            errors.push(at.invalid("must be greater than 0"));
        }
    }),
];

pub(super) fn validate_handlers(pod: &Pod<'_>, container: &At<'_>, errors: &mut FieldErrors) {
    let lifecycle = container.child("lifecycle");
    for field in ["postStart", "preStop"] {
        let hook = lifecycle.child(field);
        if hook.is_present() {
            validate_handler(&hook, Some(pod), errors);
        }
    }
    for field in ["livenessProbe", "readinessProbe", "startupProbe"] {
        let probe = container.child(field);
        if !probe.is_present() {
            continue;
        }
        validate_handler(&probe, None, errors);
        probe.apply(PROBE, errors);
        let grace = probe.child("terminationGracePeriodSeconds");
        let successes = probe.child("successThreshold");
        if field == "readinessProbe" {
            if grace.is_present() {
                errors.push(grace.invalid("must not be set for readinessProbes"));
            }
        } else if successes.int() != Some(1) {
            let count = successes.int().unwrap_or(0);
            errors.push(FieldError::invalid(&successes.path, count, "must be 1"));
        }
    }
}

/// Only hooks may sleep, and no longer than `hook_of` lets the pod live on.
fn validate_handler(handler: &At<'_>, hook_of: Option<&Pod<'_>>, errors: &mut FieldErrors) {
    let mut count = 0;
    let mut is_first = |at: &At<'_>, errors: &mut FieldErrors| {
        count += 1;
        if count > 1 {
            errors.push(at.forbidden("may not specify more than 1 handler type"));
        }
        count == 1
    };
    for (field, rule) in HANDLERS {
        let at = handler.child(field);
        if at.is_present() && is_first(&at, errors) {
            rule(&at, errors);
        }
    }
    let sleep = handler.child("sleep");
    if let Some(pod) = hook_of
        && sleep.is_present()
        && is_first(&sleep, errors)
    {
        validate_sleep(pod, &sleep, errors);
    }
    if count == 0 {
        errors.push(handler.required("must specify a handler type"));
    }
}

fn validate_sleep(pod: &Pod<'_>, sleep: &At<'_>, errors: &mut FieldErrors) {
    let seconds = sleep.child("seconds").int().unwrap_or(0);
    let grace = pod.spec.child("terminationGracePeriodSeconds").int();
    let grace = grace.unwrap_or(30);
    if seconds < 0 || seconds > grace {
        let detail =
            format!("must be non-negative and less than terminationGracePeriodSeconds ({grace})");
        errors.push(FieldError::invalid(&sleep.path, seconds, detail));
    }
}

/// A number or the name of a container's port.
pub(crate) fn validate_port(port: &At<'_>, errors: &mut FieldErrors) {
    if port.value.is_string() {
        port.check(meta::port_name, errors);
    } else if let Err(detail) = meta::port_number(port.int().unwrap_or(0)) {
        errors.push(FieldError::invalid(
            &port.path,
            port.int().unwrap_or(0),
            detail,
        ));
    }
}

fn validate_headers(headers: &At<'_>, errors: &mut FieldErrors) {
    for header in headers.items() {
        let name = header.child("name").text();
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        if name.is_empty() || !name.bytes().all(plain) {
            errors.push(FieldError::invalid(&headers.path, name, HEADER));
        }
    }
}
