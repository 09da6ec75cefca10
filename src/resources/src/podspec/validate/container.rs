//! Rules of containers.

use std::collections::BTreeSet;

use apimachinery::{FieldError, FieldErrors};

use super::{Pod, env, handlers, mounts, resources, security};
use crate::at::{At, Rules, required};
use crate::meta;

pub(super) fn validate_containers(pod: &Pod<'_>, errors: &mut FieldErrors) {
    let containers = pod.spec.child("containers");
    if containers.is_zero() {
        errors.push(containers.required(""));
        return;
    }
    let mut names = BTreeSet::new();
    containers.each(errors, |container, errors| {
        validate_container(pod, &container, errors);
        check_unique(&container.child("name"), &mut names, errors);
        handlers::validate_handlers(pod, &container, errors);
        validate_restart(&container, errors);
    });
    if errors.is_full() {
        return;
    }
    validate_host_ports(&containers, errors);
    if pod.spec.child("hostNetwork").flag() {
        ports_are_the_hosts(&containers, errors);
    }
    if pod.name.is_some() {
        validate_images(&pod.spec, errors);
    }
}

/// One of them runs after the other before the containers; a sidecar keeps on running.
pub(super) fn validate_init_containers(pod: &Pod<'_>, errors: &mut FieldErrors) {
    let containers = pod.spec.child("containers");
    let mut names: BTreeSet<&str> = containers.items().map(|c| c.child("name").text()).collect();
    let init = pod.spec.child("initContainers");
    init.each(errors, |container, errors| {
        validate_container(pod, &container, errors);
        check_unique(&container.child("name"), &mut names, errors);
        if container.child("restartPolicy").text() == "Always" {
            handlers::validate_handlers(pod, &container, errors);
            let rules = container.child("restartPolicyRules");
            if !rules.is_zero() {
                errors.push(rules.forbidden(
                    "restartPolicyRules are not allowed for init containers with restart policy Always",
                ));
            }
        } else {
            for field in [
                "lifecycle",
                "livenessProbe",
                "readinessProbe",
                "startupProbe",
            ] {
                let at = container.child(field);
                if at.is_present() {
                    errors.push(at.forbidden(
                        "may not be set for init containers without restartPolicy=Always",
                    ));
                }
            }
        }
        validate_restart(&container, errors);
    });
    if errors.is_full() {
        return;
    }
    // Each runs alone, so two may use the same port.
    for container in init.items() {
        take_host_ports(&container, &mut BTreeSet::new(), errors);
    }
}

const NOT_EPHEMERAL: [&str; 8] = [
    "ports",
    "livenessProbe",
    "readinessProbe",
    "startupProbe",
    "lifecycle",
    "resources",
    "resizePolicy",
    "restartPolicy",
];

/// They are for looking at a running pod, so they promise nothing.
pub(super) fn validate_ephemeral_containers(pod: &Pod<'_>, errors: &mut FieldErrors) {
    let others: Vec<At<'_>> = ["containers", "initContainers"]
        .iter()
        .flat_map(|list| pod.spec.child(list).items())
        .collect();
    let targets: BTreeSet<&str> = others.iter().map(|c| c.child("name").text()).collect();
    let mut names = targets.clone();
    for container in pod.spec.child("ephemeralContainers").items() {
        validate_container(pod, &container, errors);
        check_unique(&container.child("name"), &mut names, errors);
        let target = container.child("targetContainerName");
        if !target.text().is_empty() && !targets.contains(target.text()) {
            errors.push(target.not_found());
        }
        for field in NOT_EPHEMERAL {
            let at = container.child(field);
            if !at.is_zero() {
                errors.push(at.forbidden("cannot be set for an Ephemeral Container"));
            }
        }
        for mount in container.child("volumeMounts").items() {
            for field in ["subPath", "subPathExpr"] {
                let at = mount.child(field);
                if !at.is_zero() {
                    errors.push(at.forbidden("cannot be set for an Ephemeral Container"));
                }
            }
        }
    }
}

fn check_unique<'a>(name: &At<'a>, names: &mut BTreeSet<&'a str>, errors: &mut FieldErrors) {
    if !name.text().is_empty() && !names.insert(name.text()) {
        errors.push(name.duplicate());
    }
}

const COMMON: Rules = &[
    ("name", |at, errors| {
        at.check_required(meta::dns_label, errors)
    }),
    ("image", required),
    ("terminationMessagePolicy", |at, errors| {
        at.one_of(&["File", "FallbackToLogsOnError"], errors);
    }),
    ("ports", validate_ports),
];
const PULL: Rules = &[("imagePullPolicy", |at, errors| {
    if at.text().is_empty() {
        errors.push(at.required(""));
    } else {
        at.one_of(&["Always", "IfNotPresent", "Never"], errors);
    }
})];

fn validate_container(pod: &Pod<'_>, container: &At<'_>, errors: &mut FieldErrors) {
    container.apply(COMMON, errors);
    env::validate_env(pod, &container.child("env"), errors);
    env::validate_env_from(&container.child("envFrom"), errors);
    mounts::validate_mounts(pod, container, errors);
    mounts::validate_devices(pod, container, errors);
    container.apply(PULL, errors);
    resources::validate_container_resources(pod, &container.child("resources"), errors);
    resources::validate_resize_policy(pod, &container.child("resizePolicy"), errors);
    security::validate_container_security(&container.child("securityContext"), errors);
}

/// What only a pod's images are held to, so that old templates stay valid.
pub(crate) fn validate_images(spec: &At<'_>, errors: &mut FieldErrors) {
    for list in ["containers", "initContainers"] {
        for container in spec.child(list).items() {
            let image = container.child("image");
            if image.text() != image.text().trim() {
                errors.push(image.invalid("must not have leading or trailing whitespace"));
            }
        }
    }
}

fn validate_ports(ports: &At<'_>, errors: &mut FieldErrors) {
    let mut names = BTreeSet::new();
    for port in ports.items() {
        let name = port.child("name");
        if !name.text().is_empty() {
            let before = errors.0.len();
            name.check(meta::port_name, errors);
            if errors.0.len() == before && !names.insert(name.text()) {
                errors.push(name.duplicate());
            }
        }
        let number = port.child("containerPort");
        if number.is_zero() {
            errors.push(number.required(""));
        } else {
            validate_port_number(&number, errors);
        }
        let host_port = port.child("hostPort");
        if !host_port.is_zero() {
            validate_port_number(&host_port, errors);
        }
        let protocol = port.child("protocol");
        if protocol.text().is_empty() {
            errors.push(protocol.required(""));
        } else {
            protocol.one_of(&["SCTP", "TCP", "UDP"], errors);
        }
        port.child("hostIP").check_optional(meta::ip, errors);
    }
}

pub(super) fn validate_port_number(port: &At<'_>, errors: &mut FieldErrors) {
    if let Err(detail) = meta::port_number(port.int().unwrap_or(0)) {
        errors.push(port.invalid(detail));
    }
}

/// Two containers of a pod cannot share a port of the host.
fn validate_host_ports(containers: &At<'_>, errors: &mut FieldErrors) {
    let mut taken = BTreeSet::new();
    for container in containers.items() {
        take_host_ports(&container, &mut taken, errors);
    }
}

fn take_host_ports(container: &At<'_>, taken: &mut BTreeSet<String>, errors: &mut FieldErrors) {
    for port in container.child("ports").items() {
        let at = port.child("hostPort");
        let Some(number) = at.int().filter(|number| *number != 0) else {
            continue;
        };
        let protocol = port.child("protocol").text();
        let key = format!("{protocol}/{}/{number}", port.child("hostIP").text());
        if !taken.insert(key.clone()) {
            errors.push(FieldError::duplicate(&at.path, key));
        }
    }
}

fn ports_are_the_hosts(containers: &At<'_>, errors: &mut FieldErrors) {
    for port in containers.items().flat_map(|c| c.child("ports").items()) {
        let host_port = port.child("hostPort");
        if host_port.int().unwrap_or(0) != port.child("containerPort").int().unwrap_or(0) {
            errors.push(FieldError::invalid(
                &host_port.path,
                host_port.int().unwrap_or(0),
                "must match `containerPort` when `hostNetwork` is true",
            ));
        }
    }
}

const RESTART_RULES: usize = 20;
const EXIT_CODES: usize = 255;

/// A container's own restart policy and its exceptions by exit code.
fn validate_restart(container: &At<'_>, errors: &mut FieldErrors) {
    let policy = container.child("restartPolicy");
    policy.one_of_or_none(&["Always", "Never", "OnFailure"], errors);
    let rules = container.child("restartPolicyRules");
    if rules.is_zero() {
        return;
    }
    if policy.text().is_empty() {
        errors.push(policy.required("must specify restartPolicy when restart rules are used"));
    }
    let count = rules.items().count();
    if count > RESTART_RULES {
        errors.push(FieldError::too_long(&rules.path, RESTART_RULES));
    }
    for rule in rules.items() {
        rule.child("action").one_of(&["Restart"], errors);
        let codes = rule.child("exitCodes");
        if !codes.is_present() {
            errors.push(codes.required("must be specified"));
            continue;
        }
        codes.child("operator").one_of(&["In", "NotIn"], errors);
        let values = codes.child("values");
        if values.items().count() > EXIT_CODES {
            errors.push(FieldError::too_long(&values.path, EXIT_CODES));
        }
    }
}
