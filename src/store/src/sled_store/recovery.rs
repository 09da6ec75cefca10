//! From what is on disk to the state in memory, at opening and after a failure.

use std::time::Duration;

use base::TraceId;

use super::backlog::{self, Backlog};
use super::disk::Disk;
use super::expiries::Expiries;
use super::index::{Index, Version};
use super::plan::Now;
use super::record::{Expiry, Head, META_COMPACTED, META_FLOOR};
use super::ring::Rings;
use super::shared::State;
use crate::{Error, Key, Options, Revision};

/// A record without its value, owned.
pub(crate) struct Logged {
    pub revision: Revision,
    pub key: Key,
    pub deletion: bool,
    pub created: Revision,
    pub prev: Option<Revision>,
    pub trace: TraceId,
    pub expiry: Option<Expiry>,
    /// Changes of the same transaction that follow.
    left: u32,
}

impl Logged {
    pub(crate) fn new(revision: Revision, head: &Head<'_>) -> Self {
        Self {
            revision,
            key: head.key.into(),
            deletion: head.deletion,
            created: head.created,
            prev: head.prev,
            trace: head.trace,
            expiry: head.expiry,
            left: head.left,
        }
    }

    fn version(&self) -> Version {
        if self.deletion {
            Version::deletion(self.revision)
        } else {
            Version {
                created: self.created,
                modified: self.revision,
            }
        }
    }
}

/// What the files say.
pub(crate) struct Recovered {
    pub state: State,
    /// Records that no longer count: a compaction was interrupted.
    pub garbage: Vec<Revision>,
}

/// Rebuilds the state from the whole log.
pub(crate) fn recover(
    disk: &Disk,
    backlog: &Backlog,
    options: &Options,
    now: Now,
) -> Result<Recovered, Error> {
    let compacted = disk.meta(META_COMPACTED)?;
    let floor = disk.meta(META_FLOOR)?;
    let mut index = Index::default();
    let mut expiries = Expiries::default();
    let start = compacted.max(Revision::INITIAL);
    let tail = replay(disk, backlog, Revision::ZERO, start, |logged| {
        let before = index.apply(&logged.key, logged.version());
        let due = logged.expiry.map(|expiry| due(expiry, now));
        expiries.apply(&logged.key, before, logged.revision, due);
        Ok(())
    })?;
    let tail = tail.whole()?;
    let noted = floor.max(backlog.last_applied());
    if tail < noted {
        let problem =
            format!("it ends at revision {tail}, though revision {noted} was acknowledged");
        return Err(Error::damaged(problem));
    }
    let garbage = index.compact(compacted);
    let rings = Rings::new(options.ring_bytes, tail);
    let state = State {
        revision: tail,
        compacted,
        index,
        rings,
        expiries,
    };
    Ok(Recovered { state, garbage })
}

/// Where the log in sled ends, without a write-ahead log.
pub(crate) fn tail(disk: &Disk) -> Result<Tail, Error> {
    let start = disk.meta(META_COMPACTED)?.max(Revision::INITIAL);
    let nothing = Backlog::new(Vec::new(), start);
    replay(disk, &nothing, Revision::ZERO, start, |_| Ok(()))
}

/// Removes what sled has after `applied`: the first half of a step that was cut short. The log has
/// all of it; should it have been lost there, these revisions will be given away again, and what
/// is left of their first lives must not be found then.
pub(crate) fn forget_after(disk: &Disk, applied: Revision) -> Result<(), Error> {
    let mut half = Vec::new();
    disk.scan(applied, |revision, _| {
        half.push(revision);
        Ok(true)
    })?;
    remove(disk, &half)
}

/// Removes records durably. Their revisions are free again, so they must be gone before anything
/// is written. The last one goes first: should this be cut short as well, what is left has no hole.
pub(crate) fn remove(disk: &Disk, revisions: &[Revision]) -> Result<(), Error> {
    if !revisions.is_empty() {
        disk.remove(revisions.iter().rev())?;
    }
    Ok(())
}

/// Where a replay ended.
pub(crate) struct Tail {
    pub revision: Revision,
    /// Records of a transaction that did not get to its end.
    pub torn: Vec<Revision>,
}

impl Tail {
    /// Where it ended, if with a transaction. A frame of the log and a step of sled's do, and a
    /// log that goes on would not fit to a state that is behind it.
    pub(crate) fn whole(self) -> Result<Revision, Error> {
        match self.torn.first() {
            None => Ok(self.revision),
            Some(first) => Err(Error::damaged(format!(
                "the transaction that begins with revision {first} has no end"
            ))),
        }
    }
}

/// Gives `each` the records after `after`, whole transactions only. Up to `start` compaction has
/// left holes, beyond it a missing record means damage.
pub(crate) fn replay(
    disk: &Disk,
    backlog: &Backlog,
    after: Revision,
    start: Revision,
    mut each: impl FnMut(Logged) -> Result<(), Error>,
) -> Result<Tail, Error> {
    let mut revision = start;
    let mut pending: Vec<Logged> = Vec::new();
    backlog::scan(disk, backlog, after, |found, head| {
        let logged = Logged::new(found, head);
        if found <= start {
            each(logged)?;
            return Ok(true);
        }
        let want = pending.last().map_or(revision, |last| last.revision).next();
        if found != want {
            return Err(Error::damaged(format!(
                "the record of revision {want} is missing"
            )));
        }
        let left = logged.left;
        pending.push(logged);
        if left == 0 {
            revision = found;
            pending.drain(..).try_for_each(&mut each)?;
        }
        Ok(true)
    })?;
    Ok(Tail {
        revision,
        torn: pending.into_iter().map(|logged| logged.revision).collect(),
    })
}

/// When a record expires on this process' monotonic clock: no later than a whole ttl from now,
/// wherever the wall clock went.
pub(crate) fn due(expiry: Expiry, now: Now) -> Duration {
    let left = expiry.at_ms.saturating_sub(now.wall_ms).min(expiry.ttl_ms);
    now.monotonic.saturating_add(Duration::from_millis(left))
}
