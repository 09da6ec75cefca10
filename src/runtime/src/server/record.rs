//! What the server writes down about sandboxes and containers, before it acts.

use std::path::{Path, PathBuf};

use cri::{ContainerConfig, PodSandboxConfig};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::plan::{self, FileError};

/// The file in a sandbox's directory.
const SANDBOX: &str = "sandbox.json";
/// The file in a container's directory.
const CONTAINER: &str = "container.json";

/// A sandbox as it was asked for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SandboxRecord {
    pub version: u32,
    pub id: String,
    pub config: PodSandboxConfig,
    pub created_at: Timestamp,
    /// Everything it needs has been made, and it has not been stopped.
    pub ready: bool,
}

/// A container as it was asked for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ContainerRecord {
    pub version: u32,
    pub id: String,
    pub sandbox_id: String,
    pub config: ContainerConfig,
    /// Absolute.
    pub log_path: PathBuf,
    /// Below every controller's root.
    pub cgroup: PathBuf,
    pub stop_signal: i32,
}

impl SandboxRecord {
    pub fn read(directory: &Path) -> Result<Self, FileError> {
        plan::read(&directory.join(SANDBOX))
    }

    pub fn write(&self, directory: &Path) -> Result<(), FileError> {
        plan::write(&directory.join(SANDBOX), self)
    }
}

impl ContainerRecord {
    pub fn read(directory: &Path) -> Result<Self, FileError> {
        plan::read(&directory.join(CONTAINER))
    }

    pub fn write(&self, directory: &Path) -> Result<(), FileError> {
        plan::write(&directory.join(CONTAINER), self)
    }
}
