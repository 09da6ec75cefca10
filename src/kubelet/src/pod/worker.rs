//! One task per pod: brings what runs in line with what is wanted, one step after the other.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use api::core::Pod;
use base::Backoff;
use tokio::sync::{Notify, watch};
use tracing::{debug, warn};

use super::backoff::RestartBackoff;
use super::config::{identity, is_host_network};
use super::plan::{Plan, SandboxStep, plan};
use super::status::{Facts, Waiting, compute};
use super::view::PodView;
use crate::shared::Shared;

/// A failed round is tried again after this long at first, and at last.
const RETRY_FIRST: Duration = Duration::from_secs(1);
const RETRY_LAST: Duration = Duration::from_secs(60);

/// What is wanted of a pod.
#[derive(Clone, Debug)]
pub enum Wanted {
    /// As its spec says; stopped when it carries a deletion timestamp.
    Pod(Arc<Pod>),
    /// The object is gone from the API: stop what runs of its last known state.
    Gone(Arc<Pod>),
}

impl Wanted {
    pub fn pod(&self) -> &Arc<Pod> {
        match self {
            Self::Pod(pod) | Self::Gone(pod) => pod,
        }
    }

    pub fn is_terminating(&self) -> bool {
        match self {
            Self::Pod(pod) => pod.metadata.deletion_timestamp.is_some(),
            Self::Gone(_) => true,
        }
    }
}

/// The worker's side of a pod.
pub struct Worker {
    pub(super) shared: Arc<Shared>,
    wanted: watch::Receiver<Wanted>,
    /// The runtime has news of this pod.
    wake: Arc<Notify>,
    pub(super) restarts: RestartBackoff,
    pub(super) pulls: RestartBackoff,
    /// By container name: why it does not run.
    pub(super) waiting: BTreeMap<String, Waiting>,
    pub(super) pod_ips: Vec<String>,
    /// The node has refused the pod.
    refused: Option<Waiting>,
    retry: Backoff,
}

impl Worker {
    pub fn new(shared: Arc<Shared>, wanted: watch::Receiver<Wanted>, wake: Arc<Notify>) -> Self {
        Self {
            shared,
            wanted,
            wake,
            restarts: RestartBackoff::default(),
            pulls: RestartBackoff::default(),
            waiting: BTreeMap::new(),
            pod_ips: Vec::new(),
            refused: None,
            retry: Backoff::new(RETRY_FIRST, RETRY_LAST),
        }
    }

    /// A receiver of its own on what is wanted.
    pub(super) fn updates(&self) -> watch::Receiver<Wanted> {
        self.wanted.clone()
    }

    /// Works until the pod has been stopped and everything of it removed.
    pub async fn run(mut self) {
        loop {
            let wanted = self.wanted.borrow_and_update().clone();
            let next = if wanted.is_terminating() {
                match self.terminate(&wanted).await {
                    Ok(()) => return,
                    Err(why) => {
                        warn!(
                            pod = wanted.pod().metadata.name,
                            why, "stopping a pod failed"
                        );
                        Some(self.retry.next_delay())
                    }
                }
            } else {
                self.sync_unless_terminating(wanted.pod()).await
            };
            if !self.wait(next).await {
                return;
            }
        }
    }

    /// A sync may hang on a pull; a deletion does not wait for it.
    async fn sync_unless_terminating(&mut self, pod: &Pod) -> Option<Duration> {
        let mut wanted = self.wanted.clone();
        tokio::select! {
            next = self.sync(pod) => next,
            // A closed channel is the kubelet's end: the sync is given up as well.
            _ = wanted.wait_for(Wanted::is_terminating) => Some(Duration::ZERO),
        }
    }

    /// Sleeps until something is new; false when the kubelet ends.
    async fn wait(&mut self, next: Option<Duration>) -> bool {
        let clock = self.shared.clock.clone();
        let mut images = self.shared.images_arrived.clone();
        let waits_for_image = self.waiting.values().any(|w| w.reason.contains("Image"));
        tokio::select! {
            changed = self.wanted.changed() => changed.is_ok(),
            () = self.wake.notified() => true,
            () = clock.sleep(next.unwrap_or_default()), if next.is_some() => true,
            arrived = images.changed(), if waits_for_image => {
                // New images are tried at once, whatever the back-off says.
                self.pulls = RestartBackoff::default();
                arrived.is_ok() || self.wanted.has_changed().is_ok()
            }
        }
    }

    /// Brings the pod one round forward; says when to look again.
    async fn sync(&mut self, pod: &Pod) -> Option<Duration> {
        match self.round(pod).await {
            Ok(next) => {
                self.retry.reset();
                next
            }
            Err(why) => {
                debug!(
                    pod = pod.metadata.name,
                    why, "a round of the pod worker failed"
                );
                Some(self.retry.next_delay())
            }
        }
    }

    async fn round(&mut self, pod: &Pod) -> Result<Option<Duration>, String> {
        let (_, _, uid) = identity(pod);
        let view = PodView::read(&*self.shared.runtime, uid)
            .await
            .map_err(text)?;
        self.recover_addresses(pod, &view).await;
        let now = self.shared.clock.wall();
        let plan = plan(pod, &view, &self.restarts, now);
        self.note_waiting(pod, &plan);
        if plan.sandbox != SandboxStep::Keep || !plan.start.is_empty() {
            self.publish(pod, &view).await?;
        }
        let acted = self.act(pod, &view, &plan).await;
        let view = PodView::read(&*self.shared.runtime, uid)
            .await
            .map_err(text)?;
        self.publish(pod, &view).await?;
        self.remove_old_runs(&view).await;
        let next = acted?;
        let earliest = |a: Option<Duration>, b: Option<Duration>| match (a, b) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        Ok(earliest(next, plan.again_after))
    }

    /// After a restart of rk3s the addresses are those that the network remembers.
    async fn recover_addresses(&mut self, pod: &Pod, view: &PodView) {
        if !self.pod_ips.is_empty() || view.ready_sandbox().is_none() {
            return;
        }
        if is_host_network(pod) {
            self.pod_ips = vec![self.shared.options.node_ip.to_string()];
        } else if let Ok(attachment) = self.shared.network.check(identity(pod).2).await {
            self.pod_ips = attachment.ips.iter().map(ToString::to_string).collect();
        }
    }

    fn note_waiting(&mut self, pod: &Pod, plan: &Plan) {
        let (namespace, name, uid) = identity(pod);
        self.waiting
            .retain(|_, waiting| waiting.reason != "CrashLoopBackOff");
        for container in plan.backing_off.keys() {
            let delay = crate::duration::go(self.restarts.delay(container));
            let message = format!(
                "back-off {delay} restarting failed container={container} pod={name}_{namespace}({uid})"
            );
            let reason = "CrashLoopBackOff".to_owned();
            self.waiting
                .insert(container.clone(), Waiting { reason, message });
            self.warning(pod, Some(container), "BackOff", &format!(
                "Back-off restarting failed container {container} in pod {name}_{namespace}({uid})"
            ));
        }
    }

    /// Writes the status when it differs from what the API has.
    pub(super) async fn publish(&mut self, pod: &Pod, view: &PodView) -> Result<(), String> {
        self.publish_as(pod, view, false).await
    }

    pub(super) async fn publish_as(
        &mut self,
        pod: &Pod,
        view: &PodView,
        stopped: bool,
    ) -> Result<(), String> {
        let latest = self.wanted.borrow().pod().clone();
        let base = if latest.metadata.uid == pod.metadata.uid {
            &*latest
        } else {
            pod
        };
        let status = compute(
            base,
            &Facts {
                view,
                waiting: &self.waiting,
                ready: &BTreeMap::new(),
                pod_ips: &self.pod_ips,
                host_ip: &self.shared.options.host_ip,
                failed: self.refused.as_ref(),
                stopped,
                now: self.shared.clock.wall(),
            },
        );
        super::publish::publish(&self.shared.client, base, &status).await
    }

    /// Keeps the newest run of each container and the one before, as `logs --previous` needs.
    async fn remove_old_runs(&self, view: &PodView) {
        let mut seen: BTreeMap<&str, u32> = BTreeMap::new();
        for run in &view.containers {
            let count = seen.entry(&run.metadata.name).or_default();
            *count += 1;
            if *count > 2 && run.state == cri::ContainerState::Exited {
                if let Err(error) = self.shared.runtime.remove_container(&run.id).await {
                    debug!(container = run.id, %error, "an old run stays for now");
                }
                // Its log goes with it: nothing refers to it any more.
                if let Err(error) = std::fs::remove_file(&run.log_path) {
                    debug!(log = %run.log_path.display(), %error, "an old log stays");
                }
            }
        }
    }
}

pub(super) fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
