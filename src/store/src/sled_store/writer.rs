//! The one writer: a thread that takes all waiting transactions as a batch, appends them to the
//! write-ahead log with one sync, publishes, and only then answers.

use std::io;
use std::sync::{Arc, PoisonError};
use std::thread::JoinHandle;

use base::TraceId;
use base::failpoint;
use tokio::sync::{mpsc, oneshot};
use tracing::{error, info, warn};

use super::backlog::Compaction;
use super::directory::Directory;
use super::health::{self, Found, Health, Part};
use super::plan::{Batch, Change};
use super::record::Record;
use super::shared::Shared;
use super::wal::{Appended, Wal};
use crate::{Error, Op, Revision};

/// A planned transaction: who waits, and for what.
type Outcome = (Answer<Revision>, Result<Revision, Error>);

/// A batch is closed when the values it holds, those before its changes among them, have this
/// size.
const BATCH_BYTES: usize = 8 << 20;

/// Where a caller waits for its result.
pub(crate) type Answer<T> = oneshot::Sender<Result<T, Error>>;

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
    directory: Arc<Directory>,
    commands: mpsc::Receiver<Command>,
    health: Health,
    /// `None` while it cannot be opened again after a failure.
    wal: Option<Wal>,
    /// `None` only while dropping.
    applier: Option<JoinHandle<()>>,
}

impl Writer {
    pub(crate) fn new(
        shared: Arc<Shared>,
        directory: Arc<Directory>,
        commands: mpsc::Receiver<Command>,
        wal: Wal,
        applier: JoinHandle<()>,
    ) -> Self {
        Self {
            shared,
            directory,
            commands,
            health: Health::good(),
            wal: Some(wal),
            applier: Some(applier),
        }
    }

    /// Works until every sender of commands is gone.
    pub(crate) fn run(mut self) {
        while let Some(command) = self.commands.blocking_recv() {
            match command {
                Command::Txn(txn) => self.serve(txn),
                Command::Compact(at, answer) => self.compact(at, answer),
            }
        }
    }

    /// Commits the transactions that wait, as many as one batch holds.
    fn serve(&mut self, first: Txn) {
        if let Err(error) = self.ready() {
            return answer(first.answer, Err(error));
        }
        let now = self.shared.now();
        let mut batch = Batch::new(self.shared.read().revision);
        let mut outcomes = Vec::new();
        let mut compaction = None;
        let mut next = Some(Command::Txn(first));
        while let Some(command) = next {
            match command {
                Command::Txn(txn) => {
                    let read = |key: &str| self.shared.current(key);
                    outcomes.push((txn.answer, batch.add(txn.ops, txn.trace, now, read)));
                }
                Command::Compact(at, answer) => {
                    compaction = Some((at, answer));
                    break;
                }
            }
            let full = batch.bytes >= BATCH_BYTES;
            next = if full {
                None
            } else {
                self.commands.try_recv().ok()
            };
        }
        self.commit(batch, outcomes);
        if let Some((at, answer)) = compaction {
            self.compact(at, answer);
        }
    }

    fn commit(&mut self, batch: Batch, outcomes: Vec<Outcome>) {
        // Even a conflict is answered only now: it may name a value of this batch.
        let durable = self.persist(&batch.changes);
        match &durable {
            Ok(()) => {
                if !batch.changes.is_empty() {
                    self.health.written(self.shared.backlog.synced());
                }
                self.shared.publish(batch);
            }
            Err(error) => self.fail(error),
        }
        let durable = durable.and_then(|()| fault("store::before-resolve"));
        for (sender, outcome) in outcomes {
            answer(sender, durable.clone().and(outcome));
        }
    }

    /// Makes changes durable.
    fn persist(&mut self, changes: &[Change]) -> Result<(), Error> {
        if changes.is_empty() {
            return Ok(());
        }
        let records: Vec<Record> = changes.iter().map(Change::record).collect();
        let backlog = &self.shared.backlog;
        backlog.wait_for_room()?;
        let wal = self.wal.as_mut().expect("`ready` was asked");
        while let Appended::Full(upto) = wal.append(&records)? {
            backlog.wait_synced(upto)?;
            wal.retire(backlog.synced());
        }
        // A reader who is shown a revision must find its value.
        backlog.push(records);
        if let Some(sealed) = wal.sealed() {
            backlog.want_synced(sealed);
            wal.retire(backlog.synced());
        }
        fault("store::before-publish")
    }

    fn compact(&mut self, at: Revision, sender: Answer<()>) {
        let (revision, compacted) = {
            let state = self.shared.read();
            (state.revision, state.compacted)
        };
        if at > revision {
            return answer(sender, Err(Error::FutureRevision { current: revision }));
        }
        if at <= compacted {
            return answer(sender, Ok(()));
        }
        match self.ready() {
            Ok(()) => self.shared.backlog.compact(Compaction {
                at,
                revision,
                answer: sender,
            }),
            Err(error) => answer(sender, Err(error)),
        }
    }

    fn fail(&mut self, cause: &Error) {
        error!(%cause, path = %self.directory.path().display(), "refusing writes");
        // The applier tells of its failures there; what the writer waits for may end with one.
        let part = match self.shared.backlog.failure() {
            Some(_) => Part::Sled,
            None => Part::Log,
        };
        self.shared.backlog.fail(cause);
        let now = self.shared.now().monotonic;
        self.health.failed(cause, part, now);
    }

    /// Whether writing makes sense; after a failure, and not too often, tries to recover.
    fn ready(&mut self) -> Result<(), Error> {
        if self.health.refusal().is_none()
            && let Some(cause) = self.shared.backlog.failure()
        {
            self.fail(&cause);
        }
        let Some(refusal) = self.health.refusal() else {
            return Ok(());
        };
        if !self.health.attempt(self.shared.now().monotonic) {
            return Err(refusal);
        }
        // Its files must be closed before their pages can be dropped.
        self.wal = None;
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
        self.health.reopened(self.shared.backlog.synced());
        self.wal = Some(found.wal);
        let batch = Batch::recovered(found.revision, found.changes);
        self.shared.publish(batch);
        self.shared.backlog.resume();
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.shared.backlog.close();
        if let Some(applier) = self.applier.take() {
            // A panic of the applier was reported by its thread; the log has every write.
            drop(applier.join());
        }
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
pub(crate) fn answer<T>(sender: Answer<T>, result: Result<T, Error>) {
    drop(sender.send(result));
}

/// The error of an armed fail point.
pub(crate) fn fault(point: &'static str) -> Result<(), Error> {
    match failpoint::at(point) {
        None => Ok(()),
        Some(_) => Err(Error::io(point, io::Error::other("fail point"))),
    }
}
