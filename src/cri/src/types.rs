//! The CRI's messages. Names and meanings follow `runtime.v1`; what rk3s does otherwise is said
//! at the field.

use std::collections::BTreeMap;
use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// For `nodeInfo.containerRuntimeVersion`: `<runtime_name>://<runtime_version>`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Version {
    pub runtime_name: String,
    pub runtime_version: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PodSandboxMetadata {
    pub name: String,
    pub uid: String,
    pub namespace: String,
    /// Grows each time the pod's sandbox is made anew.
    pub attempt: u32,
}

/// Everything a sandbox needs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PodSandboxConfig {
    pub metadata: PodSandboxMetadata,
    pub hostname: String,
    /// Where the pod's container logs go: `/var/log/pods/NS_NAME_UID`.
    pub log_directory: PathBuf,
    /// Contents of `/etc/resolv.conf`; the runtime writes the file and mounts it.
    pub resolv_conf: Option<String>,
    pub labels: BTreeMap<String, String>,
    pub annotations: BTreeMap<String, String>,
    /// The pod's cgroup below every controller's root: `/kubepods/burstable/pod<uid>`. The
    /// kubelet owns it (creation, limits, removal); the runtime makes container cgroups inside.
    pub cgroup_parent: String,
    /// The pinned network namespace to join, or `None` for the host's.
    pub netns: Option<PathBuf>,
    pub namespaces: NamespaceOptions,
    /// `net.*` and the namespaced `kernel.*` settings of the pod.
    pub sysctls: BTreeMap<String, String>,
}

/// Who shares a namespace with whom.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum NamespaceMode {
    /// All containers of the pod share one.
    Pod,
    /// Each container has its own.
    #[default]
    Container,
    /// The host's.
    Node,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamespaceOptions {
    pub network: NamespaceMode,
    pub pid: NamespaceMode,
    pub ipc: NamespaceMode,
}

impl Default for NamespaceOptions {
    fn default() -> Self {
        Self {
            network: NamespaceMode::Pod,
            pid: NamespaceMode::Container,
            ipc: NamespaceMode::Pod,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PodSandboxState {
    Ready,
    NotReady,
}

/// One row of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodSandbox {
    pub id: String,
    pub metadata: PodSandboxMetadata,
    pub state: PodSandboxState,
    pub created_at: Timestamp,
    pub labels: BTreeMap<String, String>,
    pub annotations: BTreeMap<String, String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodSandboxStatus {
    pub id: String,
    pub metadata: PodSandboxMetadata,
    pub state: PodSandboxState,
    pub created_at: Timestamp,
    pub labels: BTreeMap<String, String>,
    pub annotations: BTreeMap<String, String>,
    pub netns: Option<PathBuf>,
    pub namespaces: NamespaceOptions,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ContainerMetadata {
    pub name: String,
    /// The restart count.
    pub attempt: u32,
}

/// Everything a container needs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerConfig {
    pub metadata: ContainerMetadata,
    /// The image's id as [`crate::Image::id`] names it.
    pub image_id: String,
    /// The image as the Pod names it.
    pub image: String,
    /// Replaces the image's entrypoint; then the image's arguments are dropped too.
    pub command: Vec<String>,
    pub args: Vec<String>,
    /// Empty: the image's, else `/`.
    pub working_dir: String,
    /// Over the image's environment. `PATH`, `HOSTNAME` and `HOME` are the runtime's to add.
    pub envs: Vec<(String, String)>,
    pub mounts: Vec<Mount>,
    pub devices: Vec<Device>,
    pub labels: BTreeMap<String, String>,
    pub annotations: BTreeMap<String, String>,
    /// Below the sandbox's log directory: `app/0.log`.
    pub log_path: PathBuf,
    pub stdin: bool,
    /// Close standard input when the first attached client goes.
    pub stdin_once: bool,
    pub tty: bool,
    pub security: SecurityContext,
    pub resources: LinuxResources,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum MountPropagation {
    #[default]
    Private,
    HostToContainer,
    Bidirectional,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mount {
    pub container_path: String,
    pub host_path: PathBuf,
    pub readonly: bool,
    pub recursive_read_only: bool,
    pub propagation: MountPropagation,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    pub container_path: String,
    pub host_path: PathBuf,
    /// Some of `r`, `w`, `m`.
    pub permissions: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum SeccompProfile {
    #[default]
    Unconfined,
    RuntimeDefault,
    /// A profile file on the node.
    Localhost(PathBuf),
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecurityContext {
    pub privileged: bool,
    pub add_capabilities: Vec<String>,
    pub drop_capabilities: Vec<String>,
    pub pid: NamespaceMode,
    pub run_as_user: Option<i64>,
    /// A user name of the image, when no number is given.
    pub run_as_username: String,
    pub run_as_group: Option<i64>,
    pub supplemental_groups: Vec<i64>,
    pub readonly_rootfs: bool,
    pub no_new_privs: bool,
    pub seccomp: SeccompProfile,
    pub masked_paths: Vec<String>,
    pub readonly_paths: Vec<String>,
}

/// Limits in the cgroup's own terms; `None` leaves a value alone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinuxResources {
    /// Microseconds.
    pub cpu_period: Option<u64>,
    /// Microseconds per period; -1 is no limit.
    pub cpu_quota: Option<i64>,
    /// Relative weight in v1 terms, 2 to 262144; converted for v2.
    pub cpu_shares: Option<u64>,
    pub memory_limit_bytes: Option<i64>,
    /// -1000 to 1000.
    pub oom_score_adj: Option<i32>,
    pub pids_limit: Option<i64>,
    /// Page size (`2MB`) to bytes.
    pub hugepage_limits: BTreeMap<String, u64>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ContainerState {
    Created,
    Running,
    Exited,
    /// The runtime lost track of the process, and of its exit code with it.
    #[default]
    Unknown,
}

/// Which containers to list; `None` matches all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContainerFilter {
    pub id: Option<String>,
    pub pod_sandbox_id: Option<String>,
    pub state: Option<ContainerState>,
}

/// One row of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Container {
    pub id: String,
    pub pod_sandbox_id: String,
    pub metadata: ContainerMetadata,
    pub image: String,
    pub image_id: String,
    pub state: ContainerState,
    pub created_at: Timestamp,
    pub labels: BTreeMap<String, String>,
    pub annotations: BTreeMap<String, String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerStatus {
    pub id: String,
    pub pod_sandbox_id: String,
    pub metadata: ContainerMetadata,
    pub state: ContainerState,
    pub created_at: Timestamp,
    pub started_at: Option<Timestamp>,
    pub finished_at: Option<Timestamp>,
    /// 128 + n after signal n.
    pub exit_code: i32,
    /// The signal that ended the process, if one did.
    pub signal: Option<i32>,
    pub image: String,
    pub image_id: String,
    /// `Completed`, `Error`, `OOMKilled`, `ContainerCannotRun`, `StartError`; empty while running.
    pub reason: String,
    pub message: String,
    pub labels: BTreeMap<String, String>,
    pub annotations: BTreeMap<String, String>,
    /// Absolute.
    pub log_path: PathBuf,
    /// The init process, while it runs.
    pub pid: Option<i32>,
}
