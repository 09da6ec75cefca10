//! What may be said of a pod's containers.

use std::collections::{BTreeMap, BTreeSet};

use apimachinery::{FieldError, FieldErrors};

use super::by_name;
use crate::at::At;

/// Lists of statuses, and the containers that they are about. Ephemeral containers never restart
/// and are given no resources: nothing that is said of them is looked up.
const LISTS: [(&str, &str); 3] = [
    ("containerStatuses", "containers"),
    ("initContainerStatuses", "initContainers"),
    (EPHEMERAL, ""),
];
const EPHEMERAL: &str = "ephemeralContainerStatuses";

/// Ended containers stay so, unless they restart.
pub(super) fn validate_transitions(
    status: &At<'_>,
    before: &At<'_>,
    spec: &At<'_>,
    errors: &mut FieldErrors,
) {
    for (list, containers) in LISTS {
        let (now, before) = (status.child(list), before.child(list));
        stay_terminated(&now, &before, spec, containers, errors);
    }
}

/// A container that will not be restarted stays ended.
fn stay_terminated(
    new: &At<'_>,
    old: &At<'_>,
    spec: &At<'_>,
    containers: &str,
    errors: &mut FieldErrors,
) {
    let containers = by_name(spec.child(containers).items());
    let going_on: BTreeSet<&str> = new
        .items()
        .filter(|status| !status.child("state").child("terminated").is_present())
        .map(|status| status.child("name").text())
        .collect();
    for before in old.items() {
        let name = before.child("name").text();
        let ended = before.child("state").child("terminated");
        if !ended.is_present() {
            continue;
        }
        let exit_code = ended.child("exitCode").int().unwrap_or(0);
        let container = containers.get(name);
        if container.is_some_and(|container| may_restart(container, spec, exit_code)) {
            continue;
        }
        if going_on.contains(name) {
            let state = before.child("state");
            errors.push(state.forbidden("may not be transitioned to non-terminated state"));
        }
    }
}

/// Its own rules come first, then its own policy, then the pod's. An init container that runs
/// again with its pod shows the end before until it has another.
fn may_restart(container: &At<'_>, spec: &At<'_>, exit_code: i64) -> bool {
    let by_rule = |rule: At<'_>| {
        let codes = rule.child("exitCodes");
        let named = codes
            .child("values")
            .items()
            .any(|value| value.int() == Some(exit_code));
        match codes.child("operator").text() {
            "In" => named,
            "NotIn" => !named,
            _ => false,
        }
    };
    if container.child("restartPolicyRules").items().any(by_rule) {
        return true;
    }
    let own = container.child("restartPolicy").text();
    let of_pod = spec.child("restartPolicy").text();
    match (own, of_pod) {
        ("Always", _) | ("", "Always") => true,
        ("OnFailure", _) | ("", "OnFailure") => exit_code != 0,
        _ => false,
    }
}

/// Whom a container runs as, on the system that the pod is for.
pub(super) fn validate_users(status: &At<'_>, spec: &At<'_>, errors: &mut FieldErrors) {
    let os = spec.child("os").child("name");
    for container in LISTS
        .iter()
        .flat_map(|(list, _)| status.child(list).items())
    {
        let linux = container.child("user").child("linux");
        if !linux.is_present() {
            continue;
        }
        match os.text() {
            "windows" => errors.push(linux.forbidden("cannot be set for a windows pod")),
            "" | "linux" => {
                for field in ["uid", "gid"] {
                    crate::podspec::identity(&linux.child(field), errors);
                }
                for group in linux.child("supplementalGroups").items() {
                    crate::podspec::identity(&group, errors);
                }
            }
            _ => {}
        }
    }
}

/// The devices that were given to containers are what they asked for.
pub(super) fn validate_allocated(status: &At<'_>, spec: &At<'_>, errors: &mut FieldErrors) {
    const FIELD: &str = "allocatedResourcesStatus";
    for (list, containers) in LISTS {
        let asked = by_name(spec.child(containers).items());
        let mut claims = BTreeMap::new();
        for status in status.child(list).items() {
            let allocated = status.child(FIELD);
            if list == EPHEMERAL {
                if !allocated.is_zero() {
                    errors.push(allocated.forbidden("must not be specified in container status"));
                }
                continue;
            }
            let name = status.child("name").text();
            let container = asked.get(name);
            for resource in allocated.items() {
                if let Some(container) = container {
                    let claims = claims.entry(name).or_insert_with(|| claims_of(container));
                    validate_asked(&resource.child("name"), container, claims, errors);
                }
                validate_devices(&resource.child("resources"), errors);
            }
        }
    }
}

/// What a container claims, each as `claim:<name>[/<request>]`.
fn claims_of(container: &At<'_>) -> BTreeSet<String> {
    let called = |claim: At<'_>| {
        let (claim, request) = (claim.child("name"), claim.child("request"));
        match request.text() {
            "" => format!("claim:{}", claim.text()),
            request => format!("claim:{}/{request}", claim.text()),
        }
    };
    let claims = container.child("resources").child("claims");
    claims.items().map(called).collect()
}

/// One of the container's claims, or the name of a resource.
fn validate_asked(
    name: &At<'_>,
    container: &At<'_>,
    claims: &BTreeSet<String>,
    errors: &mut FieldErrors,
) {
    let resources = container.child("resources");
    let (found, detail) = if name.text().starts_with("claim:") {
        (
            claims.contains(name.text()),
            "must match one of the container's resource claims in a format 'claim:<claimName>/<request>' or 'claim:<claimName>' if request is empty",
        )
    } else {
        let requests = resources.child("requests");
        (
            requests.value.get(name.text()).is_some(),
            "must match one of the container's resource requests",
        )
    };
    if !found {
        errors.push(FieldError::invalid(&name.path, name.text(), detail));
    }
}

fn validate_devices(devices: &At<'_>, errors: &mut FieldErrors) {
    let mut seen = BTreeSet::new();
    for device in devices.items() {
        let health = device.child("health");
        health.one_of(&["Healthy", "Unhealthy", "Unknown"], errors);
        let id = device.child("resourceID");
        if !seen.insert(id.text()) {
            errors.push(FieldError::duplicate(&id.path, id.text()));
        }
    }
}
