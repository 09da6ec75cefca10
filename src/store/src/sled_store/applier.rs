//! The thread that feeds sled: takes records from the backlog, makes sled durable so that the
//! write-ahead log can be used again, and does the work of compactions. While nothing is due it
//! sleeps, and sled is left alone.

use std::collections::VecDeque;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;

use tracing::{error, info};

use super::backlog::{Compaction, Job};
use super::directory::Directory;
use super::disk::Disk;
use super::record::{META_APPLIED, META_COMPACTED, META_FLOOR, Record};
use super::shared::Shared;
use super::writer::{Answer, answer, fault};
use crate::{Error, Revision};

/// How many records a compaction removes before anything else gets its turn.
const REMOVED_AT_ONCE: usize = 64;

pub(crate) struct Applier {
    shared: Arc<Shared>,
    directory: Arc<Directory>,
    /// Records without meaning, still to be removed from disk.
    removals: VecDeque<Revision>,
    /// Who waits for the removals.
    compactions: Vec<Answer<()>>,
}

impl Applier {
    pub(crate) fn new(
        shared: Arc<Shared>,
        directory: Arc<Directory>,
        removals: Vec<Revision>,
    ) -> Self {
        Self {
            shared,
            directory,
            removals: removals.into(),
            compactions: Vec::new(),
        }
    }

    /// Works until the backlog is closed.
    pub(crate) fn run(mut self) {
        loop {
            let job = match self.shared.backlog.next(!self.removals.is_empty()) {
                Job::Close => return,
                job => job,
            };
            // Sled panics where its files surprise it; the writer shall hear of that too.
            let done = panic::catch_unwind(AssertUnwindSafe(|| self.perform(job)))
                .unwrap_or_else(|_| Err(Error::damaged("sled gave up; the log says why")));
            if let Err(cause) = done {
                error!(%cause, path = %self.directory.path().display(), "cannot move writes on");
                self.shared.backlog.fail(&cause);
                for sender in self.compactions.drain(..) {
                    answer(sender, Err(cause.clone()));
                }
            }
        }
    }

    fn perform(&mut self, job: Job) -> Result<(), Error> {
        match job {
            Job::Apply(records) => self.apply(&records),
            Job::Sync => self.sync(),
            Job::Compact(compaction) => self.compact(compaction),
            Job::Remove => self.remove_some(),
            Job::Close => Ok(()),
        }
    }

    fn apply(&self, records: &[Arc<Record>]) -> Result<(), Error> {
        let (Some(first), Some(last)) = (records.first(), records.last()) else {
            return Ok(());
        };
        fault("store::before-apply")?;
        self.shared.with_disk(|disk| {
            if self.shared.backlog.last_applied().next() != first.revision {
                // The files were opened again meanwhile; the backlog says what comes next.
                return Ok(());
            }
            let mut changes = disk.changes();
            for (key, bytes) in records.iter().flat_map(|record| record.encode()) {
                let len = bytes.len();
                changes.put(key, bytes, len)?;
            }
            changes.put(META_APPLIED, &last.revision.0.to_be_bytes(), 0)?;
            changes.finish()?;
            // Before anybody can put other files in the place of these.
            self.shared.backlog.applied(last.revision);
            Ok(())
        })
    }

    fn sync(&self) -> Result<(), Error> {
        self.shared.with_disk(|disk| self.sync_disk(disk))
    }

    fn sync_disk(&self, disk: &Disk) -> Result<(), Error> {
        fault("store::before-apply-sync")?;
        disk.sync()?;
        self.shared.backlog.note_synced();
        Ok(())
    }

    fn compact(&mut self, compaction: Compaction) -> Result<(), Error> {
        let Compaction { at, answer: to, .. } = compaction;
        if at <= self.shared.read().compacted {
            answer(to, Ok(()));
            return Ok(());
        }
        if let Err(error) = self.store_compaction(at) {
            answer(to, Err(error.clone()));
            return Err(error);
        }
        let mut state = self.shared.write();
        state.compacted = at;
        let garbage = state.index.compact(at);
        drop(state);
        info!(revision = %at, records = garbage.len(), "compacted");
        self.removals.extend(garbage);
        self.shared.ask_progress();
        if self.removals.is_empty() {
            answer(to, Ok(()));
        } else {
            self.compactions.push(to);
        }
        Ok(())
    }

    /// First on disk, then in memory: a state that readers were told is gone stays gone.
    fn store_compaction(&self, at: Revision) -> Result<(), Error> {
        let applied = self.shared.backlog.last_applied();
        let mut facts = sled::Batch::default();
        facts.insert(META_COMPACTED, &at.0.to_be_bytes());
        facts.insert(META_FLOOR, &applied.0.to_be_bytes());
        fault("store::before-compact")?;
        // In one step: another sled in between would sync what it never heard of.
        self.shared.with_disk(|disk| {
            disk.write(facts)?;
            self.sync_disk(disk)
        })?;
        let noted = self.directory.note_acknowledged(applied);
        noted.map_err(|error| Error::io("noting the revision", error))?;
        fault("store::after-compact")
    }

    fn remove_some(&mut self) -> Result<(), Error> {
        let some = self.removals.len().min(REMOVED_AT_ONCE);
        let last = some == self.removals.len();
        self.shared.with_disk(|disk| {
            fault("store::before-remove")?;
            disk.purge(self.removals.range(..some))
        })?;
        self.removals.drain(..some);
        if last {
            self.sync()?;
            for sender in self.compactions.drain(..) {
                answer(sender, Ok(()));
            }
        }
        Ok(())
    }
}
