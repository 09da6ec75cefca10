//! Rules of security contexts.

use std::collections::BTreeSet;

use apimachinery::FieldErrors;

use crate::at::{At, Rules};

const SYSCTL: &str = "must have at most 253 characters and match regex ^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$";

/// Of a user or group.
pub(crate) fn identity(at: &At<'_>, errors: &mut FieldErrors) {
    let max = i64::from(i32::MAX);
    if at.int().is_some_and(|id| !(0..=max).contains(&id)) {
        errors.push(at.invalid(format!("must be between 0 and {max}, inclusive")));
    }
}

fn identities(list: &At<'_>, errors: &mut FieldErrors) {
    for id in list.items() {
        identity(&id, errors);
    }
}

fn seccomp(profile: &At<'_>, errors: &mut FieldErrors) {
    profile_of(profile, "seccompProfile", "seccomp", errors);
}

fn app_armor(profile: &At<'_>, errors: &mut FieldErrors) {
    profile_of(profile, "appArmorProfile", "AppArmor", errors);
}

/// Seccomp and AppArmor profiles look alike.
fn profile_of(profile: &At<'_>, field: &str, name: &str, errors: &mut FieldErrors) {
    if !profile.is_present() {
        return;
    }
    let (kind, local) = (profile.child("type"), profile.child("localhostProfile"));
    match kind.text() {
        "" => errors.push(kind.required(&format!("type is required when {field} is set"))),
        "Localhost" => {
            if local.text().is_empty() {
                errors.push(local.required(&format!("must be set when {name} type is Localhost")));
            } else {
                super::mounts::local_path(&local, errors);
            }
        }
        _ => {
            kind.one_of(&["Localhost", "RuntimeDefault", "Unconfined"], errors);
            if local.is_present() {
                let detail = format!("can only be set when {name} type is Localhost");
                errors.push(local.invalid(detail));
            }
        }
    }
}

const CONTAINER: Rules = &[
    ("runAsUser", identity),
    ("runAsGroup", identity),
    ("procMount", |at, errors| {
        at.one_of_or_none(&["Default", "Unmasked"], errors);
    }),
    ("seccompProfile", seccomp),
];

pub(super) fn validate_container_security(context: &At<'_>, errors: &mut FieldErrors) {
    if !context.is_present() {
        return;
    }
    context.apply(CONTAINER, errors);
    let escalation = context.child("allowPrivilegeEscalation");
    if escalation.value.as_bool() == Some(false) {
        if context.child("privileged").flag() {
            errors.push(context.invalid(
                "cannot set `allowPrivilegeEscalation` to false and `privileged` to true",
            ));
        }
        let added = context.child("capabilities").child("add");
        let is_admin = |cap: At<'_>| matches!(cap.text(), "CAP_SYS_ADMIN");
        if added.items().any(is_admin) {
            errors.push(context.invalid(
                "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN",
            ));
        }
    }
    app_armor(&context.child("appArmorProfile"), errors);
}

const POD: Rules = &[
    ("fsGroup", identity),
    ("runAsUser", identity),
    ("runAsGroup", identity),
    ("supplementalGroups", identities),
];
const POD_PROFILES: Rules = &[
    ("fsGroupChangePolicy", |at, errors| {
        at.one_of_or_none(&["Always", "OnRootMismatch"], errors);
    }),
    ("seLinuxChangePolicy", |at, errors| {
        at.one_of_or_none(&["MountOption", "Recursive"], errors);
    }),
    ("seccompProfile", seccomp),
    ("supplementalGroupsPolicy", |at, errors| {
        at.one_of_or_none(&["Merge", "Strict"], errors);
    }),
    ("appArmorProfile", app_armor),
];

pub(super) fn validate_pod_security(spec: &At<'_>, errors: &mut FieldErrors) {
    let context = spec.child("securityContext");
    context.apply(POD, errors);
    let share = spec.child("shareProcessNamespace");
    if share.flag() && spec.child("hostPID").flag() {
        let detail = "ShareProcessNamespace and HostPID cannot both be enabled";
        errors.push(share.invalid(detail));
    }
    validate_sysctls(spec, &context.child("sysctls"), errors);
    context.apply(POD_PROFILES, errors);
}

/// The kernel settings that live in the host's network or IPC namespace are not the pod's.
fn validate_sysctls(spec: &At<'_>, sysctls: &At<'_>, errors: &mut FieldErrors) {
    let mut names = BTreeSet::new();
    for sysctl in sysctls.items() {
        let name = sysctl.child("name");
        let dotted = name.text().replace('/', ".");
        if name.text().is_empty() {
            errors.push(name.required(""));
        } else if !is_sysctl(name.text()) {
            errors.push(name.invalid(SYSCTL));
        } else if !names.insert(name.text()) {
            errors.push(name.duplicate());
        }
        let of_network = dotted.starts_with("net.");
        let of_ipc = dotted.starts_with("kernel.shm")
            || dotted.starts_with("kernel.msg")
            || dotted == "kernel.sem"
            || dotted.starts_with("fs.mqueue.");
        for (field, is_of) in [("hostNetwork", of_network), ("hostIPC", of_ipc)] {
            if is_of && spec.child(field).flag() {
                let detail = format!("may not be specified when '{field}' is true");
                errors.push(name.invalid(detail));
            }
        }
    }
}

fn is_sysctl(name: &str) -> bool {
    let end = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let is_part = |part: &str| {
        let bytes = part.as_bytes();
        bytes.first().is_some_and(|b| end(*b))
            && bytes.last().is_some_and(|b| end(*b))
            && bytes.iter().all(|b| end(*b) || matches!(*b, b'-' | b'_'))
    };
    name.len() <= 253 && name.split(['.', '/']).all(is_part)
}

/// A pod in its own user namespace cannot share the host's others.
pub(super) fn validate_host_users(spec: &At<'_>, errors: &mut FieldErrors) {
    if spec.child("hostUsers").value.as_bool() != Some(false) {
        return;
    }
    let detail = "when `hostUsers` is false";
    for (field, shown) in [
        ("hostNetwork", "hostNetwork"),
        ("hostPID", "HostPID"),
        ("hostIPC", "HostIPC"),
    ] {
        if spec.child(field).flag() {
            errors.push(spec.child(shown).forbidden(detail));
        }
    }
    for container in spec.child("containers").items() {
        let devices = container.child("volumeDevices");
        if !devices.is_zero() {
            errors.push(devices.forbidden(detail));
        }
    }
}
