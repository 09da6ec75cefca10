//! The records that are in the write-ahead log and not in sled yet: readers find them here, and
//! the applier takes them from here.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::disk::Disk;
use super::record::{Head, Record};
use super::writer::{Answer, answer};
use crate::{Error, Revision};

/// Sled hears of new records when they have this size, or this number.
const APPLY_BYTES: usize = 1 << 20;
const APPLY_RECORDS: usize = 4096;
/// The writer waits before it adds a batch while so much has not reached sled: there is up to this
/// and one batch. They take up to twice that in memory.
const MOST_BYTES: usize = 2 << 20;
/// One batch for sled: its readers wait for that long.
const STEP_BYTES: usize = 256 << 10;
const STEP_RECORDS: usize = 512;

/// A compaction that waits, and who for it.
pub(crate) struct Compaction {
    pub at: Revision,
    /// The store's revision when it was asked for; sled must have that first.
    pub revision: Revision,
    pub answer: Answer<()>,
}

/// What the applier is to do next.
pub(crate) enum Job {
    /// Write these to sled.
    Apply(Vec<Arc<Record>>),
    /// Make sled durable.
    Sync,
    Compact(Compaction),
    /// Remove some garbage.
    Remove,
    /// The store is being closed.
    Close,
}

/// Shared between writer, applier and readers.
pub(crate) struct Backlog {
    queue: Mutex<Queue>,
    changed: Condvar,
}

struct Queue {
    /// Of consecutive revisions.
    records: VecDeque<Arc<Record>>,
    bytes: usize,
    /// Sled has everything up to here.
    applied: Revision,
    /// Sled is durable up to here.
    synced: Revision,
    /// Sled shall become durable up to here.
    wanted: Revision,
    compactions: VecDeque<Compaction>,
    /// Why the applier stands still.
    failure: Option<Error>,
    closed: bool,
}

impl Backlog {
    /// Records after `applied`, up to which sled has them.
    pub(crate) fn new(records: Vec<Record>, applied: Revision) -> Self {
        let queue = Queue {
            records: VecDeque::new(),
            bytes: 0,
            applied,
            synced: applied,
            wanted: Revision::ZERO,
            compactions: VecDeque::new(),
            failure: None,
            closed: false,
        };
        let backlog = Self {
            queue: Mutex::new(queue),
            changed: Condvar::new(),
        };
        backlog.push(records);
        backlog
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds durable records.
    pub(crate) fn push(&self, records: Vec<Record>) {
        let mut queue = self.lock();
        queue.bytes += records.iter().map(Record::len).sum::<usize>();
        queue.records.extend(records.into_iter().map(Arc::new));
        if queue.is_due() {
            self.changed.notify_all();
        }
    }

    /// The record of a revision, if it is here.
    pub(crate) fn get(&self, revision: Revision) -> Option<Arc<Record>> {
        let queue = self.lock();
        let first = queue.records.front()?.revision;
        let index = usize::try_from(revision.0.checked_sub(first.0)?).ok()?;
        queue.records.get(index).cloned()
    }

    fn after(&self, after: Revision) -> Vec<Arc<Record>> {
        let queue = self.lock();
        let start = queue
            .records
            .partition_point(|record| record.revision <= after);
        queue.records.range(start..).cloned().collect()
    }

    /// Asks for sled to be made durable up to `revision`.
    pub(crate) fn want_synced(&self, revision: Revision) {
        let mut queue = self.lock();
        if revision > queue.wanted {
            queue.wanted = revision;
            self.changed.notify_all();
        }
    }

    /// Up to where sled is durable.
    pub(crate) fn synced(&self) -> Revision {
        self.lock().synced
    }

    /// Waits until sled is durable up to `revision`.
    pub(crate) fn wait_synced(&self, revision: Revision) -> Result<(), Error> {
        self.want_synced(revision);
        let queue = self.changed.wait_while(self.lock(), |queue| {
            queue.synced < revision && queue.failure.is_none()
        });
        let queue = queue.unwrap_or_else(PoisonError::into_inner);
        match &queue.failure {
            Some(failure) if queue.synced < revision => Err(failure.clone()),
            _ => Ok(()),
        }
    }

    /// Waits until there is room for more records; then a batch of any size may follow.
    pub(crate) fn wait_for_room(&self) -> Result<(), Error> {
        let queue = self.changed.wait_while(self.lock(), |queue| {
            queue.bytes >= MOST_BYTES && queue.failure.is_none()
        });
        let queue = queue.unwrap_or_else(PoisonError::into_inner);
        queue.failure.clone().map_or(Ok(()), Err)
    }

    /// Asks for a compaction. While the applier stands still nobody shall wait for it.
    pub(crate) fn compact(&self, compaction: Compaction) {
        let mut queue = self.lock();
        match &queue.failure {
            Some(failure) => answer(compaction.answer, Err(failure.clone())),
            None => queue.compactions.push_back(compaction),
        }
        self.changed.notify_all();
    }

    /// Stops the applier after a failure, until [`Backlog::resume`].
    pub(crate) fn fail(&self, error: &Error) {
        let mut queue = self.lock();
        queue.failure = Some(error.clone());
        for compaction in queue.compactions.drain(..) {
            answer(compaction.answer, Err(error.clone()));
        }
        self.changed.notify_all();
    }

    /// The failure that stopped the applier.
    pub(crate) fn failure(&self) -> Option<Error> {
        self.lock().failure.clone()
    }

    /// Replaces everything by what was read from disk. The caller keeps others from the disk
    /// meanwhile; the applier still stands.
    pub(crate) fn load(&self, records: Vec<Record>, applied: Revision) {
        let mut queue = self.lock();
        queue.bytes = records.iter().map(Record::len).sum();
        queue.records = records.into_iter().map(Arc::new).collect();
        (queue.applied, queue.synced) = (applied, applied);
        queue.wanted = Revision::ZERO;
    }

    /// Lets the applier go on.
    pub(crate) fn resume(&self) {
        self.lock().failure = None;
        self.changed.notify_all();
    }

    /// Ends the applier, after what is left.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    /// Waits for something to do. `removing`: there is garbage to remove when nothing else is.
    pub(crate) fn next(&self, removing: bool) -> Job {
        let mut queue = self.lock();
        loop {
            if let Some(job) = queue.job(removing) {
                return job;
            }
            let woken = self.changed.wait(queue);
            queue = woken.unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Sled has the records up to `upto`.
    pub(crate) fn applied(&self, upto: Revision) {
        let mut queue = self.lock();
        queue.applied = upto;
        while let Some(record) = queue.records.pop_front_if(|record| record.revision <= upto) {
            queue.bytes -= record.len();
        }
        self.changed.notify_all();
    }

    /// Sled has been synced; nothing was applied meanwhile.
    pub(crate) fn note_synced(&self) {
        let mut queue = self.lock();
        queue.synced = queue.applied;
        self.changed.notify_all();
    }

    /// Up to where sled has everything.
    pub(crate) fn last_applied(&self) -> Revision {
        self.lock().applied
    }
}

impl Queue {
    fn is_due(&self) -> bool {
        self.bytes >= APPLY_BYTES || self.records.len() >= APPLY_RECORDS
    }

    fn job(&mut self, removing: bool) -> Option<Job> {
        if self.closed {
            // What sled has need not be read from the log, and kept, at the next opening.
            let rest = self.failure.is_none() && !self.records.is_empty();
            return Some(if rest {
                Job::Apply(self.step())
            } else {
                Job::Close
            });
        }
        if self.failure.is_some() {
            return None;
        }
        let compaction = self
            .compactions
            .front()
            .map(|compaction| compaction.revision);
        let needed = self.wanted.max(compaction.unwrap_or_default());
        let first = self.records.front().map(|record| record.revision);
        if self.is_due() || first.is_some_and(|first| first <= needed) {
            return Some(Job::Apply(self.step()));
        }
        if self.wanted > self.synced {
            return Some(Job::Sync);
        }
        let compaction = self.compactions.pop_front().map(Job::Compact);
        compaction.or_else(|| removing.then_some(Job::Remove))
    }

    /// The next batch for sled. It ends with a transaction: should the log be lost, what sled
    /// notes as applied must not be the middle of one, because the rest would be cut off and its
    /// revisions given away again.
    fn step(&self) -> Vec<Arc<Record>> {
        let mut bytes = 0;
        let mut step = Vec::new();
        for record in &self.records {
            bytes += record.len();
            step.push(record.clone());
            let enough = step.len() >= STEP_RECORDS || bytes >= STEP_BYTES;
            if enough && record.left == 0 {
                break;
            }
        }
        step
    }
}

/// Calls `each` with every record after `after`, on disk and then in the backlog, in order,
/// until it answers false.
pub(crate) fn scan(
    disk: &Disk,
    backlog: &Backlog,
    after: Revision,
    mut each: impl FnMut(Revision, &Head<'_>) -> Result<bool, Error>,
) -> Result<(), Error> {
    // Taken first: what moves to sled meanwhile is in both.
    let recent = backlog.after(after);
    let end = recent.first().map(|record| record.revision);
    let mut stopped = false;
    disk.scan(after, |revision, head| {
        if end.is_some_and(|end| revision >= end) {
            return Ok(false);
        }
        stopped = !each(revision, head)?;
        Ok(!stopped)
    })?;
    for record in recent {
        if stopped {
            break;
        }
        stopped = !each(record.revision, &record.head())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use base::TraceId;

    use super::*;

    /// Transactions of `sizes` records, from revision 2 on.
    fn transactions(sizes: &[u32]) -> Vec<Record> {
        let left = sizes.iter().flat_map(|size| (0..*size).rev());
        let records = left.zip(2..).map(|(left, revision)| Record {
            revision: Revision(revision),
            key: "/k".into(),
            value: None,
            created: Revision(revision),
            prev: None,
            left,
            trace: TraceId::NONE,
            expiry: None,
        });
        records.collect()
    }

    #[test]
    fn a_step_ends_with_a_transaction() {
        let most = u32::try_from(STEP_RECORDS).expect("small");
        let rows = [
            (vec![most - 1, 3, 1], most + 2),
            (vec![most, 3], most),
            (vec![2 * most, 1], 2 * most),
            (vec![1, 2], 3),
        ];
        for (sizes, expected) in rows {
            let backlog = Backlog::new(transactions(&sizes), Revision::INITIAL);
            let step = backlog.lock().step();
            assert_eq!(step.len(), expected as usize, "{sizes:?}");
            assert_eq!(step.last().map(|record| record.left), Some(0), "{sizes:?}");
        }
    }
}
