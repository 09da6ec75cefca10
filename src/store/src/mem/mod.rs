//! The store in memory: nothing survives the process. Written for obviousness, not for speed: it
//! is the model [`crate::SledStore`] is compared with, so the two share no code but types.

mod state;
mod watcher;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base::{Clock, Shutdown, TraceId};
use futures::FutureExt;
use futures::stream::{self, StreamExt};
use tokio::sync::{Notify, watch};

use self::state::State;
use self::watcher::Watcher;
use crate::upkeep::{self, Tended};
use crate::{
    BoxFuture, Error, Key, KeyValue, Limit, Op, Options, Page, Revision, Store, WatchStream,
};

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
        limit: Limit,
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
        let state = self.shared.lock();
        let due = state.expiries.iter().take_while(|(due, _)| *due <= now);
        due.map(|(_, revision)| (state.log[revision].key.clone(), *revision))
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

    #[tokio::test]
    async fn waits_for_no_value_that_is_gone() {
        testing::waits_for_no_value_that_is_gone(&InMemory).await;
    }
}
