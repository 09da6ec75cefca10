//! Carries out a plan: kills, the sandbox, starts, volumes.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use api::core::Pod;
use futures::future::join_all;
use informer::EventType;
use tokio::sync::watch;
use tracing::debug;

use super::config::PodPaths;
use super::plan::{Group, Kill, Plan, SandboxStep};
use super::start::NotStarted;
use super::stop::Stopper;
use super::view::{PodView, containers, init_containers};
use super::worker::{RoundError, Worker, earliest};
use crate::env::PodFacts;
use crate::volumes::{self, MountError, VolumeCx};

/// What ConfigMaps and Secrets say reaches files within this time (kubelet-cri-facts §12).
const REFRESH: Duration = Duration::from_secs(60);

impl Worker {
    /// Does what the plan says; gives when to look again.
    pub(super) async fn act(
        &mut self,
        pod: &Arc<Pod>,
        view: &PodView,
        plan: &Plan,
    ) -> Result<Option<Duration>, RoundError> {
        self.kill(pod, view, &plan.kill).await?;
        let sandbox = match plan.sandbox {
            SandboxStep::Stop => {
                self.release(pod, view).await?;
                return Ok(None);
            }
            SandboxStep::Create { attempt } => {
                self.go_on()?;
                self.create_sandbox(pod, view, attempt).await?
            }
            SandboxStep::Keep => match view.ready_sandbox() {
                Some(sandbox) => sandbox.id.clone(),
                None => return Ok(None),
            },
        };
        if plan.start.is_empty() {
            return Ok(self.refresh_volumes(pod).await);
        }
        let mut next = None;
        let mut mounted = None;
        for start in &plan.start {
            self.go_on()?;
            let specs = match start.group {
                Group::Init => init_containers(pod),
                Group::Regular => containers(pod),
            };
            let Some(spec) = specs.get(start.index) else {
                continue;
            };
            let now = self.shared.clock.monotonic();
            if let Some(left) = self.holds.left(&spec.name, now) {
                next = earliest(next, Some(left));
                continue;
            }
            let volumes = match mounted.take() {
                Some(volumes) => volumes,
                None => self.volumes(pod).await?,
            };
            match self.start(pod, spec, start, &sandbox, &volumes).await {
                Ok(()) => self.holds.release(&spec.name),
                Err(NotStarted::GivenUp) => return Err(RoundError::GivenUp),
                Err(NotStarted::Failed { waiting, retry_in }) => {
                    let now = self.shared.clock.monotonic();
                    self.holds.hold(&spec.name, waiting, now, retry_in);
                    next = earliest(next, Some(retry_in));
                }
            }
            mounted = Some(volumes);
        }
        Ok(earliest(next, self.refresh_volumes(pod).await))
    }

    /// All at the same time, each with its own grace.
    async fn kill(&self, pod: &Arc<Pod>, view: &PodView, kills: &[Kill]) -> Result<(), RoundError> {
        let now = self.shared.clock.monotonic();
        let stopper = self.stopper(pod);
        let mut stops = Vec::new();
        for kill in kills {
            let Some(message) = &kill.message else {
                self.shared.runtime.remove_container(&kill.id).await?;
                continue;
            };
            self.normal(pod, Some(&kill.name), "Killing", message);
            let Some(run) = view.containers.iter().find(|run| run.id == kill.id) else {
                continue;
            };
            let until = now + kill.grace.unwrap_or_else(|| grace(pod));
            stops.push(stopper.stop(run, watch::channel(until).1));
        }
        // A deletion stops them anew, with its own grace.
        let stopped = self.unless_terminating(join_all(stops)).await?;
        Ok(stopped.into_iter().collect::<Result<(), _>>()?)
    }

    pub(super) fn stopper(&self, pod: &Arc<Pod>) -> Stopper {
        Stopper {
            shared: self.shared.clone(),
            pod: pod.clone(),
            pod_ip: self.pod_ips.first().cloned().unwrap_or_default(),
        }
    }

    async fn volumes(&mut self, pod: &Pod) -> Result<BTreeMap<String, PathBuf>, RoundError> {
        let mounted = self.unless_terminating(self.mount(pod)).await?;
        self.volumes_at = Some(self.shared.clock.monotonic());
        if let Err(error) = &mounted {
            self.warning(pod, None, "FailedMount", &error.to_string());
        }
        Ok(mounted?)
    }

    async fn mount(&self, pod: &Pod) -> Result<BTreeMap<String, PathBuf>, MountError> {
        let directory = PodPaths::of(&self.shared.options, pod).root.join("volumes");
        let facts = self.facts(pod);
        let cx = VolumeCx {
            facts: &facts,
            references: &*self.shared.references,
            tokens: &self.shared.tokens,
            directory: &directory,
        };
        let volumes = pod.spec.as_ref().and_then(|spec| spec.volumes.as_deref());
        volumes::setup(volumes.unwrap_or_default(), &cx).await
    }

    /// Brings files up to date with what they show; gives when to do it again. Failing keeps the
    /// old files, and the containers go on.
    async fn refresh_volumes(&mut self, pod: &Pod) -> Option<Duration> {
        let volumes = pod.spec.as_ref()?.volumes.as_deref()?;
        volumes.iter().find(|volume| volumes::changes(volume))?;
        let now = self.shared.clock.monotonic();
        let due = self.volumes_at.map_or(now, |at| at + REFRESH);
        if let Some(left) = due.checked_sub(now).filter(|left| !left.is_zero()) {
            return Some(left);
        }
        if let Err(error) = self.volumes(pod).await {
            debug!(pod = pod.metadata.name, %error, "volumes are not up to date");
        }
        Some(REFRESH)
    }

    pub(super) fn facts<'a>(&'a self, pod: &'a Pod) -> PodFacts<'a> {
        PodFacts {
            pod,
            pod_ips: &self.pod_ips,
            host_ip: &self.shared.options.host_ip,
            allocatable: &self.shared.allocatable,
        }
    }

    pub(super) fn normal(&self, pod: &Pod, container: Option<&str>, reason: &str, text: &str) {
        let events = &self.shared.events;
        events.event(pod, container, EventType::Normal, reason, text);
    }

    pub(super) fn warning(&self, pod: &Pod, container: Option<&str>, reason: &str, text: &str) {
        let events = &self.shared.events;
        events.event(pod, container, EventType::Warning, reason, text);
    }
}

/// `terminationGracePeriodSeconds`.
pub(super) fn grace(pod: &Pod) -> Duration {
    let spec = pod.spec.as_ref();
    let seconds = spec.and_then(|spec| spec.termination_grace_period_seconds);
    Duration::from_secs(seconds.unwrap_or(30).max(0).unsigned_abs())
}
