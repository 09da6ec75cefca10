//! What a snapshot needs of this store: the state at one revision, record by record, and a new
//! store made of such records.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use base::Clock;

use super::SledStore;
use super::directory::{Directory, at};
use super::disk::Disk;
use super::open;
use super::record::{META_APPLIED, META_COMPACTED, META_FLOOR, Record};
use super::shared::{Shared, missing};
use crate::{Error, Key, OpenError, Options, Revision};

/// How many keys are looked up at a time.
const KEYS: usize = 512;

impl SledStore {
    /// The live records of this moment's revision.
    pub(crate) fn state(&self) -> State {
        let shared = self.shared.clone();
        let revision = shared.read().revision;
        State {
            shared,
            revision,
            keys: VecDeque::new(),
            last: None,
        }
    }
}

/// The live records of a revision in the order of their keys, without their past.
pub(crate) struct State {
    shared: Arc<Shared>,
    revision: Revision,
    keys: VecDeque<(Key, Revision)>,
    last: Option<Key>,
}

impl State {
    pub(crate) fn revision(&self) -> Revision {
        self.revision
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.shared.options.clock
    }

    /// The next record. Blocks.
    ///
    /// # Errors
    /// [`Error::Compacted`] when a compaction has passed the revision.
    pub(crate) fn next(&mut self) -> Result<Option<Record>, Error> {
        if self.keys.is_empty() {
            self.find_keys()?;
        }
        let Some((key, revision)) = self.keys.pop_front() else {
            return Ok(None);
        };
        self.last = Some(key);
        if let Some(record) = self.shared.record(revision)? {
            return Ok(Some(record));
        }
        // Either a compaction took it, or it is damage.
        self.shared.read().readable(Some(self.revision))?;
        Err(missing(revision))
    }

    fn find_keys(&mut self) -> Result<(), Error> {
        let state = self.shared.read();
        state.readable(Some(self.revision))?;
        let (index, last, keys) = (&state.index, self.last.as_deref(), &mut self.keys);
        index.visit("", last, self.revision, |key, version| {
            keys.push_back((key.into(), version.modified));
            match keys.len() {
                KEYS => ControlFlow::Break(()),
                _ => ControlFlow::Continue(()),
            }
        });
        Ok(())
    }
}

impl Shared {
    /// A live record without its past: what came before it and beside it in its transaction.
    fn record(&self, revision: Revision) -> Result<Option<Record>, Error> {
        let record = self.with_disk(|disk| match self.backlog.get(revision) {
            Some(record) => Ok(Some(Record::clone(&record))),
            None => disk.record(revision),
        })?;
        Ok(record.map(|record| Record {
            prev: None,
            left: 0,
            ..record
        }))
    }
}

/// A store being made of records.
pub(crate) struct Restoring {
    directory: Directory,
    disk: Disk,
}

impl Restoring {
    /// An empty store in a new directory.
    pub(crate) fn create(path: &Path) -> Result<Self, OpenError> {
        let directory = Directory::open(path)?;
        let disk = Disk::open(&directory, &Options::new(Clock::system()))?;
        Ok(Self { directory, disk })
    }

    /// Adds records, in any order.
    pub(crate) fn add(&self, records: &[Record]) -> Result<(), OpenError> {
        let mut batch = sled::Batch::default();
        for (key, bytes) in records.iter().flat_map(Record::encode) {
            batch.insert(key, bytes);
        }
        let written = self.disk.write(batch);
        written.map_err(|error| open::failure(&self.directory, error))
    }

    /// Makes it durable; it goes on after `revision` and is compacted up to it.
    pub(crate) fn finish(self, revision: Revision) -> Result<(), OpenError> {
        let mut facts = sled::Batch::default();
        for name in [META_APPLIED, META_COMPACTED, META_FLOOR] {
            facts.insert(name, &revision.0.to_be_bytes());
        }
        let done = self.disk.write(facts).and_then(|()| self.disk.sync());
        done.map_err(|error| open::failure(&self.directory, error))?;
        let path = self.directory.path();
        self.directory.note_acknowledged(revision).map_err(at(path))
    }
}
