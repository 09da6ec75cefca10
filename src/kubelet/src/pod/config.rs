//! From a pod's spec to what the runtime is asked for (kubelet-cri-facts §1 to §4).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use api::core::{
    Capabilities, Container, Pod, PodSecurityContext, SeccompProfile, SecurityContext,
};
use cri::{
    ContainerConfig, ContainerMetadata, Mount, NamespaceMode, NamespaceOptions, PodSandboxConfig,
    PodSandboxMetadata,
};

use super::view;
use crate::env::{ConfigError, PodFacts, environment};
use crate::expand::expand;
use crate::options::Options;
use crate::references::References;
use crate::resources;

/// Paths of a pod's own files on the node.
pub struct PodPaths {
    pub root: PathBuf,
    pub logs: PathBuf,
}

impl PodPaths {
    pub fn of(options: &Options, pod: &Pod) -> Self {
        let (namespace, name, uid) = identity(pod);
        Self {
            root: options.root_dir.join("pods").join(uid),
            logs: options.log_dir.join(format!("{namespace}_{name}_{uid}")),
        }
    }

    pub fn etc_hosts(&self) -> PathBuf {
        self.root.join("etc-hosts")
    }

    pub fn container(&self, name: &str) -> PathBuf {
        self.root.join("containers").join(name)
    }
}

/// Namespace, name and uid; empty where an object lacks one, which the API server never stores.
pub fn identity(pod: &Pod) -> (&str, &str, &str) {
    let metadata = &pod.metadata;
    (
        metadata.namespace.as_deref().unwrap_or_default(),
        metadata.name.as_deref().unwrap_or_default(),
        metadata.uid.as_deref().unwrap_or_default(),
    )
}

pub fn is_host_network(pod: &Pod) -> bool {
    pod.spec.as_ref().and_then(|spec| spec.host_network) == Some(true)
}

/// The pod's name for itself: at most 63 characters.
pub fn hostname(options: &Options, pod: &Pod) -> String {
    let spec = pod.spec.as_ref();
    if is_host_network(pod) {
        return options.node_name.clone();
    }
    let chosen = spec.and_then(|spec| spec.hostname_override.as_ref().or(spec.hostname.as_ref()));
    let name = chosen.map_or(identity(pod).1, String::as_str);
    let cut: String = name.chars().take(63).collect();
    cut.trim_end_matches(['-', '.']).to_owned()
}

fn labels(pod: &Pod) -> BTreeMap<String, String> {
    let (namespace, name, uid) = identity(pod);
    BTreeMap::from([
        (view::POD_NAME.to_owned(), name.to_owned()),
        (view::POD_NAMESPACE.to_owned(), namespace.to_owned()),
        (view::POD_UID.to_owned(), uid.to_owned()),
    ])
}

/// The sandbox of a pod whose network is set up.
pub fn sandbox(
    options: &Options,
    pod: &Pod,
    attempt: u32,
    netns: Option<PathBuf>,
    resolv_conf: String,
) -> PodSandboxConfig {
    let (namespace, name, uid) = identity(pod);
    let spec = pod.spec.clone().unwrap_or_default();
    let own = |host: Option<bool>| {
        if host == Some(true) {
            NamespaceMode::Node
        } else {
            NamespaceMode::Pod
        }
    };
    let pid = match (spec.host_pid, spec.share_process_namespace) {
        (Some(true), _) => NamespaceMode::Node,
        (_, Some(true)) => NamespaceMode::Pod,
        _ => NamespaceMode::Container,
    };
    let mut all_labels = pod.metadata.labels.clone().unwrap_or_default();
    all_labels.extend(labels(pod));
    let sysctls = spec
        .security_context
        .as_ref()
        .and_then(|s| s.sysctls.as_ref());
    let sysctls = sysctls
        .into_iter()
        .flatten()
        .map(|s| (s.name.clone(), s.value.clone()));
    PodSandboxConfig {
        metadata: PodSandboxMetadata {
            name: name.to_owned(),
            uid: uid.to_owned(),
            namespace: namespace.to_owned(),
            attempt,
        },
        hostname: hostname(options, pod),
        log_directory: PodPaths::of(options, pod).logs,
        resolv_conf: Some(resolv_conf),
        labels: all_labels,
        annotations: pod.metadata.annotations.clone().unwrap_or_default(),
        cgroup_parent: resources::pod_cgroup(&options.cgroup_root, pod, uid),
        netns,
        namespaces: NamespaceOptions {
            network: own(spec.host_network),
            pid,
            ipc: own(spec.host_ipc),
        },
        sysctls: sysctls.collect(),
    }
}

/// What a container is made from, beside its spec.
pub struct Ingredients<'a> {
    pub options: &'a Options,
    pub facts: PodFacts<'a>,
    pub references: &'a dyn References,
    pub image: &'a cri::Image,
    pub attempt: u32,
    /// Volume name to its directory or file on the node.
    pub volumes: &'a BTreeMap<String, PathBuf>,
}

/// The configuration of one container.
///
/// # Errors
/// What the container's status shows as CreateContainerConfigError.
pub async fn container(
    spec: &Container,
    ingredients: &Ingredients<'_>,
) -> Result<ContainerConfig, ConfigError> {
    let pod = ingredients.facts.pod;
    let paths = PodPaths::of(ingredients.options, pod);
    let envs = environment(spec, &ingredients.facts, ingredients.references).await?;
    let lookup = |name: &str| {
        envs.iter()
            .find(|(key, _)| key == name)
            .map(|(_, v)| v.clone())
    };
    let expanded = |list: &Option<Vec<String>>| -> Vec<String> {
        list.iter()
            .flatten()
            .map(|text| expand(text, lookup))
            .collect()
    };
    let mut mounts = volume_mounts(spec, ingredients.volumes, lookup)?;
    let takes_hosts = mounts
        .iter()
        .all(|mount| mount.container_path != "/etc/hosts");
    if takes_hosts {
        mounts.push(bind("/etc/hosts", paths.etc_hosts()));
    }
    let message_path = spec
        .termination_message_path
        .as_deref()
        .unwrap_or("/dev/termination-log");
    mounts.push(bind(
        message_path,
        termination_log(&paths, &spec.name, ingredients.attempt),
    ));
    let mut all_labels = labels(pod);
    all_labels.insert(view::CONTAINER_NAME.to_owned(), spec.name.clone());
    let security = security(pod, spec, ingredients.image)?;
    Ok(ContainerConfig {
        metadata: ContainerMetadata {
            name: spec.name.clone(),
            attempt: ingredients.attempt,
        },
        image_id: ingredients.image.id.clone(),
        image: spec.image.clone().unwrap_or_default(),
        command: expanded(&spec.command),
        args: expanded(&spec.args),
        working_dir: spec.working_dir.clone().unwrap_or_default(),
        log_path: format!("{}/{}.log", spec.name, ingredients.attempt).into(),
        mounts,
        devices: Vec::new(),
        labels: all_labels,
        annotations: BTreeMap::from([
            (view::CONTAINER_HASH.to_owned(), view::container_hash(spec)),
            (
                view::RESTART_COUNT.to_owned(),
                ingredients.attempt.to_string(),
            ),
        ]),
        stdin: spec.stdin == Some(true),
        stdin_once: spec.stdin_once == Some(true),
        tty: spec.tty == Some(true),
        security,
        resources: resources::container_limits(pod, spec, ingredients.options.memory_bytes),
        envs,
    })
}

/// The file that a container's run writes its last words to.
pub fn termination_log(paths: &PodPaths, container: &str, attempt: u32) -> PathBuf {
    paths.container(container).join(format!("{attempt:08x}"))
}

fn bind(container_path: &str, host_path: PathBuf) -> Mount {
    Mount {
        container_path: container_path.to_owned(),
        host_path,
        ..Mount::default()
    }
}

fn volume_mounts(
    spec: &Container,
    volumes: &BTreeMap<String, PathBuf>,
    lookup: impl Fn(&str) -> Option<String>,
) -> Result<Vec<Mount>, ConfigError> {
    let mut mounts = Vec::new();
    for mount in spec.volume_mounts.iter().flatten() {
        let volume = volumes.get(&mount.name).ok_or_else(|| {
            ConfigError(format!(
                "cannot find volume {:?} to mount into container {:?}",
                mount.name, spec.name
            ))
        })?;
        let sub_path = match (&mount.sub_path, &mount.sub_path_expr) {
            (Some(path), _) => path.clone(),
            (None, Some(expression)) => expand(expression, &lookup),
            (None, None) => String::new(),
        };
        mounts.push(Mount {
            container_path: mount.mount_path.clone(),
            host_path: sub_directory(volume, &sub_path)?,
            readonly: mount.read_only == Some(true),
            recursive_read_only: matches!(
                mount.recursive_read_only.as_deref(),
                Some("Enabled" | "IfPossible")
            ),
            propagation: match mount.mount_propagation.as_deref() {
                Some("HostToContainer") => cri::MountPropagation::HostToContainer,
                Some("Bidirectional") => cri::MountPropagation::Bidirectional,
                _ => cri::MountPropagation::Private,
            },
        });
    }
    Ok(mounts)
}

/// A path below a volume, made when it is absent. No link on the way may lead out.
fn sub_directory(volume: &Path, sub_path: &str) -> Result<PathBuf, ConfigError> {
    if sub_path.is_empty() {
        return Ok(volume.to_owned());
    }
    let refuse = |why: &str| ConfigError(format!("failed to prepare subPath {sub_path:?}: {why}"));
    let relative = Path::new(sub_path);
    if relative.is_absolute() || relative.components().any(|c| c.as_os_str() == "..") {
        return Err(refuse("it must be a relative path without '..'"));
    }
    let wanted = volume.join(relative);
    let io = |error: std::io::Error| refuse(&error.to_string());
    let base = volume.canonicalize().map_err(io)?;
    let mut existing = wanted.as_path();
    while !existing.exists() {
        existing = existing
            .parent()
            .ok_or_else(|| refuse("it has no parent"))?;
    }
    if !existing.canonicalize().map_err(io)?.starts_with(&base) {
        return Err(refuse("a link in it leads out of the volume"));
    }
    std::fs::create_dir_all(&wanted)
        .or_else(|e| if wanted.exists() { Ok(()) } else { Err(e) })
        .map_err(io)?;
    wanted.canonicalize().map_err(io)
}

fn security(
    pod: &Pod,
    spec: &Container,
    image: &cri::Image,
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
    let paths = |list: &[&str]| {
        if unmasked {
            Vec::new()
        } else {
            list.iter().map(|p| (*p).to_owned()).collect()
        }
    };
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
        masked_paths: paths(&MASKED),
        readonly_paths: paths(&READ_ONLY),
    })
}

const MASKED: [&str; 13] = [
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
    "/sys/fs/selinux",
];
const READ_ONLY: [&str; 5] = [
    "/proc/bus",
    "/proc/fs",
    "/proc/irq",
    "/proc/sys",
    "/proc/sysrq-trigger",
];

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
