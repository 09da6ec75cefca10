//! Sandboxes and containers.

use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::BoxStream;

use crate::types::{
    Container, ContainerConfig, ContainerFilter, ContainerStatus, LinuxResources, PodSandbox,
    PodSandboxConfig, PodSandboxStatus, Version,
};

pub type Result<T> = std::result::Result<T, Error>;

/// Why a runtime refused or failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No sandbox, container or image of that id.
    #[error("{kind} {id:?}: not found")]
    NotFound { kind: &'static str, id: String },
    /// The thing is not in a state that allows this.
    #[error("{0}")]
    FailedPrecondition(String),
    /// The configuration asks for something this host or runtime cannot do; the text says what.
    #[error("{0}")]
    InvalidArgument(String),
    /// The time given for the call is up.
    #[error("{0}: deadline exceeded")]
    DeadlineExceeded(String),
    /// The host failed; the text carries the whole chain of causes.
    #[error("{0}")]
    Internal(String),
}

/// What happened to a container or a sandbox, without being asked: the replacement of polling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerEvent {
    pub kind: EventKind,
    /// The container's id, or the sandbox's own for sandbox events.
    pub container_id: String,
    pub pod_sandbox_id: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    Created,
    Started,
    /// The init process ended; the status carries exit code and reason.
    Stopped,
    Deleted,
}

/// The outcome of a command run to its end inside a container.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExecResult {
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
    pub exit_code: i32,
}

/// Sandboxes and their containers. Ids are opaque, unique for ever, and fit in a file name.
pub trait RuntimeService: Send + Sync {
    /// Name and versions, for the node's status.
    fn version(&self) -> Version;

    /// Creates a sandbox and starts what it needs; gives its id. The caller has prepared the
    /// network namespace named in the configuration.
    fn run_pod_sandbox(&self, config: PodSandboxConfig) -> BoxFuture<'_, Result<String>>;

    /// Kills what still runs in the sandbox and makes it NotReady. Stopping a stopped or unknown
    /// sandbox is a success.
    fn stop_pod_sandbox<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<()>>;

    /// Removes the sandbox with all its containers, mounts, cgroups and state. Removing an
    /// unknown one is a success.
    fn remove_pod_sandbox<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<()>>;

    /// All sandboxes, those found after a restart included.
    fn list_pod_sandboxes(&self) -> BoxFuture<'_, Result<Vec<PodSandbox>>>;

    fn pod_sandbox_status<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<PodSandboxStatus>>;

    /// Creates a container whose process waits for [`RuntimeService::start_container`].
    fn create_container<'a>(
        &'a self,
        pod_sandbox_id: &'a str,
        config: ContainerConfig,
    ) -> BoxFuture<'a, Result<String>>;

    /// Starts a created container; returns once its process has been let go.
    fn start_container<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<()>>;

    /// Sends the stop signal, waits up to `grace`, then kills every process of the container.
    /// Returns once the container is Exited.
    fn stop_container<'a>(&'a self, id: &'a str, grace: Duration) -> BoxFuture<'a, Result<()>>;

    /// Removes a container that does not run, or kills and removes one that does. The log stays.
    fn remove_container<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<()>>;

    fn list_containers(&self, filter: ContainerFilter) -> BoxFuture<'_, Result<Vec<Container>>>;

    fn container_status<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<ContainerStatus>>;

    /// Changes the limits of a running container.
    fn update_container_resources<'a>(
        &'a self,
        id: &'a str,
        resources: LinuxResources,
    ) -> BoxFuture<'a, Result<()>>;

    /// Runs a command to its end, killing it when `timeout` (if any) has passed.
    ///
    /// A command that cannot be found or executed gives exit code 127 or 126.
    fn exec_sync<'a>(
        &'a self,
        id: &'a str,
        command: Vec<String>,
        timeout: Option<Duration>,
    ) -> BoxFuture<'a, Result<ExecResult>>;

    /// Closes and reopens the container's log file at its path, after a rotation.
    fn reopen_container_log<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<()>>;

    /// Every change from now on, in order. The stream ends only with the runtime.
    fn events(&self) -> BoxStream<'static, ContainerEvent>;
}
