//! The runtime as a whole: what it is opened with, and the index of sandboxes.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base::{Clock, Shutdown};
use cri::{ContainerEvent, Error, EventKind, Result};
use tokio::sync::broadcast;

use super::container::Container;
use super::launcher::Launcher;
use super::rootfs::RootfsProvider;
use super::sandbox::Sandbox;
use crate::plan::{ContainerState, Phase};
use crate::spec::Host;

/// Events kept for a subscriber that is behind; one that falls further gets a fresh listing.
const EVENTS: usize = 1024;

/// What a runtime is opened with.
#[derive(Clone)]
pub struct RuntimeOptions {
    /// Sandboxes, bundles and sockets. On a file system that bind mounts may be made on; need
    /// not survive a reboot. At most one runtime at a time.
    pub state_dir: PathBuf,
    /// The shim's program and first arguments: `/proc/self/exe shim`.
    pub shim_command: Vec<OsString>,
    pub clock: Clock,
    /// Ends the watching of shims; containers and shims go on.
    pub shutdown: Shutdown,
    pub rootfs: Arc<dyn RootfsProvider>,
}

/// Containers on this host. Dropping it leaves them running; opening the same directory again
/// finds them.
pub struct Runtime {
    pub(super) core: Arc<Core>,
}

impl Drop for Runtime {
    fn drop(&mut self) {
        self.core.shutdown.stop();
    }
}

pub(super) struct Core {
    pub state_dir: PathBuf,
    pub clock: Clock,
    /// A child of the options' token, so that dropping a runtime stops its tasks only.
    pub shutdown: Shutdown,
    pub rootfs: Arc<dyn RootfsProvider>,
    pub host: Host,
    pub launcher: Launcher,
    sandboxes: Mutex<BTreeMap<String, Arc<Sandbox>>>,
    events: broadcast::Sender<ContainerEvent>,
}

impl Core {
    /// An empty runtime on this host.
    pub fn new(options: RuntimeOptions) -> Result<Self> {
        let launcher = Launcher::new(options.shim_command)?;
        Ok(Self {
            state_dir: options.state_dir,
            clock: options.clock,
            shutdown: options.shutdown.child(),
            rootfs: options.rootfs,
            host: discover_host().map_err(super::internal("examining this host"))?,
            launcher,
            sandboxes: Mutex::new(BTreeMap::new()),
            events: broadcast::Sender::new(EVENTS),
        })
    }

    /// A sandbox's own directory.
    pub fn sandbox_directory(&self, id: &str) -> PathBuf {
        self.state_dir.join(id)
    }

    fn index(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Sandbox>>> {
        self.sandboxes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub fn insert(&self, sandbox: Arc<Sandbox>) {
        self.index().insert(sandbox.id.clone(), sandbox);
    }

    pub fn forget(&self, id: &str) {
        self.index().remove(id);
    }

    pub fn sandboxes(&self) -> Vec<Arc<Sandbox>> {
        self.index().values().cloned().collect()
    }

    pub fn find_sandbox(&self, id: &str) -> Option<Arc<Sandbox>> {
        self.index().get(id).cloned()
    }

    /// # Errors
    /// `NotFound`.
    pub fn sandbox(&self, id: &str) -> Result<Arc<Sandbox>> {
        self.find_sandbox(id).ok_or_else(|| Error::NotFound {
            kind: "pod sandbox",
            id: id.to_owned(),
        })
    }

    pub fn find_container(&self, id: &str) -> Option<(Arc<Sandbox>, Arc<Container>)> {
        self.index().values().find_map(|sandbox| {
            sandbox
                .container(id)
                .map(|container| (Arc::clone(sandbox), container))
        })
    }

    /// # Errors
    /// `NotFound`.
    pub fn container(&self, id: &str) -> Result<(Arc<Sandbox>, Arc<Container>)> {
        self.find_container(id).ok_or_else(|| Error::NotFound {
            kind: "container",
            id: id.to_owned(),
        })
    }

    pub fn subscribe(&self) -> broadcast::Receiver<ContainerEvent> {
        self.events.subscribe()
    }

    pub fn emit(&self, kind: EventKind, container_id: &str, pod_sandbox_id: &str) {
        // Nobody listening is fine: the kubelet lists when it comes.
        let _listeners = self.events.send(ContainerEvent {
            kind,
            container_id: container_id.to_owned(),
            pod_sandbox_id: pod_sandbox_id.to_owned(),
        });
    }

    /// Takes over a state that a shim told, unless a later one is known.
    pub fn apply(&self, sandbox: &Sandbox, state: ContainerState) {
        let Some(container) = sandbox.container(&state.id) else {
            return;
        };
        for kind in container.advance(state) {
            self.emit(kind, &container.record.id, &sandbox.id);
        }
    }
}

/// The steps between two states that a subscriber must hear of.
pub(super) fn transitions(old: Option<&ContainerState>, new: &ContainerState) -> Vec<EventKind> {
    let mut kinds = Vec::new();
    if old.is_none() {
        kinds.push(EventKind::Created);
    }
    let started = |state: &ContainerState| state.started_at.is_some();
    if started(new) && !old.is_some_and(started) {
        kinds.push(EventKind::Started);
    }
    let exited = |state: &ContainerState| state.phase == Phase::Exited;
    if exited(new) && !old.is_some_and(exited) {
        kinds.push(EventKind::Stopped);
    }
    kinds
}

fn discover_host() -> std::io::Result<Host> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let bounding = status.lines().find_map(|line| line.strip_prefix("CapBnd:"));
    let bounding = bounding.and_then(|set| u64::from_str_radix(set.trim(), 16).ok());
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    Ok(Host {
        capabilities: bounding
            .ok_or_else(|| std::io::Error::other("/proc/self/status names no CapBnd"))?,
        open_files: limit.maximum.unwrap_or(u64::MAX),
        cgroups: crate::cgroup::Hierarchies::discover()?,
    })
}

/// Removes a directory that file systems may have been mounted in, and nothing of those: a
/// mount point that is not empty once unmounted stops it.
pub(super) fn remove_directory(directory: &Path, mount_points: &[&str]) -> std::io::Result<()> {
    for name in mount_points {
        let point = directory.join(name);
        super::namespaces::unmount_all(&point)?;
        ignore_absent(std::fs::remove_dir(point))?;
    }
    ignore_absent(std::fs::remove_dir_all(directory))
}

fn ignore_absent(result: std::io::Result<()>) -> std::io::Result<()> {
    match result {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}
