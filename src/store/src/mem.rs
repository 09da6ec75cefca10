//! The store in memory: nothing survives the process. Written for obviousness, not for speed: it
//! is the model [`crate::SledStore`] is compared with, so the two share no code but types.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base::{Clock, Shutdown, TraceId};
use futures::FutureExt;
use futures::stream::{self, StreamExt};
use tokio::sync::{Notify, watch};

use crate::upkeep::{self, Tended};
use crate::{
    BoxFuture, Error, Event, Key, KeyValue, Op, Options, Page, Revision, Store, WatchItem,
    WatchStream,
};

/// Every so many revisions all watches say how far they are.
const PROGRESS_STRIDE: u64 = 1000;

/// A store in memory.
pub struct MemStore {
    shared: Arc<Shared>,
}

struct Shared {
    options: Options,
    state: Mutex<State>,
    /// Changes with every commit, compaction and progress request; closed with the store.
    bell: Mutex<Option<watch::Sender<u64>>>,
    due_moved: Arc<Notify>,
}

#[derive(Clone, Default)]
struct State {
    revision: Revision,
    compacted: Revision,
    /// Every change since the compaction, and before it those that still hold.
    log: BTreeMap<Revision, Arc<Event>>,
    /// The revisions in `log` of each key, ascending.
    keys: BTreeMap<Key, Vec<Revision>>,
    /// Monotonic time of expiry and the revision that set it.
    expiries: BTreeSet<(Duration, Revision)>,
    progress_requests: u64,
}

impl MemStore {
    /// An empty store.
    #[must_use]
    pub fn new(options: Options) -> Self {
        let state = State {
            revision: Revision::INITIAL,
            ..State::default()
        };
        Self::with_state(options, state)
    }

    /// A new store with this one's state, as if it had been closed and opened again.
    #[must_use]
    pub fn reopened(self, options: Options) -> Self {
        let state = self.shared.lock().clone();
        Self::with_state(options, state)
    }

    fn with_state(options: Options, state: State) -> Self {
        let shared = Arc::new(Shared {
            options,
            state: Mutex::new(state),
            bell: Mutex::new(Some(watch::Sender::new(0))),
            due_moved: Arc::new(Notify::new()),
        });
        Self { shared }
    }
}

impl Drop for MemStore {
    fn drop(&mut self) {
        self.shared
            .bell
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ring_bell(&self) {
        let bell = self.bell.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bell) = bell.as_ref() {
            bell.send_modify(|count| *count += 1);
        }
    }
}

impl State {
    fn readable(&self, at: Option<Revision>) -> Result<Revision, Error> {
        let at = at.unwrap_or(self.revision);
        if at > self.revision {
            return Err(Error::FutureRevision {
                current: self.revision,
            });
        }
        if at < self.compacted {
            return Err(Error::Compacted {
                oldest: self.compacted,
            });
        }
        Ok(at)
    }

    fn read(&self, key: &str, at: Revision) -> Option<KeyValue> {
        let revision = self
            .keys
            .get(key)?
            .iter()
            .rev()
            .find(|revision| **revision <= at)?;
        as_key_value(&self.log[revision])
    }

    fn commit(&mut self, ops: &[Op], trace: TraceId, now: Duration) -> Result<Revision, Error> {
        let mut changed: HashMap<Key, Option<KeyValue>> = HashMap::new();
        let mut events = Vec::new();
        let mut expiries = Vec::new();
        let mut revision = self.revision;
        for (index, op) in ops.iter().enumerate() {
            if op.key().is_empty() {
                return Err(Error::Invalid("a key is empty"));
            }
            let current = match changed.get(op.key()) {
                Some(current) => current.clone(),
                None => self.read(op.key(), self.revision),
            };
            if !op
                .expect()
                .holds(current.as_ref().map(|current| current.modified))
            {
                return Err(Error::Conflict { op: index, current });
            }
            let Some(event) = effect(op, current, revision.next(), trace) else {
                continue;
            };
            revision = revision.next();
            if let Op::Put { ttl: Some(ttl), .. } = op {
                expiries.push((now.saturating_add(*ttl), revision));
            }
            changed.insert(op.key().clone(), as_key_value(&event));
            events.push(Arc::new(event));
        }
        for event in events {
            self.keys
                .entry(event.key.clone())
                .or_default()
                .push(event.modified);
            self.log.insert(event.modified, event);
        }
        self.expiries.extend(expiries);
        // A watch of a quiet kind must not fall behind the compaction.
        self.progress_requests += revision.0 / PROGRESS_STRIDE - self.revision.0 / PROGRESS_STRIDE;
        self.revision = revision;
        Ok(revision)
    }

    fn compact(&mut self, at: Revision) {
        self.compacted = at;
        let log = &mut self.log;
        self.keys.retain(|_, revisions| {
            let superseded = revisions.iter().filter(|revision| **revision <= at).count();
            // The last one at or before the compaction still holds, unless it is a deletion.
            let holds = superseded > 0 && log[&revisions[superseded - 1]].value.is_some();
            for dropped in revisions.drain(..superseded - usize::from(holds)) {
                log.remove(&dropped);
            }
            !revisions.is_empty()
        });
    }

    fn page(&self, prefix: &str, from: Option<&str>, at: Revision, limit: usize) -> Page {
        let start = match from {
            Some(from) if from >= prefix => Bound::Excluded(from),
            _ => Bound::Included(prefix),
        };
        let mut items: Vec<KeyValue> = self
            .keys
            .range::<str, _>((start, Bound::Unbounded))
            .take_while(|(key, _)| key.starts_with(prefix))
            .filter_map(|(key, _)| self.read(key, at))
            .collect();
        let limit = if limit == 0 {
            items.len()
        } else {
            limit.min(items.len())
        };
        let remaining = items.split_off(limit).len();
        Page {
            items,
            more: remaining > 0,
            revision: at,
            remaining: Some(remaining as u64),
        }
    }
}

fn effect(op: &Op, prev: Option<KeyValue>, modified: Revision, trace: TraceId) -> Option<Event> {
    let created = prev.as_ref().map_or(modified, |prev| prev.created);
    let value = match op {
        Op::Put { value, .. } => Some(value.clone()),
        Op::Delete { .. } if prev.is_some() => None,
        Op::Delete { .. } | Op::Check { .. } => return None,
    };
    Some(Event {
        key: op.key().clone(),
        value,
        prev,
        created,
        modified,
        trace,
    })
}

fn as_key_value(event: &Event) -> Option<KeyValue> {
    Some(KeyValue {
        key: event.key.clone(),
        value: event.value.clone()?,
        created: event.created,
        modified: event.modified,
    })
}

/// A watch: the position it has yielded everything up to, and what it knows of the bell.
struct Watcher {
    shared: Arc<Shared>,
    bell: watch::Receiver<u64>,
    prefix: String,
    position: Revision,
    /// The count of progress requests answered; `None` before the first answer.
    answered: Option<u64>,
    finished: bool,
}

impl Watcher {
    async fn next(mut self) -> Option<(Result<WatchItem, Error>, Self)> {
        loop {
            if self.finished {
                return None;
            }
            self.bell.borrow_and_update();
            match self.poll() {
                Ok(Some(item)) => return Some((Ok(item), self)),
                Ok(None) => {}
                Err(error) => {
                    self.finished = true;
                    return Some((Err(error), self));
                }
            }
            if self.bell.changed().await.is_err() {
                self.finished = true;
                return Some((Err(Error::Closed), self));
            }
        }
    }

    fn poll(&mut self) -> Result<Option<WatchItem>, Error> {
        let state = self.shared.lock();
        if self.position < state.compacted {
            return Err(Error::Compacted {
                oldest: state.compacted,
            });
        }
        let mut later = state
            .log
            .range((Bound::Excluded(self.position), Bound::Unbounded));
        if let Some((revision, event)) = later.find(|(_, e)| e.key.starts_with(&self.prefix)) {
            self.position = *revision;
            return Ok(Some(WatchItem::Event(event.clone())));
        }
        self.position = state.revision;
        let asked = state.progress_requests;
        if self.answered != Some(asked) {
            self.answered = Some(asked);
            return Ok(Some(WatchItem::Progress(self.position)));
        }
        Ok(None)
    }
}

impl Store for MemStore {
    fn revision(&self) -> Revision {
        self.shared.lock().revision
    }

    fn get<'a>(
        &'a self,
        key: &'a str,
        at: Option<Revision>,
    ) -> BoxFuture<'a, Result<Option<KeyValue>, Error>> {
        async move {
            let state = self.shared.lock();
            state.readable(at).map(|at| state.read(key, at))
        }
        .boxed()
    }

    fn list<'a>(
        &'a self,
        prefix: &'a str,
        from: Option<&'a str>,
        at: Option<Revision>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Page, Error>> {
        async move {
            let state = self.shared.lock();
            state
                .readable(at)
                .map(|at| state.page(prefix, from, at, limit))
        }
        .boxed()
    }

    fn txn<'a>(&'a self, ops: Vec<Op>, trace: TraceId) -> BoxFuture<'a, Result<Revision, Error>> {
        async move {
            let result = self
                .shared
                .lock()
                .commit(&ops, trace, self.clock().monotonic());
            self.shared.ring_bell();
            self.shared.due_moved.notify_one();
            result
        }
        .boxed()
    }

    fn watch(&self, prefix: &str, after: Revision) -> Result<WatchStream, Error> {
        self.shared.lock().readable(Some(after))?;
        let bell = self
            .shared
            .bell
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let watcher = Watcher {
            shared: self.shared.clone(),
            bell: bell.as_ref().ok_or(Error::Closed)?.subscribe(),
            prefix: prefix.to_owned(),
            position: after,
            answered: None,
            finished: false,
        };
        Ok(stream::unfold(watcher, Watcher::next).boxed())
    }

    fn request_progress(&self) {
        self.shared.lock().progress_requests += 1;
        self.shared.ring_bell();
    }

    fn compact(&self, at: Revision) -> BoxFuture<'_, Result<(), Error>> {
        async move {
            {
                let mut state = self.shared.lock();
                if at > state.revision {
                    return Err(Error::FutureRevision {
                        current: state.revision,
                    });
                }
                if at > state.compacted {
                    state.compact(at);
                    state.progress_requests += 1;
                }
            }
            self.shared.ring_bell();
            Ok(())
        }
        .boxed()
    }

    fn upkeep(&self, shutdown: Shutdown) -> BoxFuture<'_, ()> {
        upkeep::run(self, shutdown).boxed()
    }
}

impl Tended for MemStore {
    fn clock(&self) -> &Clock {
        &self.shared.options.clock
    }

    fn history(&self) -> Duration {
        self.shared.options.history
    }

    fn due_moved(&self) -> Arc<Notify> {
        self.shared.due_moved.clone()
    }

    fn next_expiry(&self) -> Option<Duration> {
        self.shared.lock().expiries.first().map(|(due, _)| *due)
    }

    fn expired(&self, now: Duration) -> Vec<(Key, Revision)> {
        let mut guard = self.shared.lock();
        let state = &mut *guard;
        let keys = &state.keys;
        let log = &state.log;
        let current = |revision: &Revision| {
            let event = log.get(revision)?;
            (keys.get(&event.key)?.last() == Some(revision)).then(|| event.key.clone())
        };
        // What has been overwritten or deleted meanwhile expires no more.
        state
            .expiries
            .retain(|(due, revision)| *due > now || current(revision).is_some());
        let due = state.expiries.iter().take_while(|(due, _)| *due <= now);
        due.filter_map(|(_, revision)| Some((current(revision)?, *revision)))
            .collect()
    }

    fn has_garbage(&self) -> bool {
        // A deletion never stands alone: what it deleted is dropped together with it.
        let state = self.shared.lock();
        state.log.len() > state.keys.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{self, Factory};

    struct InMemory;

    impl Factory for InMemory {
        type Store = MemStore;

        fn create(&self, options: Options) -> MemStore {
            MemStore::new(options)
        }

        fn reopen(&self, store: MemStore, options: Options) -> MemStore {
            store.reopened(options)
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn passes_the_suite() {
        testing::run_all(&InMemory).await;
    }
}
