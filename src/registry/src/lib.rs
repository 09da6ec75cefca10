//! The one registry that serves every kind: the verbs over a store and a row of the table.
//!
//! Owns storage keys and the stored form of an object, resourceVersion semantics, the steps of
//! each write in their order, and the write hooks that rows name.
//!
//! Invariant: no kind is named outside `hooks`. What holds for every kind is written here once;
//! what holds for one is a fact of its row, its strategy, or a hook. Objects come in in the
//! version of the request and go out as they are stored: [`show`] makes the version's of them.
//!
//! It must not know HTTP, media types or who serves it. It is the only crate, beside the root,
//! that imports `store`.

mod aside;
mod codec;
mod commit;
mod continuation;
mod create;
mod delete;
mod deletion;
mod error;
pub mod hooks;
mod key;
mod list;
mod list_watch;
mod managed_fields;
mod metadata;
mod options;
mod peek;
pub mod scale;
mod selection;
mod update;
mod versions;
mod watch;
mod writer;

use std::sync::Arc;

use apimachinery::{Encoded, StatusError};
use base::Clock;
use resources::Resource;
use store::Store;

pub use delete::Deleted;
pub use hooks::Allocation;
pub use list::{ListEnd, ListResult, Listing};
pub use list_watch::RegistryListWatch;
pub use metadata::check_target;
pub use options::{
    DeleteOptions, ListOptions, Preconditions, Propagation, VersionMatch, WatchOptions,
    WriteOptions,
};
pub use update::Change;
pub use versions::show;
pub use watch::EventStream;
pub use writer::Writer;

/// A cheap handle; clones share the store.
#[derive(Clone)]
pub struct Registry {
    store: Arc<dyn Store>,
    clock: Clock,
    allocation: Arc<Allocation>,
    turns: Arc<hooks::quota::Turns>,
    large: Arc<aside::Turns>,
}

/// Which object of a kind.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// Empty for cluster-scoped kinds.
    pub namespace: &'a str,
    pub name: &'a str,
}

impl Registry {
    /// Over an open store. `allocation` says from which ranges the hooks may allocate.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, clock: Clock, allocation: Allocation) -> Self {
        Self {
            store,
            clock,
            allocation: Arc::new(allocation),
            turns: Arc::default(),
            large: Arc::default(),
        }
    }

    /// Does `work`, which goes through a text of so many bytes, where it keeps nobody waiting:
    /// the large ones two at a time, and beside the other tasks of their worker.
    pub async fn aside<F: Future>(&self, bytes: usize, work: F) -> F::Output {
        self.large.work(bytes, work).await
    }

    /// The store's current revision: every answer from now on is at least as new.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.store.revision().0
    }

    /// Makes every open watch say how far it has seen, as a bookmark.
    pub fn request_bookmarks(&self) {
        self.store.request_progress();
    }

    /// Checks that a version which a client names is not ahead of the store.
    ///
    /// # Errors
    /// Timeout with the cause ResourceVersionTooLarge.
    pub fn check_reached(&self, version: u64) -> Result<(), StatusError> {
        let current = self.revision();
        if version > current {
            return Err(error::too_large(version, current));
        }
        Ok(())
    }

    /// One object, as it is stored.
    ///
    /// # Errors
    /// NotFound, or what the store says.
    pub async fn get(
        &self,
        row: &'static Resource,
        target: Target<'_>,
    ) -> Result<Encoded, StatusError> {
        let found = self.find(row, target).await?;
        found.ok_or_else(|| StatusError::not_found(&row.stored_row().group_resource(), target.name))
    }

    /// One object, as it is stored, if there is one.
    ///
    /// # Errors
    /// What the store says.
    pub async fn find(
        &self,
        row: &'static Resource,
        target: Target<'_>,
    ) -> Result<Option<Encoded>, StatusError> {
        let key = key::of(row, target);
        let stored = self.store.get(&key, None).await;
        let stored = stored.map_err(error::from_store)?;
        let decode = |found: store::KeyValue| {
            codec::decode(found.value, found.modified.0, base::TraceId::NONE)
        };
        stored.map(decode).transpose()
    }
}
