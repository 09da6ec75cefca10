//! From changes to reconciles: the loop that every controller runs.

use std::sync::Arc;
use std::time::Duration;

use apimachinery::{Encoded, StatusError};
use base::{Shutdown, TraceId};
use client::ClientError;
use futures::future::{BoxFuture, join_all};
use tracing::{Instrument, debug, info_span, warn};

use crate::index::Owned;
use crate::informer::{Change, Informer};
use crate::key::Key;
use crate::workqueue::WorkQueue;

/// What a successful reconcile wants next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Nothing until something changes.
    Done,
    /// Another look at a time it can name.
    RequeueAfter(Duration),
}

/// Why a reconcile failed; it is tried again with back-off.
#[derive(Debug, thiserror::Error)]
pub enum ReconcileError {
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error(transparent)]
    Status(#[from] StatusError),
    #[error("{0}")]
    Other(String),
}

impl ReconcileError {
    /// Another writer was first, or the object is gone: the next look will settle it.
    #[must_use]
    pub fn is_expected(&self) -> bool {
        match self {
            Self::Client(error) => error.is_conflict() || error.is_not_found(),
            Self::Status(error) => error.is_conflict() || error.is_not_found(),
            Self::Other(_) => false,
        }
    }
}

/// Level-based: looks at what is, decides, acts. The key says where to look.
pub trait Reconciler: Send + Sync {
    fn reconcile<'a>(
        &'a self,
        key: &'a Key,
        trace: TraceId,
    ) -> BoxFuture<'a, Result<Action, ReconcileError>>;
}

/// A queue and its workers.
pub struct Controller {
    name: &'static str,
    queue: WorkQueue,
    waits_for: Vec<Informer>,
    workers: usize,
}

impl Controller {
    /// `name` is the loop's, for the log.
    #[must_use]
    pub fn new(name: &'static str, queue: WorkQueue) -> Self {
        Self {
            name,
            queue,
            waits_for: Vec::new(),
            workers: 5,
        }
    }

    /// How many keys are worked on at once.
    #[must_use]
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = workers;
        self
    }

    /// Reconciles every object of this informer that changes.
    #[must_use]
    pub fn watches(self, informer: &Informer) -> Self {
        self.watches_by(informer, |change| {
            Key::of(change.object()).into_iter().collect()
        })
    }

    /// Reconciles the keys that a change maps to. Nothing runs before the informer has synced.
    #[must_use]
    pub fn watches_by(
        mut self,
        informer: &Informer,
        keys: impl Fn(&Change<'_>) -> Vec<Key> + Send + Sync + 'static,
    ) -> Self {
        let queue = self.queue.clone();
        informer.on_change(move |change| {
            for key in keys(change) {
                queue.add(key, change.object().trace);
            }
        });
        self.waits_for.push(informer.clone());
        self
    }

    /// Reconciles the controlling owner of a kind, old and new, whenever what it owns changes.
    #[must_use]
    pub fn owns(self, informer: &Informer, owner_kind: &'static str) -> Self {
        self.watches_by(informer, move |change| {
            let old = match change {
                Change::Modified { old, .. } => owner(old, owner_kind),
                Change::Added(_) | Change::Deleted(_) => None,
            };
            let new = owner(change.object(), owner_kind);
            let old = old.filter(|old| new.as_ref() != Some(old));
            new.into_iter().chain(old).collect()
        })
    }

    /// The queue, for keys that come from elsewhere.
    #[must_use]
    pub fn queue(&self) -> WorkQueue {
        self.queue.clone()
    }

    /// Runs until shutdown.
    pub async fn run(self, reconciler: Arc<dyn Reconciler>, shutdown: Shutdown) {
        for informer in &self.waits_for {
            tokio::select! {
                () = informer.synced() => {}
                () = shutdown.stopping() => return,
            }
        }
        debug!(controller = self.name, "started");
        let workers = (0..self.workers).map(|_| {
            let worker = worker(self.name, self.queue.clone(), reconciler.clone());
            base::tasks::spawn(self.name, worker)
        });
        let workers: Vec<_> = workers.collect();
        shutdown.stopping().await;
        self.queue.close();
        join_all(workers).await;
    }
}

fn owner(object: &Encoded, kind: &str) -> Option<Key> {
    let owned = Owned::of(object)?;
    let mut owners = owned.owners().iter();
    let owner = owners.find(|owner| owner.controller == Some(true) && owner.kind == kind)?;
    Some(Key::new(&owned.metadata.namespace, &owner.name))
}

async fn worker(name: &'static str, queue: WorkQueue, reconciler: Arc<dyn Reconciler>) {
    while let Some((key, trace)) = queue.next().await {
        let span = info_span!("reconcile", controller = name, %key, %trace);
        let reconciled = base::tasks::catch(name, reconciler.reconcile(&key, trace));
        match reconciled.instrument(span).await {
            Some(Ok(action)) => {
                queue.forget(&key);
                if let Action::RequeueAfter(delay) = action {
                    queue.add_after(key.clone(), delay);
                }
            }
            Some(Err(error)) => {
                if error.is_expected() {
                    debug!(controller = name, %key, %error, "a reconcile is tried again");
                } else {
                    warn!(controller = name, %key, %error, "a reconcile failed and is tried again");
                }
                queue.add_rate_limited(key.clone());
            }
            // The panic is in the log; the key is not given up.
            None => queue.add_rate_limited(key.clone()),
        }
        queue.done(&key);
    }
}
