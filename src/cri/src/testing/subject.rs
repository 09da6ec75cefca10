//! The runtime under test and what to test it with.

use std::time::Duration;

use base::Clock;
use futures::StreamExt;

use crate::{
    ContainerConfig, ContainerMetadata, ContainerState, ContainerStatus, NamespaceMode,
    NamespaceOptions, PodSandboxConfig, PodSandboxMetadata, RuntimeService,
};

/// Longest wait for something that must happen.
const DEADLINE: Duration = Duration::from_secs(20);

/// A runtime, and an image with `sh`, `true`, `false`, `sleep`, `cat`, `id`, `echo` and `kill`.
pub struct Subject<'a> {
    pub runtime: &'a dyn RuntimeService,
    /// As [`crate::Image::id`] names it.
    pub image_id: String,
    /// A directory for logs.
    pub logs: std::path::PathBuf,
    /// A parent cgroup that may be used and is cleared by the caller.
    pub cgroup_parent: String,
    /// Whether programs really run, and logs are files.
    pub executes: bool,
}

impl Subject<'_> {
    /// A pod on the host's network, so that no namespace is needed.
    #[must_use]
    pub fn sandbox(&self, name: &str) -> PodSandboxConfig {
        PodSandboxConfig {
            metadata: PodSandboxMetadata {
                name: name.to_owned(),
                uid: format!("uid-{name}"),
                namespace: "default".to_owned(),
                attempt: 0,
            },
            hostname: name.to_owned(),
            log_directory: self.logs.join(name),
            cgroup_parent: self.cgroup_parent.clone(),
            namespaces: NamespaceOptions {
                network: NamespaceMode::Node,
                ..NamespaceOptions::default()
            },
            labels: [("app".to_owned(), name.to_owned())].into(),
            ..PodSandboxConfig::default()
        }
    }

    /// A container that runs `command`.
    #[must_use]
    pub fn container(&self, name: &str, command: &[&str]) -> ContainerConfig {
        ContainerConfig {
            metadata: ContainerMetadata {
                name: name.to_owned(),
                attempt: 0,
            },
            image_id: self.image_id.clone(),
            image: "busybox".to_owned(),
            command: command.iter().map(|part| (*part).to_owned()).collect(),
            log_path: format!("{name}/0.log").into(),
            labels: [("container".to_owned(), name.to_owned())].into(),
            ..ContainerConfig::default()
        }
    }

    /// A sandbox of this name, running.
    pub async fn run_sandbox(&self, name: &str) -> String {
        self.runtime
            .run_pod_sandbox(self.sandbox(name))
            .await
            .expect("a sandbox runs")
    }

    /// Creates and starts a container.
    pub async fn run_container(&self, sandbox: &str, config: ContainerConfig) -> String {
        let created = self.runtime.create_container(sandbox, config).await;
        let id = created.expect("a container is created");
        self.runtime.start_container(&id).await.expect("it starts");
        id
    }

    /// The container's status.
    pub async fn status(&self, id: &str) -> ContainerStatus {
        self.runtime
            .container_status(id)
            .await
            .expect("a container has a status")
    }

    /// Waits, by events, until the container has exited.
    pub async fn wait(&self, id: &str) -> ContainerStatus {
        let mut events = self.runtime.events();
        let exited = async {
            loop {
                let status = self.status(id).await;
                if status.state == ContainerState::Exited {
                    return status;
                }
                events.next().await.expect("events go on");
            }
        };
        Clock::system()
            .timeout(DEADLINE, exited)
            .await
            .expect("the container exits in time")
    }

    /// Runs a container to its end; its status and its log's text.
    pub async fn run_to_end(
        &self,
        sandbox: &str,
        config: ContainerConfig,
    ) -> (ContainerStatus, String) {
        let id = self.run_container(sandbox, config).await;
        let status = self.wait(&id).await;
        let log = self.log(&status);
        (status, log)
    }

    /// What the container wrote, without the format's times.
    #[must_use]
    pub fn log(&self, status: &ContainerStatus) -> String {
        let text = std::fs::read_to_string(&status.log_path).expect("a log is readable");
        let lines = text.lines().map(|line| {
            let (time, rest) = line.split_once(' ').expect("a log line begins with a time");
            time.parse::<jiff::Timestamp>()
                .expect("a log line's time is RFC 3339");
            format!("{rest}\n")
        });
        lines.collect()
    }

    /// Removes a sandbox with all that is in it.
    pub async fn remove(&self, sandbox: &str) {
        self.runtime
            .remove_pod_sandbox(sandbox)
            .await
            .expect("a sandbox is removed");
    }
}
