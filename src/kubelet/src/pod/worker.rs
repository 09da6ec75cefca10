//! One task per pod: brings what runs in line with what is wanted, one step after the other.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use api::Kind;
use api::core::Pod;
use base::Backoff;
use client::ClientError;
use tokio::sync::{Notify, watch};
use tracing::{debug, warn};

use super::backoff::RestartBackoff;
use super::holds::Holds;
use super::status::Waiting;
use crate::metrics::Work;
use crate::probe::Probes;
use crate::shared::Shared;
use crate::volumes::MountError;

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

/// Why a round did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum RoundError {
    /// The pod is to be deleted, or the kubelet ends; nothing has failed.
    #[error("given up for the pod's end")]
    GivenUp,
    /// The spec asks for something that this node cannot give; running without it could harm.
    #[error("{0}")]
    Unsupported(&'static str),
    #[error(transparent)]
    Runtime(#[from] cri::Error),
    #[error(transparent)]
    Network(#[from] network::Error),
    #[error(transparent)]
    Cgroup(#[from] crate::cgroup::Error),
    #[error(transparent)]
    Volume(#[from] MountError),
    #[error(transparent)]
    Api(#[from] ClientError),
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// How a worker ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Nothing of the pod is left on the node.
    Removed,
    /// The kubelet ends; the pod goes on.
    Abandoned,
}

/// The worker's side of a pod.
pub struct Worker {
    pub(super) shared: Arc<Shared>,
    pub(super) wanted: watch::Receiver<Wanted>,
    /// The runtime or a probe has news of this pod.
    pub(super) wake: Arc<Notify>,
    images: watch::Receiver<u64>,
    pub(super) restarts: RestartBackoff,
    pub(super) pulls: RestartBackoff,
    /// By image: why its last pull failed.
    pub(super) pull_errors: BTreeMap<String, String>,
    /// Containers that do not run, and when to try them again.
    pub(super) holds: Holds,
    pub(super) probes: Probes,
    pub(super) pod_ips: Vec<String>,
    /// The pod was ended by the node.
    pub(super) failed: Option<Waiting>,
    /// As the API answered the last status: newer than what the informer may have seen.
    pub(super) written: Option<Arc<Pod>>,
    /// Whether a look at what runs has been taken since this worker began.
    pub(super) recovered: bool,
    /// The events of the pod's end have been written.
    pub(super) announced: bool,
    /// What a finished pod held of the node has been given back.
    pub(super) released: bool,
    /// When the volumes were last brought up to date.
    pub(super) volumes_at: Option<Duration>,
    /// What the next round counts as.
    next_work: Work,
    /// When the pod was first seen, until it runs.
    pub(super) seen_at: Option<Duration>,
    retry: Backoff,
    /// After a failed round: no sooner than this, unless the spec changes.
    retry_at: Option<Duration>,
    generation: Option<i64>,
}

impl Worker {
    pub fn new(shared: Arc<Shared>, wanted: watch::Receiver<Wanted>, wake: Arc<Notify>) -> Self {
        let now = shared.clock.monotonic();
        Self {
            images: shared.images_arrived.clone(),
            probes: Probes::new(shared.clone(), wake.clone()),
            shared,
            wanted,
            wake,
            restarts: RestartBackoff::default(),
            pulls: RestartBackoff::default(),
            pull_errors: BTreeMap::new(),
            holds: Holds::default(),
            pod_ips: Vec::new(),
            failed: None,
            written: None,
            recovered: false,
            announced: false,
            released: false,
            volumes_at: None,
            next_work: Work::Create,
            seen_at: Some(now),
            retry: Backoff::new(RETRY_FIRST, RETRY_LAST),
            retry_at: None,
            generation: None,
        }
    }

    /// Works until the pod has been stopped and everything of it removed.
    pub async fn run(mut self) -> End {
        loop {
            let wanted = self.wanted.borrow_and_update().clone();
            self.images.mark_unchanged();
            let began = self.shared.clock.monotonic();
            let work = if wanted.is_terminating() {
                Work::Kill
            } else {
                std::mem::replace(&mut self.next_work, Work::Sync)
            };
            let next = if wanted.is_terminating() {
                let terminated = self.terminate(&wanted).await;
                self.worked(work, began);
                match terminated {
                    Ok(()) => return End::Removed,
                    Err(RoundError::GivenUp) => None,
                    Err(error) => {
                        let pod = &wanted.pod().metadata;
                        warn!(pod = pod.name, %error, "stopping a pod failed");
                        Some(self.retry.next_delay())
                    }
                }
            } else {
                let next = self.sync(wanted.pod()).await;
                self.worked(work, began);
                next
            };
            if !self.wait(next).await {
                return End::Abandoned;
            }
        }
    }

    fn worked(&self, work: Work, began: Duration) {
        let took = self.shared.clock.monotonic().saturating_sub(began);
        self.shared.metrics.worked(work, took);
    }

    /// The pod as it was last seen: by the informer, or in the answer to the last status.
    pub(super) fn newest(&self, pod: &Arc<Pod>) -> Arc<Pod> {
        let latest = self.wanted.borrow().pod().clone();
        let candidates = [Some(latest), self.written.clone()];
        let same = |candidate: &Arc<Pod>| candidate.uid() == pod.uid();
        let newer = candidates.into_iter().flatten().filter(same);
        newer
            .max_by_key(|candidate| candidate.revision())
            .unwrap_or_else(|| pod.clone())
    }

    /// Waits for work that may take long, but not beyond the pod's deletion.
    ///
    /// Only for work that may be dropped half done: the runtime's and the network's calls go on
    /// unseen when nobody waits, and would bring back what the end of the pod removes.
    pub(super) async fn unless_terminating<T>(
        &self,
        work: impl Future<Output = T>,
    ) -> Result<T, RoundError> {
        let mut wanted = self.wanted.clone();
        tokio::select! {
            biased;
            // A closed channel is the kubelet's end.
            _ = wanted.wait_for(Wanted::is_terminating) => Err(RoundError::GivenUp),
            done = work => Ok(done),
        }
    }

    /// # Errors
    /// [`RoundError::GivenUp`] when the pod is to be deleted or the kubelet ends.
    pub(super) fn go_on(&self) -> Result<(), RoundError> {
        let ends = self.wanted.has_changed().is_err() || self.wanted.borrow().is_terminating();
        if ends {
            Err(RoundError::GivenUp)
        } else {
            Ok(())
        }
    }

    /// Sleeps until something is new; false when the kubelet ends.
    async fn wait(&mut self, next: Option<Duration>) -> bool {
        let clock = self.shared.clock.clone();
        let waits_for_image = self.holds.wait_for_image();
        tokio::select! {
            changed = self.wanted.changed() => changed.is_ok(),
            () = self.wake.notified() => true,
            () = clock.sleep(next.unwrap_or_default()), if next.is_some() => true,
            Ok(()) = self.images.changed(), if waits_for_image => {
                // New images are tried at once, whatever the back-off says.
                self.pulls = RestartBackoff::default();
                self.holds.forget_images();
                true
            }
        }
    }

    /// Brings the pod one round forward; says when to look again.
    async fn sync(&mut self, pod: &Arc<Pod>) -> Option<Duration> {
        let generation = pod.metadata.generation;
        if std::mem::replace(&mut self.generation, generation) != generation {
            // What failed may be what was changed.
            self.holds.clear();
            self.retry_at = None;
        }
        let now = self.shared.clock.monotonic();
        let left = self.retry_at.and_then(|at| at.checked_sub(now));
        if let Some(left) = left.filter(|left| !left.is_zero()) {
            return Some(left);
        }
        match self.round(pod).await {
            Ok(next) => {
                self.retry.reset();
                self.retry_at = None;
                next
            }
            Err(RoundError::GivenUp) => None,
            Err(error) => {
                debug!(pod = pod.metadata.name, %error, "a round of the pod worker failed");
                let delay = self.retry.next_delay();
                self.retry_at = Some(now.saturating_add(delay));
                Some(delay)
            }
        }
    }
}

/// The nearer of two times to look again.
pub(super) fn earliest(a: Option<Duration>, b: Option<Duration>) -> Option<Duration> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}
