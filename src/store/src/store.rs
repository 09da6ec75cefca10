//! The trait every store implements.

use base::{Shutdown, TraceId};
use futures::stream::BoxStream;

use crate::{Error, KeyValue, Limit, Op, Page, Revision, WatchItem};

/// A future as it crosses a crate's border.
pub type BoxFuture<'a, T> = futures::future::BoxFuture<'a, T>;

/// A watch. It ends after its first error, and never otherwise.
pub type WatchStream = BoxStream<'static, Result<WatchItem, Error>>;

/// A key-value store with one global, gapless revision and history until compaction. All reads
/// and writes are linearizable: a read sees every transaction acknowledged before it began.
pub trait Store: Send + Sync {
    /// The last revision made visible.
    fn revision(&self) -> Revision;

    /// The key now, or as it was at `at`.
    ///
    /// # Errors
    /// [`Error::Compacted`], [`Error::FutureRevision`], [`Error::Io`], [`Error::Damaged`],
    /// [`Error::Closed`].
    fn get<'a>(
        &'a self,
        key: &'a str,
        at: Option<Revision>,
    ) -> BoxFuture<'a, Result<Option<KeyValue>, Error>>;

    /// Keys that start with `prefix`, in order, as many as `limit` allows, after the key `from`
    /// (exclusive: the last key of the page before), now or as they were at `at`. A page that is
    /// full says that there is [`Page::more`].
    ///
    /// # Errors
    /// As [`Store::get`].
    fn list<'a>(
        &'a self,
        prefix: &'a str,
        from: Option<&'a str>,
        at: Option<Revision>,
        limit: Limit,
    ) -> BoxFuture<'a, Result<Page, Error>>;

    /// Does all operations or none. Each that changes something takes its own revision; they are
    /// consecutive and become visible together. Resolves when durable, with the revision of the
    /// last change, or the current one when nothing changed. A future dropped before that leaves
    /// the outcome open, like a lost answer.
    ///
    /// # Errors
    /// [`Error::Conflict`], [`Error::Invalid`] and [`Error::ReadOnly`]: nothing was done.
    /// [`Error::Io`] and [`Error::Closed`]: the outcome is unknown.
    fn txn<'a>(&'a self, ops: Vec<Op>, trace: TraceId) -> BoxFuture<'a, Result<Revision, Error>>;

    /// Every change after `after` to keys that start with `prefix`, in the order of revisions,
    /// without gaps or repeats. [`WatchItem::Progress`] follows as soon as the watch has caught
    /// up for the first time, after [`Store::request_progress`], after a compaction, and every
    /// thousand or so revisions; there is no timer behind it. A slow reader costs no memory: it
    /// is served from history, and ends with [`Error::Compacted`] only when that is gone.
    ///
    /// # Errors
    /// [`Error::Compacted`] when `after` lies before the compacted revision (a watch after
    /// exactly that revision is complete and works), [`Error::FutureRevision`],
    /// [`Error::Closed`].
    fn watch(&self, prefix: &str, after: Revision) -> Result<WatchStream, Error>;

    /// Makes every open watch say [`WatchItem::Progress`] once it has caught up with the revision
    /// of this moment: the source of bookmarks.
    fn request_progress(&self);

    /// Forgets what was superseded or deleted at or before `at`. States at `at` and later stay
    /// readable, and watches after `at` complete. Nothing happens when `at` is already compacted.
    ///
    /// # Errors
    /// [`Error::FutureRevision`], [`Error::ReadOnly`], [`Error::Io`], [`Error::Closed`].
    fn compact(&self, at: Revision) -> BoxFuture<'_, Result<(), Error>>;

    /// Expires keys and compacts history when due, until `shutdown`. The owner runs it in exactly
    /// one task. It sleeps until the time of the next expiry or compaction; when neither is due
    /// it does not wake at all.
    fn upkeep(&self, shutdown: Shutdown) -> BoxFuture<'_, ()>;
}
