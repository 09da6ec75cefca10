//! What readers, watches and the writer share, and how values are read.

use std::io;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{Notify, Semaphore, watch};

use super::backlog::Backlog;
use super::cache::ValueCache;
use super::disk::Disk;
use super::expiries::Expiries;
use super::index::{Index, Version};
use super::plan::{Batch, Now};
use super::ring::{self, Rings};
use crate::{Error, Event, Key, KeyValue, Options, Revision};

/// Every so many revisions all watches say how far they are, so that a watch of a quiet kind does
/// not fall behind the compaction.
const PROGRESS_STRIDE: u64 = 1000;

/// Shared between a store, its watches and its writer.
pub(crate) struct Shared {
    pub options: Options,
    /// Locked for moments only, never across a read of the disk.
    pub state: RwLock<State>,
    pub cache: ValueCache,
    /// Looked into before the disk.
    pub backlog: Backlog,
    /// `None` once the store is closed, and after a failure when it could not be opened again.
    /// Held for writing while that is tried.
    pub disk: RwLock<Option<Disk>>,
    /// How many may read the disk at once. A permit belongs to the thread that reads, not to who
    /// waits for it and may go away.
    pub readers: Arc<Semaphore>,
    pub nudge: watch::Sender<Nudge>,
    pub due_moved: Arc<Notify>,
}

/// What is published: durable, and visible to all.
pub(crate) struct State {
    pub revision: Revision,
    pub compacted: Revision,
    pub index: Index,
    pub rings: Rings,
    pub expiries: Expiries,
}

/// A word to all watches.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Nudge {
    /// Raised to ask for progress.
    pub count: u64,
    /// The store is closed.
    pub closed: bool,
}

impl State {
    /// The revision that a read at `at` is answered from.
    pub(crate) fn readable(&self, at: Option<Revision>) -> Result<Revision, Error> {
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

    fn apply(&mut self, event: Event, due: Option<Duration>) {
        let version = match event.value {
            Some(_) => Version {
                created: event.created,
                modified: event.modified,
            },
            None => Version::deletion(event.modified),
        };
        let before = self.index.apply(&event.key, version);
        self.expiries.apply(&event.key, before, event.modified, due);
        self.revision = event.modified;
        self.rings.push(Arc::new(event));
    }
}

impl Shared {
    pub(crate) fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn now(&self) -> Now {
        let wall = self.options.clock.wall().as_millisecond();
        Now {
            // A clock before 1970 reads as 1970.
            wall_ms: u64::try_from(wall).unwrap_or(0),
            monotonic: self.options.clock.monotonic(),
        }
    }

    /// Runs `f` on the disk; blocks.
    pub(crate) fn with_disk<T>(
        &self,
        f: impl FnOnce(&Disk) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let disk = self.disk.read().unwrap_or_else(PoisonError::into_inner);
        match disk.as_ref() {
            Some(disk) => f(disk),
            None if self.nudge.borrow().closed => Err(Error::Closed),
            None => Err(Error::io(
                "reading",
                io::Error::other("the files could not be opened again"),
            )),
        }
    }

    /// The value that `revision` wrote, from cache or disk; `None` when it has been compacted
    /// away. Blocks.
    pub(crate) fn value(&self, revision: Revision) -> Result<Option<Bytes>, Error> {
        if let Some(value) = self.cache.get(revision) {
            return Ok(Some(value));
        }
        let value = self.stored(revision)?;
        if let Some(value) = &value {
            self.cache.insert(revision, value.clone());
        }
        Ok(value)
    }

    /// As [`Shared::value`], not from the cache.
    pub(crate) fn stored(&self, revision: Revision) -> Result<Option<Bytes>, Error> {
        let waiting = || {
            let record = self.backlog.get(revision)?;
            Some(record.value.clone().unwrap_or_default())
        };
        if let Some(value) = waiting() {
            return Ok(Some(value));
        }
        // Once more: sled, opened again meanwhile, may lack what the backlog then has again.
        self.with_disk(|disk| match waiting() {
            Some(value) => Ok(Some(value)),
            None => disk.value(revision),
        })
    }

    /// What is published of a key, for the writer: a compaction never takes what is. Blocks.
    pub(crate) fn current(&self, key: &str) -> Result<Option<KeyValue>, Error> {
        let Some(version) = self.read().index.latest(key) else {
            return Ok(None);
        };
        let value = self
            .value(version.modified)?
            .ok_or_else(|| missing(version.modified))?;
        Ok(Some(key_value(key.into(), version, value)))
    }

    /// Makes a durable batch visible, all at once, and wakes who waits for it.
    pub(crate) fn publish(&self, batch: Batch) {
        // Nobody can ask for these revisions yet, and readers need not wait for it.
        for change in &batch.changes {
            if let Some(value) = &change.event.value {
                self.cache.insert(change.event.modified, value.clone());
            }
        }
        let mut kinds: Vec<Box<str>> = Vec::new();
        let mut state = self.write();
        let before = (state.revision, state.next_due());
        for change in batch.changes {
            let event = change.event;
            let kind = ring::kind_of(&event.key);
            if !kinds.iter().any(|known| **known == *kind) {
                kinds.push(kind.into());
            }
            state.apply(event, change.expiry.map(|(_, due)| due));
        }
        let after = (state.revision, state.next_due());
        for kind in &kinds {
            state.rings.announce(kind);
        }
        drop(state);
        if before.1 != after.1 {
            self.due_moved.notify_one();
        }
        if before.0.0 / PROGRESS_STRIDE != after.0.0 / PROGRESS_STRIDE {
            self.ask_progress();
        }
    }

    pub(crate) fn ask_progress(&self) {
        self.nudge.send_modify(|nudge| nudge.count += 1);
    }
}

impl State {
    /// What upkeep waits for: the earliest expiry, and whether there is garbage.
    fn next_due(&self) -> (Option<Duration>, bool) {
        (self.expiries.next(), self.index.has_garbage())
    }
}

pub(crate) fn key_value(key: Key, version: Version, value: Bytes) -> KeyValue {
    KeyValue {
        key,
        value,
        created: version.created,
        modified: version.modified,
    }
}

/// A record that the index knows is not on disk.
pub(crate) fn missing(revision: Revision) -> Error {
    Error::damaged(format!("the record of revision {revision} is missing"))
}
