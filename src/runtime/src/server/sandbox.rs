//! One sandbox: its directory, namespaces, shared memory, shim.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cri::{
    Error, NamespaceMode, PodSandbox, PodSandboxConfig, PodSandboxState, PodSandboxStatus, Result,
};
use rustix::mount::{MountFlags, mount};

use super::client::ShimClient;
use super::container::Container;
use super::internal;
use super::namespaces::{self, Wanted};
use super::record::SandboxRecord;
use crate::plan::Phase;
use crate::spec::PodResources;

/// What containers and tools get as `/dev/shm` (Docker's number too).
const SHM_OPTIONS: &std::ffi::CStr = c"mode=1777,size=67108864";

const SHM: &str = "shm";
const IPC: &str = "ipc";
const UTS: &str = "uts";
const HOSTNAME: &str = "hostname";
const RESOLV_CONF: &str = "resolv.conf";

pub struct Sandbox {
    pub id: String,
    pub directory: PathBuf,
    pub client: ShimClient,
    record: Mutex<SandboxRecord>,
    containers: Mutex<BTreeMap<String, Arc<Container>>>,
    /// Held by what makes or removes containers, and by stopping: one such thing at a time.
    pub order: tokio::sync::Mutex<()>,
}

impl Sandbox {
    pub fn new(record: SandboxRecord, directory: PathBuf) -> Self {
        Self {
            id: record.id.clone(),
            client: ShimClient::new(&directory),
            directory,
            record: Mutex::new(record),
            containers: Mutex::new(BTreeMap::new()),
            order: tokio::sync::Mutex::new(()),
        }
    }

    pub fn record(&self) -> MutexGuard<'_, SandboxRecord> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn config(&self) -> PodSandboxConfig {
        self.record().config.clone()
    }

    pub fn is_ready(&self) -> bool {
        self.record().ready
    }

    /// Notes on disk whether it is ready.
    ///
    /// # Errors
    /// `Internal`; it is then as before.
    pub fn set_ready(&self, ready: bool) -> Result<()> {
        let mut record = self.record();
        let changed = SandboxRecord {
            ready,
            ..record.clone()
        };
        changed
            .write(&self.directory)
            .map_err(|error| Error::Internal(error.to_string()))?;
        *record = changed;
        Ok(())
    }

    fn index(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Container>>> {
        self.containers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub fn container(&self, id: &str) -> Option<Arc<Container>> {
        self.index().get(id).cloned()
    }

    pub fn containers(&self) -> Vec<Arc<Container>> {
        self.index().values().cloned().collect()
    }

    /// Those that still run, or wait to.
    pub fn living(&self) -> Vec<Arc<Container>> {
        let alive = |container: &Arc<Container>| container.phase() != Some(Phase::Exited);
        self.containers().into_iter().filter(alive).collect()
    }

    pub fn insert(&self, container: Arc<Container>) {
        self.index().insert(container.record.id.clone(), container);
    }

    pub fn forget(&self, id: &str) {
        self.index().remove(id);
    }

    fn state(&self) -> PodSandboxState {
        if self.is_ready() {
            PodSandboxState::Ready
        } else {
            PodSandboxState::NotReady
        }
    }

    pub fn row(&self) -> PodSandbox {
        let state = self.state();
        let record = self.record();
        PodSandbox {
            id: self.id.clone(),
            metadata: record.config.metadata.clone(),
            state,
            created_at: record.created_at,
            labels: record.config.labels.clone(),
            annotations: record.config.annotations.clone(),
        }
    }

    pub fn status(&self) -> PodSandboxStatus {
        let state = self.state();
        let record = self.record();
        PodSandboxStatus {
            id: self.id.clone(),
            metadata: record.config.metadata.clone(),
            state,
            created_at: record.created_at,
            labels: record.config.labels.clone(),
            annotations: record.config.annotations.clone(),
            netns: record.config.netns.clone(),
            namespaces: record.config.namespaces,
        }
    }
}

/// What containers of this sandbox find in its directory.
pub fn resources(config: &PodSandboxConfig, directory: &Path) -> PodResources {
    let own_ipc = config.namespaces.ipc != NamespaceMode::Node;
    let own_uts = config.namespaces.network != NamespaceMode::Node;
    PodResources {
        ipc: own_ipc.then(|| directory.join(IPC)),
        uts: own_uts.then(|| directory.join(UTS)),
        shm: own_ipc.then(|| directory.join(SHM)),
        hostname: directory.join(HOSTNAME),
        resolv_conf: config
            .resolv_conf
            .is_some()
            .then(|| directory.join(RESOLV_CONF)),
    }
}

/// Refuses what no sandbox can be made of.
///
/// # Errors
/// `InvalidArgument`.
pub fn check(config: &PodSandboxConfig) -> Result<()> {
    let refuse = |text: &str| Err(Error::InvalidArgument(text.to_owned()));
    if config.namespaces.pid == NamespaceMode::Pod {
        return refuse("this runtime cannot share a process namespace between containers yet");
    }
    let own_network = config.namespaces.network != NamespaceMode::Node;
    if own_network != config.netns.is_some() {
        return refuse("a network namespace must be given exactly when the pod has its own");
    }
    let parent = Path::new(&config.cgroup_parent);
    if !parent.is_absolute() || parent.components().any(|part| part.as_os_str() == "..") {
        return refuse("the cgroup parent must be an absolute path");
    }
    if !config.log_directory.is_absolute() {
        return refuse("the log directory must be an absolute path");
    }
    Ok(())
}

/// Makes everything but the shim. Blocks.
///
/// # Errors
/// `Internal`; the caller tears down.
pub fn make(config: &PodSandboxConfig, directory: &Path) -> Result<()> {
    let pod = resources(config, directory);
    let hostname = format!("{}\n", config.hostname);
    fs::write(&pod.hostname, hostname).map_err(internal("writing the pod's hostname"))?;
    if let (Some(path), Some(text)) = (&pod.resolv_conf, &config.resolv_conf) {
        fs::write(path, text).map_err(internal("writing the pod's resolv.conf"))?;
    }
    if let Some(shm) = &pod.shm {
        make_shm(shm).map_err(internal("mounting the pod's shared memory"))?;
    }
    namespaces::pin(Wanted {
        ipc: pod.ipc,
        uts: pod.uts,
        hostname: config.hostname.clone(),
        netns: config.netns.clone(),
        sysctls: config.sysctls.clone(),
    })
    .map_err(internal("making the pod's namespaces"))
}

fn make_shm(shm: &Path) -> std::io::Result<()> {
    fs::create_dir(shm)?;
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    Ok(mount("shm", shm, "tmpfs", flags, SHM_OPTIONS)?)
}

/// Undoes [`make`] but for the files. Blocks.
///
/// # Errors
/// `Internal` when the kernel keeps a mount.
pub fn unmake(directory: &Path) -> Result<()> {
    for name in [SHM, IPC, UTS] {
        namespaces::unmount_all(&directory.join(name)).map_err(internal(format_args!(
            "unmounting {name} of {}",
            directory.display()
        )))?;
    }
    Ok(())
}

/// Removes the directory; what was mounted in it must be unmounted or is now. Blocks.
///
/// # Errors
/// `Internal`.
pub fn remove(directory: &Path) -> Result<()> {
    unmake(directory)?;
    super::runtime::remove_directory(directory, &[SHM])
        .map_err(internal(format_args!("removing {}", directory.display())))
}
