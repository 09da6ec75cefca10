//! What the runtime has of one pod, as plain data for the planner and the status.

use api::core::{Container, Pod};
use cri::{ContainerState, ContainerStatus, PodSandboxState, PodSandboxStatus, RuntimeService};

/// Labels and annotations by which the kubelet finds its own again (CRI conventions).
pub const POD_NAME: &str = "io.kubernetes.pod.name";
pub const POD_NAMESPACE: &str = "io.kubernetes.pod.namespace";
pub const POD_UID: &str = "io.kubernetes.pod.uid";
pub const CONTAINER_NAME: &str = "io.kubernetes.container.name";
pub const CONTAINER_HASH: &str = "io.kubernetes.container.hash";
pub const RESTART_COUNT: &str = "io.kubernetes.container.restartCount";

/// Sandboxes and containers of one pod, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PodView {
    pub sandboxes: Vec<PodSandboxStatus>,
    pub containers: Vec<ContainerStatus>,
}

impl PodView {
    /// Asks the runtime.
    pub async fn read(runtime: &dyn RuntimeService, uid: &str) -> cri::Result<Self> {
        let mut view = Self::default();
        for sandbox in runtime.list_pod_sandboxes().await? {
            if sandbox.metadata.uid != uid {
                continue;
            }
            let filter = cri::ContainerFilter {
                pod_sandbox_id: Some(sandbox.id.clone()),
                ..Default::default()
            };
            for container in runtime.list_containers(filter).await? {
                match runtime.container_status(&container.id).await {
                    Ok(status) => view.containers.push(status),
                    // Removed between the list and this question.
                    Err(cri::Error::NotFound { .. }) => {}
                    Err(error) => return Err(error),
                }
            }
            match runtime.pod_sandbox_status(&sandbox.id).await {
                Ok(status) => view.sandboxes.push(status),
                Err(cri::Error::NotFound { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        view.sandboxes
            .sort_by_key(|s| std::cmp::Reverse((s.metadata.attempt, s.created_at)));
        view.containers
            .sort_by_key(|c| std::cmp::Reverse((c.metadata.attempt, c.created_at)));
        Ok(view)
    }

    /// The sandbox that containers are started in, if it is alive.
    pub fn ready_sandbox(&self) -> Option<&PodSandboxStatus> {
        self.sandboxes
            .first()
            .filter(|s| s.state == PodSandboxState::Ready)
    }

    /// The newest run of a container.
    pub fn newest(&self, name: &str) -> Option<&ContainerStatus> {
        self.containers.iter().find(|c| c.metadata.name == name)
    }

    /// All known runs of a container, newest first.
    pub fn runs<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a ContainerStatus> {
        self.containers
            .iter()
            .filter(move |c| c.metadata.name == name)
    }

    /// Containers whose process may be alive.
    pub fn live(&self) -> impl Iterator<Item = &ContainerStatus> {
        self.containers
            .iter()
            .filter(|c| matches!(c.state, ContainerState::Running | ContainerState::Created))
    }
}

/// `spec.containers` without the unlikely absence of a spec.
pub fn containers(pod: &Pod) -> &[Container] {
    pod.spec.as_ref().map_or(&[], |spec| &spec.containers)
}

/// `spec.initContainers`.
pub fn init_containers(pod: &Pod) -> &[Container] {
    pod.spec
        .as_ref()
        .and_then(|spec| spec.init_containers.as_deref())
        .unwrap_or_default()
}

/// An init container that runs beside the others.
pub fn is_sidecar(container: &Container) -> bool {
    container.restart_policy.as_deref() == Some("Always")
}

/// What of a container's spec makes its running instance outdated: name and image
/// (kubelet-cri-facts §7), as FNV-1a in hex.
pub fn container_hash(container: &Container) -> String {
    let text = [
        container.name.as_str(),
        container.image.as_deref().unwrap_or_default(),
    ];
    let hash = text.join("\0").bytes().fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    format!("{hash:x}")
}

#[cfg(test)]
pub mod testing {
    use super::*;
    use cri::{ContainerMetadata, PodSandboxMetadata};
    use jiff::Timestamp;
    use std::collections::BTreeMap;

    /// A ready sandbox.
    pub fn sandbox(attempt: u32) -> PodSandboxStatus {
        PodSandboxStatus {
            id: format!("sandbox-{attempt}"),
            metadata: PodSandboxMetadata {
                attempt,
                ..Default::default()
            },
            state: PodSandboxState::Ready,
            created_at: Timestamp::UNIX_EPOCH,
            labels: BTreeMap::new(),
            annotations: BTreeMap::new(),
            netns: None,
            namespaces: Default::default(),
        }
    }

    /// A container run; exited with `exit` or running.
    pub fn run(container: &Container, attempt: u32, exit: Option<i32>) -> ContainerStatus {
        let at = Timestamp::from_second(100 + i64::from(attempt)).expect("in range");
        ContainerStatus {
            id: format!("{}-{attempt}", container.name),
            pod_sandbox_id: "sandbox-0".into(),
            metadata: ContainerMetadata {
                name: container.name.clone(),
                attempt,
            },
            state: if exit.is_some() {
                ContainerState::Exited
            } else {
                ContainerState::Running
            },
            created_at: at,
            started_at: Some(at),
            finished_at: exit.map(|_| at),
            exit_code: exit.unwrap_or(0),
            signal: None,
            image: container.image.clone().unwrap_or_default(),
            image_id: "sha256:1".into(),
            reason: match exit {
                None => String::new(),
                Some(0) => "Completed".into(),
                Some(_) => "Error".into(),
            },
            message: String::new(),
            labels: BTreeMap::new(),
            annotations: BTreeMap::from([(CONTAINER_HASH.into(), container_hash(container))]),
            log_path: "/dev/null".into(),
            pid: None,
        }
    }
}
