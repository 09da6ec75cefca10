//! The two files through which the server and a shim speak about one container: the plan, which
//! the server writes once, and the state, which the shim rewrites at every change.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::process::Identity;
use crate::seccomp::Policy;

/// The version of both files. A shim of version N reads plans of N-1, and so does the server
/// with states; add fields with `#[serde(default)]` and raise it when a meaning changes.
pub const VERSION: u32 = 1;

/// What the shim must know beyond the OCI bundle (`config.json`) it lies beside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerPlan {
    pub version: u32,
    pub id: String,
    /// The container's own cgroup, below every controller's root.
    pub cgroup: PathBuf,
    /// Absolute.
    pub log_path: PathBuf,
    /// The bounding, permitted and effective set, a bit per capability. It is not in the bundle:
    /// libcontainer would drop capabilities before our executor could load the seccomp filter.
    pub capabilities: u64,
    pub no_new_privileges: bool,
    /// `None` runs unconfined.
    pub seccomp: Option<Policy>,
    /// Written to init after its creation, because lowering it may be refused.
    pub oom_score_adj: i32,
    /// Keep standard input open; else it is `/dev/null`.
    pub stdin: bool,
    pub tty: bool,
}

/// Where a container is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Phase {
    /// Init waits to be started.
    Created,
    /// Init has executed the program.
    Running,
    /// Init is gone, its exit is recorded, and nothing of the container runs.
    Exited,
}

/// What the shim knows of a container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerState {
    pub version: u32,
    pub id: String,
    /// Grows with each change, so that an event overtaken by an answer is recognised.
    pub revision: u64,
    pub phase: Phase,
    /// The init process, until it is gone.
    pub init: Option<Identity>,
    pub created_at: Timestamp,
    pub started_at: Option<Timestamp>,
    pub finished_at: Option<Timestamp>,
    pub exit_code: i32,
    pub signal: Option<i32>,
    pub oom_killed: bool,
    /// The program could not be executed: why.
    pub start_error: Option<String>,
    /// The shim died and took the exit code with it.
    #[serde(default)]
    pub lost: bool,
}

impl ContainerState {
    /// The state of a container whose init waits to be started.
    #[must_use]
    pub fn created(id: &str, init: Identity, at: Timestamp) -> Self {
        Self {
            version: VERSION,
            id: id.to_owned(),
            revision: 1,
            phase: Phase::Created,
            init: Some(init),
            created_at: at,
            started_at: None,
            finished_at: None,
            exit_code: 0,
            signal: None,
            oom_killed: false,
            start_error: None,
            lost: false,
        }
    }
}

/// A file that is absent, unreadable, of another version, or not ours.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    #[error("{path}: {source}")]
    Io {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("{path}: {source}")]
    Json {
        path: PathBuf,
        source: serde_json::Error,
    },
    #[error(
        "{path}: version {found} is newer than this program's {VERSION}; run the rk3s that wrote it"
    )]
    TooNew { path: PathBuf, found: u32 },
}

/// Reads a versioned file.
///
/// # Errors
/// [`FileError`]; an absent file is [`FileError::Io`].
pub fn read<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, FileError> {
    #[derive(Deserialize)]
    struct Head {
        version: u32,
    }
    let bytes = std::fs::read(path).map_err(|source| FileError::Io {
        path: path.to_owned(),
        source,
    })?;
    let json = |source| FileError::Json {
        path: path.to_owned(),
        source,
    };
    let head: Head = serde_json::from_slice(&bytes).map_err(json)?;
    if head.version > VERSION {
        return Err(FileError::TooNew {
            path: path.to_owned(),
            found: head.version,
        });
    }
    serde_json::from_slice(&bytes).map_err(json)
}

/// Writes a versioned file, whole or not at all.
///
/// # Errors
/// [`FileError::Io`].
pub fn write<T: Serialize>(path: &Path, value: &T) -> Result<(), FileError> {
    let json = |source| FileError::Json {
        path: path.to_owned(),
        source,
    };
    let bytes = serde_json::to_vec(value).map_err(json)?;
    base::fsio::write_atomic(path, &bytes, 0o600).map_err(|source| FileError::Io {
        path: path.to_owned(),
        source,
    })
}
