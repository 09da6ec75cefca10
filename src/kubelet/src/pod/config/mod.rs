//! From a pod's spec to what the runtime is asked for (kubelet-cri-facts §1 to §4).

mod mounts;
mod security;

use std::collections::BTreeMap;
use std::path::PathBuf;

use api::core::{Container, Pod};
use cri::{
    ContainerConfig, ContainerMetadata, Mount, NamespaceMode, NamespaceOptions, PodSandboxConfig,
    PodSandboxMetadata,
};

use mounts::volume_mounts;
use security::security;

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

    /// Where parts of volumes are mounted for a container, by the index of its mount.
    pub fn sub_paths(&self, container: &str) -> PathBuf {
        self.root.join("volume-subpaths").join(container)
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
    let places = paths.sub_paths(&spec.name);
    let mut mounts = volume_mounts(spec, &places, ingredients.volumes, lookup)?;
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
    let security = security(pod, spec, ingredients.image, ingredients.options.cpus)?;
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
