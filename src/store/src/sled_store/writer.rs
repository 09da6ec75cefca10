//! The one writer: a thread that takes all waiting transactions as a batch, writes them, syncs
//! once, publishes, and only then answers.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, PoisonError};

use base::TraceId;
use base::failpoint;
use tokio::sync::{mpsc, oneshot};
use tracing::{error, info, warn};

use super::directory::Directory;
use super::disk::Disk;
use super::health::{self, Found, Health};
use super::plan::Batch;
use super::record::{META_COMPACTED, META_FLOOR};
use super::shared::Shared;
use crate::{Error, Op, Revision};

/// A batch is closed when its values reach this size.
const BATCH_BYTES: usize = 8 << 20;
/// How many records a compaction removes before waiting transactions get their turn.
const REMOVED_AT_ONCE: usize = 256;

type Answer<T> = oneshot::Sender<Result<T, Error>>;

/// A transaction that waits.
pub(crate) struct Txn {
    pub ops: Vec<Op>,
    pub trace: TraceId,
    pub answer: Answer<Revision>,
}

/// What the writer is asked to do.
pub(crate) enum Command {
    Txn(Txn),
    Compact(Revision, Answer<()>),
}

/// The writer's own state. Dropping it closes the files, then the lock.
pub(crate) struct Writer {
    shared: Arc<Shared>,
    directory: Directory,
    commands: mpsc::Receiver<Command>,
    health: Health,
    /// Records without meaning, still to be removed from disk.
    removals: VecDeque<Revision>,
    /// Who waits for the removals.
    compactions: Vec<Answer<()>>,
}

enum Work {
    Serve(Command),
    Remove,
}

impl Writer {
    pub(crate) fn new(
        shared: Arc<Shared>,
        directory: Directory,
        commands: mpsc::Receiver<Command>,
        removals: Vec<Revision>,
    ) -> Self {
        Self {
            shared,
            directory,
            commands,
            health: Health::Good,
            removals: removals.into(),
            compactions: Vec::new(),
        }
    }

    /// Works until every sender of commands is gone.
    pub(crate) fn run(mut self) {
        while let Some(work) = self.wait() {
            match work {
                Work::Serve(Command::Txn(txn)) => self.serve(txn),
                Work::Serve(Command::Compact(at, answer)) => self.compact(at, answer),
                Work::Remove => self.remove_some(),
            }
        }
    }

    fn wait(&mut self) -> Option<Work> {
        if self.removals.is_empty() || !matches!(self.health, Health::Good) {
            return self.commands.blocking_recv().map(Work::Serve);
        }
        match self.commands.try_recv() {
            Ok(command) => Some(Work::Serve(command)),
            Err(mpsc::error::TryRecvError::Empty) => Some(Work::Remove),
            Err(mpsc::error::TryRecvError::Disconnected) => None,
        }
    }

    fn serve(&mut self, first: Txn) {
        let mut bytes = size(&first);
        let mut txns = vec![first];
        let mut compaction = None;
        while bytes < BATCH_BYTES && compaction.is_none() {
            match self.commands.try_recv() {
                Ok(Command::Txn(txn)) => {
                    bytes += size(&txn);
                    txns.push(txn);
                }
                Ok(Command::Compact(at, answer)) => compaction = Some((at, answer)),
                Err(_) => break,
            }
        }
        self.commit(txns);
        if let Some((at, answer)) = compaction {
            self.compact(at, answer);
        }
    }

    fn commit(&mut self, txns: Vec<Txn>) {
        if let Err(error) = self.ready() {
            for txn in txns {
                answer(txn.answer, Err(error.clone()));
            }
            return;
        }
        let now = self.shared.now();
        let mut batch = Batch::new(self.shared.read().revision);
        let mut outcomes = Vec::with_capacity(txns.len());
        for txn in txns {
            let read = |key: &str| self.shared.current(key);
            outcomes.push((txn.answer, batch.add(txn.ops, txn.trace, now, read)));
        }
        // Even a conflict is answered only now: it may name a value of this batch.
        let durable = self.persist(&batch);
        match &durable {
            Ok(()) => self.shared.publish(batch),
            Err(error) => self.fail(error),
        }
        let durable = durable.and_then(|()| fault("store::before-resolve"));
        for (sender, outcome) in outcomes {
            answer(sender, durable.clone().and(outcome));
        }
    }

    fn persist(&self, batch: &Batch) -> Result<(), Error> {
        if batch.changes.is_empty() {
            return Ok(());
        }
        let mut items = sled::Batch::default();
        for change in &batch.changes {
            for (key, bytes) in change.record().encode() {
                items.insert(key, bytes);
            }
        }
        fault("store::before-write")?;
        self.shared.with_disk(|disk| disk.write(items))?;
        fault("store::before-sync")?;
        self.shared.with_disk(Disk::sync)?;
        fault("store::before-publish")
    }

    fn compact(&mut self, at: Revision, sender: Answer<()>) {
        match self.compact_index(at) {
            Ok(true) if !self.removals.is_empty() => self.compactions.push(sender),
            Ok(_) => answer(sender, Ok(())),
            Err(error) => answer(sender, Err(error)),
        }
    }

    /// Compacts what readers see, and lists the records to remove; false when there was nothing
    /// to do.
    fn compact_index(&mut self, at: Revision) -> Result<bool, Error> {
        let (revision, compacted) = {
            let state = self.shared.read();
            (state.revision, state.compacted)
        };
        if at > revision {
            return Err(Error::FutureRevision { current: revision });
        }
        if at <= compacted {
            return Ok(false);
        }
        self.ready()?;
        let stored = self.store_compaction(at);
        if let Err(error) = stored {
            self.fail(&error);
            return Err(error);
        }
        let mut state = self.shared.write();
        state.compacted = at;
        let garbage = state.index.compact(at);
        drop(state);
        info!(revision = %at, records = garbage.len(), "compacted");
        self.removals.extend(garbage);
        self.shared.ask_progress();
        Ok(true)
    }

    /// First on disk, then in memory: a state that readers were told is gone stays gone.
    fn store_compaction(&self, at: Revision) -> Result<(), Error> {
        let revision = self.shared.read().revision;
        let mut facts = sled::Batch::default();
        facts.insert(META_COMPACTED, &at.0.to_be_bytes());
        facts.insert(META_FLOOR, &revision.0.to_be_bytes());
        fault("store::before-compact")?;
        self.shared.with_disk(|disk| {
            disk.write(facts)?;
            disk.sync()
        })?;
        let noted = self.directory.note_acknowledged(revision);
        noted.map_err(|error| Error::io("noting the revision", error))?;
        fault("store::after-compact")
    }

    fn remove_some(&mut self) {
        let some = self.removals.len().min(REMOVED_AT_ONCE);
        let removed = self.shared.with_disk(|disk| {
            let mut batch = sled::Batch::default();
            for revision in self.removals.range(..some) {
                disk.remove(*revision, &mut batch)?;
            }
            fault("store::before-remove")?;
            disk.write(batch)?;
            if some == self.removals.len() {
                disk.sync()
            } else {
                Ok(())
            }
        });
        match removed {
            Ok(()) => drop(self.removals.drain(..some)),
            Err(error) => self.fail(&error),
        }
        if self.removals.is_empty() {
            for sender in self.compactions.drain(..) {
                answer(sender, Ok(()));
            }
        }
    }

    fn fail(&mut self, cause: &Error) {
        error!(%cause, path = %self.directory.path().display(), "refusing writes");
        self.health = Health::failed(cause, self.shared.now().monotonic);
        for sender in self.compactions.drain(..) {
            answer(sender, Err(cause.clone()));
        }
    }

    /// Whether writing makes sense; after a failure, and not too often, tries to recover.
    fn ready(&mut self) -> Result<(), Error> {
        let now = self.shared.now().monotonic;
        let Health::Failed {
            cause,
            retry_at,
            backoff,
        } = &mut self.health
        else {
            return Ok(());
        };
        let refusal = Error::ReadOnly {
            cause: cause.clone(),
        };
        if now < *retry_at {
            return Err(refusal);
        }
        *retry_at = now.saturating_add(backoff.next_delay());
        match health::reopen(&self.shared, &self.directory) {
            Ok(found) => {
                self.resume(found);
                Ok(())
            }
            Err(error) => {
                error!(%error, path = %self.directory.path().display(), "still refusing writes");
                Err(refusal)
            }
        }
    }

    fn resume(&mut self, found: Found) {
        info!(
            revision = %found.revision,
            recovered = found.changes.len(),
            "reopened from disk; accepting writes again"
        );
        self.health = Health::Good;
        self.removals.extend(found.torn);
        let batch = Batch::recovered(found.revision, found.changes);
        self.shared.publish(batch);
        // Torn records must be gone before their revisions are taken again.
        while !self.removals.is_empty() && matches!(self.health, Health::Good) {
            self.remove_some();
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.shared.nudge.send_modify(|nudge| nudge.closed = true);
        let disk = self
            .shared
            .disk
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        // Sled panics when its last sync fails; every acknowledged write is durable already.
        let _panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(disk)));
        if let Err(error) = self
            .directory
            .note_acknowledged(self.shared.read().revision)
        {
            // Only the detection of damage suffers: it goes by an older revision.
            warn!(%error, "could not note the last revision");
        }
    }
}

/// Answers a caller. One that has gone away has given up the outcome.
fn answer<T>(sender: Answer<T>, result: Result<T, Error>) {
    drop(sender.send(result));
}

fn size(txn: &Txn) -> usize {
    let value = |op: &Op| match op {
        Op::Put { value, .. } => value.len(),
        Op::Delete { .. } | Op::Check { .. } => 0,
    };
    txn.ops.iter().map(value).sum()
}

/// The error of an armed fail point.
fn fault(point: &'static str) -> Result<(), Error> {
    match failpoint::at(point) {
        None => Ok(()),
        Some(_) => Err(Error::io(point, io::Error::other("fail point"))),
    }
}
