//! A store in memory with something between it and its callers, for the tests of those.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use base::{Shutdown, TraceId};

use crate::{BoxFuture, Error, KeyValue, Limit, MemStore, Op, Page, Revision, Store, WatchStream};

/// `layer` sees reads and writes before `store` does.
pub struct Layered<L> {
    pub store: MemStore,
    pub layer: L,
}

/// What happens between; by default nothing.
pub trait Layer: Send + Sync {
    /// In place of [`Store::get`].
    fn get<'a>(
        &'a self,
        store: &'a MemStore,
        key: &'a str,
        at: Option<Revision>,
    ) -> BoxFuture<'a, Result<Option<KeyValue>, Error>> {
        store.get(key, at)
    }

    /// After [`Store::list`].
    fn listed<'a>(&'a self, page: Page) -> BoxFuture<'a, Page> {
        Box::pin(std::future::ready(page))
    }

    /// In place of [`Store::txn`].
    fn txn<'a>(
        &'a self,
        store: &'a MemStore,
        ops: Vec<Op>,
        trace: TraceId,
    ) -> BoxFuture<'a, Result<Revision, Error>> {
        store.txn(ops, trace)
    }
}

impl<L: Layer> Store for Layered<L> {
    fn revision(&self) -> Revision {
        self.store.revision()
    }

    fn get<'a>(
        &'a self,
        key: &'a str,
        at: Option<Revision>,
    ) -> BoxFuture<'a, Result<Option<KeyValue>, Error>> {
        self.layer.get(&self.store, key, at)
    }

    fn list<'a>(
        &'a self,
        prefix: &'a str,
        from: Option<&'a str>,
        at: Option<Revision>,
        limit: Limit,
    ) -> BoxFuture<'a, Result<Page, Error>> {
        Box::pin(async move {
            let page = self.store.list(prefix, from, at, limit).await?;
            Ok(self.layer.listed(page).await)
        })
    }

    fn txn<'a>(&'a self, ops: Vec<Op>, trace: TraceId) -> BoxFuture<'a, Result<Revision, Error>> {
        self.layer.txn(&self.store, ops, trace)
    }

    fn watch(&self, prefix: &str, after: Revision) -> Result<WatchStream, Error> {
        self.store.watch(prefix, after)
    }

    fn request_progress(&self) {
        self.store.request_progress();
    }

    fn compact(&self, at: Revision) -> BoxFuture<'_, Result<(), Error>> {
        self.store.compact(at)
    }

    fn upkeep(&self, shutdown: Shutdown) -> BoxFuture<'_, ()> {
        self.store.upkeep(shutdown)
    }
}

/// Lets others go on in the middle of every read and write, and counts the writes.
#[derive(Default)]
pub struct Slow {
    pub writes: AtomicUsize,
    pub conflicts: AtomicUsize,
}

impl Layer for Slow {
    fn get<'a>(
        &'a self,
        store: &'a MemStore,
        key: &'a str,
        at: Option<Revision>,
    ) -> BoxFuture<'a, Result<Option<KeyValue>, Error>> {
        Box::pin(async move {
            let found = store.get(key, at).await;
            tokio::task::yield_now().await;
            found
        })
    }

    fn listed<'a>(&'a self, page: Page) -> BoxFuture<'a, Page> {
        Box::pin(async move {
            tokio::task::yield_now().await;
            page
        })
    }

    fn txn<'a>(
        &'a self,
        store: &'a MemStore,
        ops: Vec<Op>,
        trace: TraceId,
    ) -> BoxFuture<'a, Result<Revision, Error>> {
        Box::pin(async move {
            tokio::task::yield_now().await;
            let written = store.txn(ops, trace).await;
            let counter = match &written {
                Err(Error::Conflict { .. }) => &self.conflicts,
                _ => &self.writes,
            };
            counter.fetch_add(1, Relaxed);
            written
        })
    }
}
