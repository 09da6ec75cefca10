//! From a container's configuration to the OCI bundle and the shim's plan.
//!
//! Entry point: [`bundle`], a pure function; what it must know of the host and the image is
//! gathered before. oci-spec's defaults leak (a host name, three capabilities, no_new_privs),
//! so every field is set here, on purpose.

pub mod capabilities;
mod device;
mod mounts;
mod process;
mod resources;
mod user;
mod workdir;

use std::path::{Path, PathBuf};

use cri::{ContainerConfig, NamespaceMode, PodSandboxConfig, SeccompProfile};
use image::ImageConfig;
use libcontainer::oci_spec::runtime::{
    Linux, LinuxNamespace, LinuxNamespaceType, Root, Spec, VERSION,
};

pub use device::{DeviceError, Node, host_nodes, resolve};
pub use user::{Accounts, User};
pub use workdir::ensure_directory;

use crate::cgroup::Hierarchies;
use crate::plan::{self, ContainerPlan};
use crate::seccomp::{self, Policy};

/// Facts of this host that shape a container.
#[derive(Clone, Debug)]
pub struct Host {
    /// Our own capabilities; a container cannot get others.
    pub capabilities: u64,
    /// Our own hard limit of open files; a container cannot get more.
    pub open_files: u64,
    pub cgroups: Hierarchies,
}

/// What the sandbox prepared for all its containers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodResources {
    /// Pinned namespaces; `None` for the host's.
    pub ipc: Option<PathBuf>,
    pub uts: Option<PathBuf>,
    /// The pod's `/dev/shm`; `None` for the host's.
    pub shm: Option<PathBuf>,
    pub hostname: PathBuf,
    pub resolv_conf: Option<PathBuf>,
}

/// Everything a bundle depends on.
#[derive(Debug)]
pub struct Input<'a> {
    pub id: &'a str,
    pub sandbox: &'a PodSandboxConfig,
    pub pod: &'a PodResources,
    pub config: &'a ContainerConfig,
    pub image: &'a ImageConfig,
    pub user: &'a User,
    /// The devices of the configuration (all of the host's when privileged).
    pub devices: &'a [Node],
    /// The text of a `Localhost` seccomp profile.
    pub seccomp_profile: Option<&'a str>,
    pub host: &'a Host,
}

/// What `config.json` and `plan.json` hold.
#[derive(Clone, Debug)]
pub struct Bundle {
    pub spec: Spec,
    pub plan: ContainerPlan,
}

/// A configuration that no container can be made of.
#[derive(Debug, thiserror::Error)]
pub enum SpecError {
    #[error("{0}")]
    Invalid(String),
    #[error("this runtime cannot share a process namespace between containers of a pod yet")]
    SharedProcesses,
    #[error("this runtime gives no terminal to a container yet")]
    Terminal,
    #[error(transparent)]
    Seccomp(#[from] seccomp::ProfileError),
}

/// The bundle and plan of a container.
///
/// # Errors
/// [`SpecError`] when the configuration contradicts itself or asks for what is not done.
pub fn bundle(input: &Input<'_>) -> Result<Bundle, SpecError> {
    let security = &input.config.security;
    if input.config.tty {
        return Err(SpecError::Terminal);
    }
    let mut capabilities =
        capabilities::set(security, input.host.capabilities).map_err(SpecError::Invalid)?;
    if matches!(input.host.cgroups, Hierarchies::Unified(_)) && !security.privileged {
        // libcontainer sets no device filter on v2, so a container that can make device nodes
        // could open the host's disks.
        capabilities &= !capabilities::MKNOD;
    }
    let cgroup = cgroup(input);
    let plan = ContainerPlan {
        version: plan::VERSION,
        id: input.id.to_owned(),
        cgroup: cgroup.clone(),
        log_path: input.sandbox.log_directory.join(&input.config.log_path),
        capabilities,
        no_new_privileges: security.no_new_privs,
        seccomp: policy(input, capabilities)?,
        oom_score_adj: input.config.resources.oom_score_adj.unwrap_or(0),
        stdin: input.config.stdin,
        tty: input.config.tty,
    };
    let mut root = Root::default();
    root.set_path(PathBuf::from("rootfs"));
    root.set_readonly(Some(security.readonly_rootfs));
    let mut spec = Spec::default();
    spec.set_version(VERSION.to_owned())
        .set_root(Some(root))
        .set_mounts(Some(mounts::all(input)))
        .set_process(Some(process::process(input)?))
        // The UTS namespace is joined and has its name already.
        .set_hostname(None)
        .set_domainname(None)
        .set_hooks(None)
        .set_annotations(None)
        .set_linux(Some(linux(input, cgroup)?));
    Ok(Bundle { spec, plan })
}

/// `<the pod's cgroup>/<container id>` in every controller.
fn cgroup(input: &Input<'_>) -> PathBuf {
    Path::new("/")
        .join(&input.sandbox.cgroup_parent)
        .join(input.id)
}

fn policy(input: &Input<'_>, held: u64) -> Result<Option<Policy>, SpecError> {
    // Upstream's rule: a privileged container runs unconfined whatever it asks for.
    if input.config.security.privileged {
        return Ok(None);
    }
    let names = capabilities::names(held);
    Ok(match &input.config.security.seccomp {
        SeccompProfile::Unconfined => None,
        SeccompProfile::RuntimeDefault => Some(seccomp::runtime_default(&names)),
        SeccompProfile::Localhost(path) => {
            let text = input.seccomp_profile.ok_or_else(|| {
                SpecError::Invalid(format!("seccomp profile {} was not read", path.display()))
            })?;
            Some(seccomp::parse(text, &names)?)
        }
    })
}

fn linux(input: &Input<'_>, cgroup: PathBuf) -> Result<Linux, SpecError> {
    let security = &input.config.security;
    let shares_mounts = input
        .config
        .mounts
        .iter()
        .any(|mount| mount.propagation == cri::MountPropagation::Bidirectional);
    let mut linux = Linux::default();
    linux
        .set_uid_mappings(None)
        .set_gid_mappings(None)
        // The pod's settings were made when its namespaces were.
        .set_sysctl(None)
        .set_resources(Some(resources::resources(input)))
        .set_cgroups_path(Some(cgroup))
        .set_namespaces(Some(namespaces(input)?))
        .set_devices(Some(input.devices.iter().map(Node::to_oci).collect()))
        // Ours is loaded by the shim, for exec'd processes too; see the plan.
        .set_seccomp(None)
        .set_rootfs_propagation(shares_mounts.then(|| "shared".to_owned()))
        .set_masked_paths(Some(security.masked_paths.clone()))
        .set_readonly_paths(Some(security.readonly_paths.clone()))
        .set_mount_label(None)
        .set_intel_rdt(None)
        .set_memory_policy(None)
        .set_personality(None)
        .set_net_devices(None)
        .set_time_offsets(None);
    Ok(linux)
}

fn namespaces(input: &Input<'_>) -> Result<Vec<LinuxNamespace>, SpecError> {
    use LinuxNamespaceType::{Cgroup, Ipc, Mount, Network, Pid, Uts};
    let mut list = vec![namespace(Mount, None)];
    match input.config.security.pid {
        NamespaceMode::Container => list.push(namespace(Pid, None)),
        NamespaceMode::Node => {}
        NamespaceMode::Pod => return Err(SpecError::SharedProcesses),
    }
    if let Some(path) = &input.sandbox.netns {
        list.push(namespace(Network, Some(path)));
    }
    if let Some(path) = &input.pod.ipc {
        list.push(namespace(Ipc, Some(path)));
    }
    if let Some(path) = &input.pod.uts {
        list.push(namespace(Uts, Some(path)));
    }
    // As containerd: on v1 the container sees its own groups by bind mounts instead.
    let unified = matches!(input.host.cgroups, Hierarchies::Unified(_));
    if unified && !input.config.security.privileged {
        list.push(namespace(Cgroup, None));
    }
    Ok(list)
}

fn namespace(kind: LinuxNamespaceType, path: Option<&PathBuf>) -> LinuxNamespace {
    let mut namespace = LinuxNamespace::default();
    namespace.set_typ(kind).set_path(path.cloned());
    namespace
}

#[cfg(test)]
mod tests;
