//! One container in the index.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use cri::{ContainerStatus, EventKind};

use super::record::ContainerRecord;
use super::runtime::transitions;
use crate::plan::{ContainerState, Phase};

/// A container: what was asked for, and the latest state that its shim told.
#[derive(Debug)]
pub struct Container {
    pub record: ContainerRecord,
    /// Bundle, plan, state and root file system.
    pub directory: PathBuf,
    /// `None` until its shim has made it; such a container is not listed.
    state: Mutex<Option<ContainerState>>,
}

impl Container {
    pub fn new(record: ContainerRecord, directory: PathBuf, state: Option<ContainerState>) -> Self {
        Self {
            record,
            directory,
            state: Mutex::new(state),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<ContainerState>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn state(&self) -> Option<ContainerState> {
        self.lock().clone()
    }

    pub fn phase(&self) -> Option<Phase> {
        self.lock().as_ref().map(|state| state.phase)
    }

    /// Takes over a later state; what happened by it.
    pub fn advance(&self, state: ContainerState) -> Vec<EventKind> {
        let mut known = self.lock();
        if known
            .as_ref()
            .is_some_and(|known| known.revision >= state.revision)
        {
            return Vec::new();
        }
        let kinds = transitions(known.as_ref(), &state);
        *known = Some(state);
        kinds
    }

    /// The mount point of its root file system.
    pub fn rootfs(&self) -> PathBuf {
        self.directory.join(ROOTFS)
    }

    /// The row of a list; `None` while it is being made.
    pub fn row(&self) -> Option<cri::Container> {
        let state = self.state()?;
        let ContainerRecord {
            id,
            sandbox_id,
            config,
            ..
        } = &self.record;
        Some(cri::Container {
            id: id.clone(),
            pod_sandbox_id: sandbox_id.clone(),
            metadata: config.metadata.clone(),
            image: config.image.clone(),
            image_id: config.image_id.clone(),
            state: cri_state(&state),
            created_at: state.created_at,
            labels: config.labels.clone(),
            annotations: config.annotations.clone(),
        })
    }

    /// Its status; `None` while it is being made.
    pub fn status(&self) -> Option<ContainerStatus> {
        let state = self.state()?;
        let ContainerRecord {
            id,
            sandbox_id,
            config,
            log_path,
            ..
        } = &self.record;
        let (reason, message) = reason(&state);
        Some(ContainerStatus {
            id: id.clone(),
            pod_sandbox_id: sandbox_id.clone(),
            metadata: config.metadata.clone(),
            state: cri_state(&state),
            created_at: state.created_at,
            started_at: state.started_at,
            finished_at: state.finished_at,
            exit_code: state.exit_code,
            signal: state.signal,
            image: config.image.clone(),
            image_id: config.image_id.clone(),
            reason: reason.to_owned(),
            message,
            labels: config.labels.clone(),
            annotations: config.annotations.clone(),
            log_path: log_path.clone(),
            pid: state.init.map(|init| init.pid),
        })
    }
}

/// The directory's name in a container's directory, as the bundle has it.
pub const ROOTFS: &str = "rootfs";

/// The directory of a container of a sandbox.
pub fn directory(sandbox: &Path, id: &str) -> PathBuf {
    sandbox.join(crate::shim::CONTAINERS).join(id)
}

fn cri_state(state: &ContainerState) -> cri::ContainerState {
    match state.phase {
        Phase::Created => cri::ContainerState::Created,
        Phase::Running => cri::ContainerState::Running,
        Phase::Exited => cri::ContainerState::Exited,
    }
}

/// Why it ended, in the words that kubectl shows.
fn reason(state: &ContainerState) -> (&'static str, String) {
    if state.phase != Phase::Exited {
        return ("", String::new());
    }
    if let Some(error) = &state.start_error {
        return ("StartError", error.clone());
    }
    if state.lost {
        return (
            "Unknown",
            "the container's shim died, and its exit code is not known".to_owned(),
        );
    }
    match (state.oom_killed, state.exit_code) {
        (true, _) => ("OOMKilled", String::new()),
        (false, 0) => ("Completed", String::new()),
        (false, _) => ("Error", String::new()),
    }
}
