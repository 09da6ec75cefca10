//! Who a container runs as, and what it may do (kubelet-cri-facts §1).

use std::path::Path;

use api::core::{
    Capabilities, Container, Pod, PodSecurityContext, SeccompProfile, SecurityContext,
};
use cri::NamespaceMode;

use super::identity;
use crate::env::ConfigError;

pub(super) fn security(
    pod: &Pod,
    spec: &Container,
    image: &cri::Image,
    cpus: u32,
) -> Result<cri::SecurityContext, ConfigError> {
    let of_pod = pod
        .spec
        .as_ref()
        .and_then(|s| s.security_context.clone())
        .unwrap_or_default();
    let own = spec.security_context.clone().unwrap_or_default();
    let user = own.run_as_user.or(of_pod.run_as_user);
    check_non_root(pod, spec, &own, &of_pod, user.or(image.uid), image)?;
    let privileged = own.privileged == Some(true);
    let Capabilities { add, drop } = own.capabilities.clone().unwrap_or_default();
    let pid = pod.spec.as_ref().map_or(NamespaceMode::Container, |s| {
        match (s.host_pid, s.share_process_namespace) {
            (Some(true), _) => NamespaceMode::Node,
            (_, Some(true)) => NamespaceMode::Pod,
            _ => NamespaceMode::Container,
        }
    });
    let mut groups = of_pod.supplemental_groups.clone().unwrap_or_default();
    groups.extend(of_pod.fs_group);
    let unmasked = privileged || own.proc_mount.as_deref() == Some("Unmasked");
    let paths = |list: Vec<String>| if unmasked { Vec::new() } else { list };
    Ok(cri::SecurityContext {
        privileged,
        add_capabilities: add.unwrap_or_default(),
        drop_capabilities: drop.unwrap_or_default(),
        pid,
        run_as_user: user.or(image.uid),
        run_as_username: if user.is_some() {
            String::new()
        } else {
            image.username.clone()
        },
        run_as_group: own.run_as_group.or(of_pod.run_as_group),
        supplemental_groups: groups,
        readonly_rootfs: own.read_only_root_filesystem == Some(true),
        no_new_privs: own.allow_privilege_escalation == Some(false) && !privileged,
        seccomp: seccomp(
            own.seccomp_profile
                .as_ref()
                .or(of_pod.seccomp_profile.as_ref()),
            privileged,
        ),
        masked_paths: paths(masked(cpus)),
        readonly_paths: paths(READ_ONLY.map(str::to_owned).to_vec()),
    })
}

const MASKED: [&str; 12] = [
    "/proc/asound",
    "/proc/acpi",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/sys/firmware",
    "/sys/devices/virtual/powercap",
];
const READ_ONLY: [&str; 5] = [
    "/proc/bus",
    "/proc/fs",
    "/proc/irq",
    "/proc/sys",
    "/proc/sysrq-trigger",
];

/// Whatever there is of these would tell one pod what others do.
fn masked(cpus: u32) -> Vec<String> {
    let thermal = (0..cpus).map(|cpu| format!("/sys/devices/system/cpu/cpu{cpu}/thermal_throttle"));
    let thermal = thermal.filter(|path| Path::new(path).exists());
    MASKED
        .map(str::to_owned)
        .into_iter()
        .chain(thermal)
        .collect()
}

fn seccomp(profile: Option<&SeccompProfile>, privileged: bool) -> cri::SeccompProfile {
    match profile {
        _ if privileged => cri::SeccompProfile::Unconfined,
        Some(profile) if profile.type_ == "Localhost" => {
            let name = profile.localhost_profile.clone().unwrap_or_default();
            cri::SeccompProfile::Localhost(Path::new("/var/lib/kubelet/seccomp").join(name))
        }
        Some(profile) if profile.type_ == "Unconfined" => cri::SeccompProfile::Unconfined,
        // rk3s' default is the runtime's profile, as reliability.md promises.
        Some(_) | None => cri::SeccompProfile::RuntimeDefault,
    }
}

fn check_non_root(
    pod: &Pod,
    spec: &Container,
    own: &SecurityContext,
    of_pod: &PodSecurityContext,
    user: Option<i64>,
    image: &cri::Image,
) -> Result<(), ConfigError> {
    if own.run_as_non_root.or(of_pod.run_as_non_root) != Some(true) {
        return Ok(());
    }
    let (namespace, name, uid) = identity(pod);
    let place = format!(
        "(pod: \"{name}_{namespace}({uid})\", container: {})",
        spec.name
    );
    match user {
        Some(0) if own.run_as_user.or(of_pod.run_as_user).is_some() => Err(ConfigError(format!(
            "container's runAsUser breaks non-root policy {place}"
        ))),
        Some(0) => Err(ConfigError(format!(
            "container has runAsNonRoot and image will run as root {place}"
        ))),
        None if !image.username.is_empty() => Err(ConfigError(format!(
            "container has runAsNonRoot and image has non-numeric user ({}), cannot verify user \
             is non-root {place}",
            image.username
        ))),
        None => Err(ConfigError(format!(
            "container has runAsNonRoot and image will run as root {place}"
        ))),
        Some(_) => Ok(()),
    }
}
