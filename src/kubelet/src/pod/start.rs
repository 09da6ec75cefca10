//! One container's start: image, configuration, creation, start, postStart.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use std::sync::Arc;

use api::core::{Container, Pod};
use tokio::sync::watch;

use super::act::grace;
use super::config::{Ingredients, PodPaths, container, identity, termination_log};
use super::plan::Start;
use super::status::Waiting;
use super::worker::{RoundError, Worker};
use crate::hooks;

/// A failed step is tried again after this long.
const RETRY: Duration = Duration::from_secs(10);

/// Why a container was not started this time.
pub(super) enum NotStarted {
    /// The pod is to be deleted.
    GivenUp,
    /// The status says why until the next try.
    Failed {
        waiting: Waiting,
        retry_in: Duration,
    },
}

impl Worker {
    pub(super) async fn start(
        &mut self,
        pod: &Arc<Pod>,
        spec: &Container,
        start: &Start,
        sandbox: &str,
        volumes: &BTreeMap<String, PathBuf>,
    ) -> Result<(), NotStarted> {
        let image = self.ensure_image(pod, spec).await?;
        let shared = self.shared.clone();
        let paths = PodPaths::of(&shared.options, pod);
        let ingredients = Ingredients {
            options: &shared.options,
            facts: self.facts(pod),
            references: &*shared.references,
            image: &image,
            attempt: start.attempt,
            volumes,
        };
        let config = self.unless_terminating(container(spec, &ingredients)).await;
        let config = config.map_err(|_| NotStarted::GivenUp)?;
        let config = config.map_err(|e| self.failed(pod, spec, "CreateContainerConfigError", e))?;
        let prepared = self
            .write_hosts(pod, &paths)
            .and_then(|()| make_termination_log(&paths, &spec.name, start.attempt));
        prepared.map_err(|e| self.failed(pod, spec, "CreateContainerError", e))?;
        let id = shared.runtime.create_container(sandbox, config).await;
        let id = id.map_err(|e| self.failed(pod, spec, "CreateContainerError", e))?;
        self.normal(pod, Some(&spec.name), "Created", "Container created");
        if start.attempt > 0 {
            // The first restart does not wait, the next one does.
            self.restarts.restarted(&spec.name, shared.clock.wall());
        }
        link_log(&shared.options.log_dir, pod, &spec.name, start.attempt, &id);
        let started = shared.runtime.start_container(&id).await;
        started.map_err(|e| self.failed(pod, spec, "RunContainerError", e))?;
        self.normal(pod, Some(&spec.name), "Started", "Container started");
        self.post_start(pod, spec, &id).await
    }

    /// A container whose postStart hook fails is killed, and starts again as its policy says.
    async fn post_start(
        &mut self,
        pod: &Arc<Pod>,
        spec: &Container,
        id: &str,
    ) -> Result<(), NotStarted> {
        let lifecycle = spec.lifecycle.as_ref();
        let Some(handler) = lifecycle.and_then(|lifecycle| lifecycle.post_start.as_ref()) else {
            return Ok(());
        };
        let subject = hooks::Subject {
            shared: &self.shared,
            pod,
            container: spec,
            id,
            pod_ip: self.pod_ips.first().map_or("", String::as_str),
        };
        let ran = self.unless_terminating(hooks::run(&subject, handler)).await;
        let Err(message) = ran.map_err(|_| NotStarted::GivenUp)? else {
            return Ok(());
        };
        let name = Some(spec.name.as_str());
        // The text may hold what the hook printed: the event does not repeat it.
        self.warning(pod, name, "FailedPostStartHook", "PostStartHook failed");
        self.normal(pod, name, "Killing", "FailedPostStartHook");
        if let Ok(run) = self.shared.runtime.container_status(id).await {
            let until = self.shared.clock.monotonic() + grace(pod);
            let stopper = self.stopper(pod);
            let stop = stopper.stop(&run, watch::channel(until).1);
            match self.unless_terminating(stop).await {
                Err(_) => return Err(NotStarted::GivenUp),
                Ok(Err(error)) => {
                    tracing::warn!(id, %error, "a container without its postStart runs on");
                }
                Ok(Ok(())) => {}
            }
        }
        Err(NotStarted::Failed {
            waiting: Waiting {
                reason: "PostStartHookError".to_owned(),
                message,
            },
            // The restart's back-off decides.
            retry_in: Duration::ZERO,
        })
    }

    /// A step failed: the event, and what the status says until the next try.
    fn failed(
        &self,
        pod: &Pod,
        spec: &Container,
        reason: &str,
        why: impl std::fmt::Display,
    ) -> NotStarted {
        let message = why.to_string();
        let text = format!("Error: {message}");
        self.warning(pod, Some(&spec.name), "Failed", &text);
        NotStarted::Failed {
            waiting: Waiting {
                reason: reason.to_owned(),
                message,
            },
            retry_in: RETRY,
        }
    }
}

impl From<RoundError> for NotStarted {
    fn from(error: RoundError) -> Self {
        match error {
            RoundError::GivenUp => Self::GivenUp,
            other => Self::Failed {
                waiting: Waiting {
                    reason: "CreateContainerError".to_owned(),
                    message: other.to_string(),
                },
                retry_in: RETRY,
            },
        }
    }
}

fn make_termination_log(paths: &PodPaths, name: &str, attempt: u32) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let file = termination_log(paths, name, attempt);
    std::fs::create_dir_all(paths.container(name))?;
    std::fs::write(&file, b"")?;
    // Any user of the container may write its last words.
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o666))
}

/// `/var/log/containers/NAME_NS_CONTAINER-<id>.log`, where log shippers look.
pub(super) fn log_link(log_dir: &Path, pod: &Pod, name: &str, id: &str) -> Option<PathBuf> {
    let (namespace, pod_name, _) = identity(pod);
    let links = log_dir.parent()?.join("containers");
    Some(links.join(format!("{pod_name}_{namespace}_{name}-{id}.log")))
}

fn link_log(log_dir: &Path, pod: &Pod, name: &str, attempt: u32, id: &str) {
    let (namespace, pod_name, uid) = identity(pod);
    let Some(link) = log_link(log_dir, pod, name, id) else {
        return;
    };
    let target = log_dir.join(format!("{namespace}_{pod_name}_{uid}/{name}/{attempt}.log"));
    let made = link.parent().map_or(Ok(()), std::fs::create_dir_all);
    let linked = made.and_then(|()| std::os::unix::fs::symlink(target, &link));
    if let Err(error) = linked {
        tracing::debug!(link = %link.display(), %error, "no link to the container's log");
    }
}
