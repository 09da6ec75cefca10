//! Sled, used so that what it has acknowledged is on the disk.
//!
//! Sled 0.34's `flush` does not sync the file on Linux (`sync_file_range` only), which loses every
//! acknowledged write in a power cut; so [`Disk::sync`] follows it with an fdatasync of its own.
//!
//! Sled also writes over segments, and cuts its file, once what moved out of them is flushed, which
//! to it means durable. A power cut then finds neither the old place nor the new one, and sled
//! panics. It looks at segments one segment back from its log's end, so the log must never grow by
//! more than a segment without our sync: [`Changes`] counts. Its background flusher, which moves
//! pages about as it pleases, stays off.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, SystemTime};

use base::fsio;
use bytes::{Bytes, BytesMut};
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use tracing::debug;

use super::directory::{Directory, at};
use super::pages::{self, Walk};
use super::record::{self, Head, Record};
use crate::{Error, OpenError, Options, Revision};

/// Fixed when a database is created; sled refuses any other afterwards.
const SEGMENT_SIZE: usize = 512 << 10;

/// How many changes sled notes beside a leaf.
const LEAF_CHANGES: usize = 10;
/// What an item takes in sled's log beyond its value.
const ITEM: usize = 64;
/// A leaf with items of this size may have so few that their removal alone is less.
const LARGE: usize = 1000;

/// How often, and how long apart, is looked whether sled's lock is free.
const LOCK_TRIES: usize = 10_000;
const LOCK_PAUSE: Duration = Duration::from_millis(1);

/// Sled's files, open.
pub(crate) struct Disk {
    db: sled::Db,
    /// The file all is in, for our own sync. Held open, so that no write-back error is missed.
    file: File,
    blobs: PathBuf,
    blobs_synced: Mutex<SystemTime>,
}

impl Disk {
    /// Opens sled's files in `directory`, making them first where there are none.
    pub(crate) fn open(directory: &Directory, options: &Options) -> Result<Self, OpenError> {
        let path = directory.sled();
        if !path.exists() {
            create(directory, options)?;
        }
        let db = open_sled(&path, options)?;
        let file = path.join("db");
        let blobs = path.join("blobs");
        let disk = Self {
            db,
            blobs_synced: Mutex::new(SystemTime::UNIX_EPOCH),
            file: File::open(&file).map_err(at(&file))?,
            blobs,
        };
        // What was recovered is about to be shown to readers: make sure that it stays.
        disk.file.sync_data().map_err(at(&file))?;
        fsio::sync_directory(&path).map_err(at(&path))?;
        Ok(disk)
    }

    /// Writes a few items, all or none after a crash. Not durable before [`Disk::sync`].
    pub(crate) fn write(&self, batch: sled::Batch) -> Result<(), Error> {
        self.db
            .apply_batch(batch)
            .map_err(|error| failure("writing", error))
    }

    /// Many changes, in order, made durable as they go.
    pub(crate) fn changes(&self) -> Changes<'_> {
        Changes {
            disk: self,
            batch: sled::Batch::default(),
            cost: 0,
        }
    }

    /// Makes all writes so far durable.
    pub(crate) fn sync(&self) -> Result<(), Error> {
        self.db
            .flush()
            .map_err(|error| failure("flushing", error))?;
        self.file
            .sync_data()
            .map_err(|error| Error::io("syncing", error))?;
        self.sync_blobs()
            .map_err(|error| Error::io("syncing", error))
    }

    /// Chunks keep every item small enough for sled's log. Should sled move a leaf into a file of
    /// its own all the same, that file is synced too; else this costs one `stat`.
    fn sync_blobs(&self) -> io::Result<()> {
        let changed = fs::metadata(&self.blobs)?.modified()?;
        let mut synced = self
            .blobs_synced
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if changed == *synced {
            return Ok(());
        }
        for entry in fs::read_dir(&self.blobs)? {
            match File::open(entry?.path()) {
                Ok(file) => file.sync_data()?,
                // Sled removes a blob once its log says so, which the sync above has made last.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        fsio::sync_directory(&self.blobs)?;
        *synced = changed;
        Ok(())
    }

    /// The record of `revision`, if there is one.
    pub(crate) fn record(&self, revision: Revision) -> Result<Option<Record>, Error> {
        let item = self.db.get(record::record_key(revision));
        let Some(bytes) = item.map_err(|error| failure("reading", error))? else {
            return Ok(None);
        };
        let head = Head::decode(revision, &bytes)?;
        let Some(value) = self.value(revision)? else {
            return Ok(None);
        };
        Ok(Some(Record {
            revision,
            key: head.key.into(),
            value: (!head.deletion).then_some(value),
            created: head.created,
            prev: head.prev,
            left: head.left,
            trace: head.trace,
            expiry: head.expiry,
        }))
    }

    /// The value written at `revision`; `None` when there is no such record.
    pub(crate) fn value(&self, revision: Revision) -> Result<Option<Bytes>, Error> {
        let key = record::record_key(revision);
        let Some(bytes) = self
            .db
            .get(key)
            .map_err(|error| failure("reading", error))?
        else {
            return Ok(None);
        };
        pages::count_one(&self.db, &key, bytes.len()).map_err(|error| failure("reading", error))?;
        let head = Head::decode(revision, &bytes)?;
        if head.chunks == 0 {
            return Ok(Some(Bytes::copy_from_slice(head.inline)));
        }
        let mut value = BytesMut::with_capacity(head.value_len);
        value.extend_from_slice(head.inline);
        let mut walk = Walk::default();
        for chunk in 1..=head.chunks {
            let key = record::chunk_key(revision, chunk);
            let found = self.db.get(key);
            match found.map_err(|error| failure("reading", error))? {
                Some(bytes) => {
                    let counted = walk.count(&self.db, &key, bytes.len());
                    counted.map_err(|error| failure("reading", error))?;
                    value.extend_from_slice(&bytes);
                }
                // A compaction has removed the record with its chunks; the caller looks again.
                None if self.gone(revision)? => return Ok(None),
                None => return Err(missing_chunk(revision, chunk)),
            }
        }
        if value.len() != head.value_len {
            return Err(Error::damaged(format!(
                "the value of revision {revision} is cut"
            )));
        }
        Ok(Some(value.freeze()))
    }

    fn gone(&self, revision: Revision) -> Result<bool, Error> {
        let key = record::record_key(revision);
        Ok(!self
            .db
            .contains_key(key)
            .map_err(|error| failure("reading", error))?)
    }

    /// Calls `each` with every record after `after`, in order, until it answers false.
    pub(crate) fn scan(
        &self,
        after: Revision,
        mut each: impl FnMut(Revision, &Head<'_>) -> Result<bool, Error>,
    ) -> Result<(), Error> {
        let mut walk = Walk::default();
        for item in self.db.range(record::record_key(after.next())..) {
            let (key, bytes) = item.map_err(|error| failure("reading", error))?;
            let counted = walk.count(&self.db, &key, bytes.len());
            counted.map_err(|error| failure("reading", error))?;
            let Some(revision) = record::revision_of(&key) else {
                continue;
            };
            if !each(revision, &Head::decode(revision, &bytes)?)? {
                break;
            }
        }
        Ok(())
    }

    /// A store-wide fact.
    pub(crate) fn meta(&self, name: &[u8]) -> Result<Revision, Error> {
        let Some(bytes) = self
            .db
            .get(name)
            .map_err(|error| failure("reading", error))?
        else {
            return Ok(Revision::ZERO);
        };
        let bytes = bytes.as_ref().try_into();
        let bytes = bytes.map_err(|_| Error::damaged("a store-wide revision is malformed"))?;
        Ok(Revision(u64::from_be_bytes(bytes)))
    }

    /// Removes records and their chunks durably, in this order. Gives the keys that are gone, and
    /// how long their items were.
    pub(crate) fn remove<'a>(
        &self,
        revisions: impl Iterator<Item = &'a Revision>,
    ) -> Result<Vec<(sled::IVec, usize)>, Error> {
        let mut removed = Vec::new();
        let mut changes = self.changes();
        for revision in revisions {
            let range = record::record_key(*revision)..record::record_key(revision.next());
            for item in self.db.range(range) {
                let (key, value) = item.map_err(|error| failure("reading", error))?;
                removed.push((key.clone(), value.len()));
                changes.remove(key, value.len())?;
            }
        }
        changes.finish()?;
        Ok(removed)
    }

    /// As [`Disk::remove`], so that the room can be used again.
    ///
    /// Sled notes changes beside a leaf, and writes the leaf anew, without what was removed, at
    /// each tenth. The leaves of old revisions are never touched again, so what is removed last
    /// would stay: all of it where values are so large that a leaf has but a few. Changes that
    /// cancel out get leaves past that. What a crash leaves of them is a key nobody looks at.
    pub(crate) fn purge<'a>(
        &self,
        revisions: impl Iterator<Item = &'a Revision>,
    ) -> Result<(), Error> {
        let removed = self.remove(revisions)?;
        for round in 0..LEAF_CHANGES / 2 {
            let large = removed
                .iter()
                .filter(|(_, len)| round == 0 || *len >= LARGE);
            let mut changes = self.changes();
            for (key, len) in large.clone() {
                changes.put([&**key, &[0]].concat(), Vec::new(), *len)?;
            }
            changes.finish()?;
            for (key, len) in large {
                changes.remove([&**key, &[0]].concat(), *len)?;
            }
            changes.finish()?;
        }
        Ok(())
    }
}

/// Changes that are written and synced before sled's log has grown by a segment.
pub(crate) struct Changes<'a> {
    disk: &'a Disk,
    batch: sled::Batch,
    cost: usize,
}

impl Changes<'_> {
    /// Puts an item into a leaf whose items have about `len` bytes.
    pub(crate) fn put(
        &mut self,
        key: impl Into<sled::IVec>,
        value: impl Into<sled::IVec>,
        len: usize,
    ) -> Result<(), Error> {
        self.batch.insert(key, value);
        self.count(len)
    }

    /// Removes an item from such a leaf.
    fn remove(&mut self, key: impl Into<sled::IVec>, len: usize) -> Result<(), Error> {
        self.batch.remove(key);
        self.count(len)
    }

    /// A change costs itself, and a tenth of its leaf of some 25 items.
    fn count(&mut self, len: usize) -> Result<(), Error> {
        self.cost += 4 * (len + ITEM);
        if self.cost >= SEGMENT_SIZE * 3 / 4 {
            self.finish()?;
        }
        Ok(())
    }

    /// Makes what is left durable.
    pub(crate) fn finish(&mut self) -> Result<(), Error> {
        self.cost = 0;
        self.disk.write(std::mem::take(&mut self.batch))?;
        self.disk.sync()
    }
}

/// Makes sled's files under another name and gives them theirs when they are whole.
fn create(directory: &Directory, options: &Options) -> Result<(), OpenError> {
    let (path, unborn) = (directory.sled(), directory.sled_unborn());
    match fs::remove_dir_all(&unborn) {
        Ok(()) => debug!(path = %unborn.display(), "removed what an earlier creation left"),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(source) => {
            return Err(OpenError::Io {
                path: unborn,
                source,
            });
        }
    }
    fs::create_dir(&unborn).map_err(at(&unborn))?;
    drop(open_sled(&unborn, options)?);
    for name in ["conf", "db"] {
        let file = unborn.join(name);
        File::open(&file)
            .and_then(|file| file.sync_all())
            .map_err(at(&file))?;
    }
    fsio::sync_directory(&unborn).map_err(at(&unborn))?;
    fs::rename(&unborn, &path).map_err(at(&path))?;
    fsio::sync_directory(directory.path()).map_err(at(directory.path()))
}

fn open_sled(path: &Path, options: &Options) -> Result<sled::Db, OpenError> {
    let file = path.join("db");
    wait_for_lock(&file).map_err(at(&file))?;
    let config = sled::Config::new()
        .path(path)
        .cache_capacity(options.page_cache_bytes)
        .segment_size(SEGMENT_SIZE)
        .flush_every_ms(None);
    config.open().map_err(|error| match error {
        sled::Error::Io(source) => OpenError::Io {
            path: path.to_owned(),
            source,
        },
        other => OpenError::Damaged {
            path: path.to_owned(),
            problem: other.to_string(),
        },
    })
}

/// Waits until nobody has sled's file open any more: its own threads, and a child of this process
/// that is about to execute, may hold its lock for a moment after it is dropped. Who holds it for
/// longer is for sled's next opening to say.
pub(crate) fn wait_for_lock(file: &Path) -> io::Result<()> {
    let file = match File::open(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        opened => opened?,
    };
    for _ in 0..LOCK_TRIES {
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Err(Errno::WOULDBLOCK) => thread::park_timeout(LOCK_PAUSE),
            // Not left to the closing, which a child that is about to execute may delay again.
            locked => return Ok(locked.and_then(|()| flock(&file, FlockOperation::Unlock))?),
        }
    }
    Ok(())
}

fn failure(doing: &'static str, error: sled::Error) -> Error {
    match error {
        sled::Error::Io(source) => Error::io(doing, source),
        other => Error::damaged(other.to_string()),
    }
}

fn missing_chunk(revision: Revision, chunk: u16) -> Error {
    Error::damaged(format!(
        "chunk {chunk} of the value of revision {revision} is missing"
    ))
}
