//! What a cache must show before a loop may act on it again: the loop's own writes.
//!
//! It stands for upstream's expectations. A create or an update is owed at its revision. A
//! deletion that removed its object at once has no revision in its answer, so the object itself is
//! owed to be gone. After a write whose answer was lost, the revision of a consistent list is.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use api::Kind;
use base::Clock;
use client::{Api, Client, ClientError, ListOptions};
use informer::{Action, Informer, Key, Lister, ReconcileError};
use tracing::warn;

use crate::cx::ControllersCx;
use crate::view::Viewed;
use crate::writes;

/// How long a reconcile waits for the cache before it makes room for other keys.
const PATIENCE: Duration = Duration::from_secs(5);

/// The writes of one loop to one resource, by the key that was being reconciled.
pub(crate) struct Owed {
    informer: Informer,
    api: Api,
    clock: Clock,
    debts: Mutex<HashMap<Key, Debt>>,
}

#[derive(Clone, Debug, Default)]
struct Debt {
    revision: u64,
    /// Objects, with their UIDs, that are gone from the server.
    gone: Vec<(Key, String)>,
    /// A write may or may not have happened.
    unknown: bool,
}

/// What a reconcile finds at its key.
pub(crate) enum Look<K> {
    At(Box<Viewed<K>>),
    /// There is nothing to look at, now or any more.
    Nothing(Action),
}

/// The head of a loop over one kind: the object at the key, once the caches show everything that
/// the loop wrote for it.
///
/// # Errors
/// When the object does not decode, or a list was needed and failed.
pub(crate) async fn look<K: Kind>(
    owed: &[&Owed],
    objects: &Lister<K>,
    key: &Key,
) -> Result<Look<K>, ReconcileError> {
    for owed in owed {
        if !owed.settled(key).await? {
            return Ok(Look::Nothing(Action::RequeueAfter(owed.patience())));
        }
    }
    let Some(object) = objects.informer().get(key) else {
        return Ok(Look::Nothing(Action::Done));
    };
    let object = Viewed::of(&object).map_err(writes::unreadable)?;
    Ok(Look::At(Box::new(object)))
}

impl Owed {
    /// For writes of one kind, by `client`.
    pub(crate) fn new<K: Kind>(cx: &ControllersCx, client: &Client) -> Self {
        Self {
            informer: cx.informers.of(&K::GVR),
            api: client.typed::<K>().api().clone(),
            clock: cx.clock.clone(),
            debts: Mutex::default(),
        }
    }

    /// Notes a write.
    pub(crate) fn wrote(&self, key: &Key, revision: u64) {
        self.change(key, |debt| debt.revision = debt.revision.max(revision));
    }

    /// Notes that an object was removed.
    pub(crate) fn removed(&self, key: &Key, object: Key, uid: &str) {
        self.change(key, |debt| debt.gone.push((object, uid.to_owned())));
    }

    /// Notes a failure: one whose outcome is unknown may have been a write.
    pub(crate) fn failed(&self, key: &Key, error: &ClientError) {
        if error.outcome_unknown() {
            self.change(key, |debt| debt.unknown = true);
        }
    }

    /// Whether the cache shows every write noted for the key; waits a little for it. When it
    /// does not, an event will bring the key back, or the caller does after [`PATIENCE`].
    ///
    /// # Errors
    /// When a list was needed and failed.
    pub(crate) async fn settled(&self, key: &Key) -> Result<bool, ReconcileError> {
        let Some(debt) = self.debts().get(key).cloned() else {
            return Ok(true);
        };
        let mut revision = debt.revision;
        if debt.unknown {
            let one = ListOptions {
                limit: Some(1),
                ..ListOptions::default()
            };
            revision = revision.max(self.api.list(&one).await?.revision);
            self.change(key, |debt| {
                debt.revision = revision;
                debt.unknown = false;
            });
        }
        let caught_up = self.informer.caught_up(revision);
        if self.clock.timeout(PATIENCE, caught_up).await.is_err() {
            let resource = &self.informer.resource().resource;
            warn!(%key, %resource, revision, "the cache does not show what was written");
            return Ok(false);
        }
        let there = |(object, uid): &(Key, String)| {
            let cached = self.informer.get(object);
            cached.is_some_and(|cached| cached.head().is_ok_and(|h| h.metadata.uid == *uid))
        };
        if debt.gone.iter().any(there) {
            return Ok(false);
        }
        self.debts().remove(key);
        Ok(true)
    }

    /// How long after an unsettled look the next one is due, should no event come before.
    pub(crate) fn patience(&self) -> Duration {
        PATIENCE
    }

    fn change(&self, key: &Key, change: impl FnOnce(&mut Debt)) {
        change(self.debts().entry(key.clone()).or_default());
    }

    fn debts(&self) -> MutexGuard<'_, HashMap<Key, Debt>> {
        self.debts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
