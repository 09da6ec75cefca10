//! Expiry and automatic compaction: one loop for every store that keeps both itself.

use std::sync::Arc;
use std::time::Duration;

use base::{Clock, Shutdown, TraceId};
use tokio::sync::Notify;
use tracing::{info, warn};

use crate::{Error, Expect, Key, Op, Revision, Store};

/// What the loop asks of a store.
pub(crate) trait Tended: Store {
    /// Where the time comes from.
    fn clock(&self) -> &Clock;
    /// The least age of history that may be dropped.
    fn history(&self) -> Duration;
    /// Notified when the earliest expiry moved forward, or the first superseded value appeared.
    fn due_moved(&self) -> Arc<Notify>;
    /// The monotonic time of the earliest expiry.
    fn next_expiry(&self) -> Option<Duration>;
    /// Keys expired by `now`, each with the revision whose ttl ran out. They stay listed until
    /// they are deleted.
    fn expired(&self, now: Duration) -> Vec<(Key, Revision)>;
    /// Whether a compaction would drop anything.
    fn has_garbage(&self) -> bool;
}

/// How long a failed deletion or compaction waits for its next attempt.
const RETRY: Duration = Duration::from_secs(10);

/// Runs until `shutdown`.
pub(crate) async fn run(store: &dyn Tended, shutdown: Shutdown) {
    let clock = store.clock();
    let due_moved = store.due_moved();
    // The compaction planned: when, and up to which revision.
    let mut planned: Option<(Duration, Revision)> = None;
    while !shutdown.is_stopping() {
        let now = clock.monotonic();
        let mut retry = None;
        if !expire(store, now).await {
            retry = Some(now + RETRY);
        }
        if let Some((due, at)) = planned
            && now >= due
        {
            planned = match store.compact(at).await {
                Ok(()) => None,
                Err(error) => {
                    warn!(%error, revision = %at, "compaction failed; trying again");
                    Some((now + RETRY, at))
                }
            };
        }
        if planned.is_none() && store.has_garbage() {
            planned = Some((now + store.history(), store.revision()));
        }
        let expiry = retry.or_else(|| store.next_expiry());
        let next = [planned.map(|(due, _)| due), expiry]
            .into_iter()
            .flatten()
            .min();
        tokio::select! {
            () = shutdown.stopping() => {}
            () = due_moved.notified() => {}
            () = sleep_until(clock, next) => {}
        }
    }
}

async fn sleep_until(clock: &Clock, at: Option<Duration>) {
    match at {
        Some(at) => clock.sleep_until(at).await,
        None => futures::future::pending().await,
    }
}

/// Deletes what has expired; false when some could not be deleted at present.
async fn expire(store: &dyn Tended, now: Duration) -> bool {
    let expired = store.expired(now);
    if expired.is_empty() {
        return true;
    }
    info!(keys = expired.len(), "deleting expired keys");
    let deletions = expired.into_iter().map(|(key, revision)| {
        let delete = Op::Delete {
            key,
            expect: Expect::At(revision),
        };
        store.txn(vec![delete], TraceId::NONE)
    });
    let results = futures::future::join_all(deletions).await;
    // A conflict means that the key was written again, with a ttl of its own or none.
    let failure = results
        .into_iter()
        .filter_map(Result::err)
        .find(|error| !matches!(error, Error::Conflict { .. }));
    if let Some(error) = &failure {
        warn!(%error, "could not delete expired keys; trying again");
    }
    failure.is_none()
}
