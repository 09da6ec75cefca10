//! What a batch of transactions would do: pure, so that it can be thrown away when the disk
//! fails.

use std::collections::HashMap;
use std::time::Duration;

use base::TraceId;
use bytes::Bytes;

use super::record::{self, Expiry, Record};
use crate::{Error, Event, Key, KeyValue, Op, Revision};

/// The longest value. The format could hold more; nothing that sends more means well.
const MAX_VALUE: usize = 256 << 20;

/// One moment on both clocks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Now {
    pub wall_ms: u64,
    pub monotonic: Duration,
}

/// A change that a transaction makes.
#[derive(Debug)]
pub(crate) struct Change {
    pub event: Event,
    /// Changes of the same transaction that follow.
    pub left: u32,
    /// When it expires, for the log and on the monotonic clock.
    pub expiry: Option<(Expiry, Duration)>,
}

impl Change {
    pub(crate) fn record(&self) -> Record {
        let event = &self.event;
        Record {
            revision: event.modified,
            key: event.key.clone(),
            value: event.value.clone(),
            created: event.created,
            prev: event.prev.as_ref().map(|prev| prev.modified),
            left: self.left,
            trace: event.trace,
            expiry: self.expiry.map(|(expiry, _)| expiry),
        }
    }

    fn after(&self) -> Option<KeyValue> {
        after(&self.event)
    }
}

/// The key as an event leaves it.
pub(crate) fn after(event: &Event) -> Option<KeyValue> {
    Some(KeyValue {
        key: event.key.clone(),
        value: event.value.clone()?,
        created: event.created,
        modified: event.modified,
    })
}

/// Several transactions, one after the other, that will become durable with one sync.
#[derive(Debug)]
pub(crate) struct Batch {
    /// The last revision taken so far.
    pub revision: Revision,
    pub changes: Vec<Change>,
    /// Of the values that changes and conflicts hold.
    pub bytes: usize,
    /// The last change of each key.
    latest: HashMap<Key, usize>,
}

impl Batch {
    /// An empty batch on top of `revision`.
    pub(crate) fn new(revision: Revision) -> Self {
        Self {
            revision,
            changes: Vec::new(),
            bytes: 0,
            latest: HashMap::new(),
        }
    }

    /// Changes found on disk, which end at `revision`.
    pub(crate) fn recovered(revision: Revision, changes: Vec<Change>) -> Self {
        Self {
            revision,
            changes,
            bytes: 0,
            latest: HashMap::new(),
        }
    }

    /// Adds a transaction, or nothing of it. `read` gives what is published of a key.
    pub(crate) fn add(
        &mut self,
        ops: Vec<Op>,
        trace: TraceId,
        now: Now,
        read: impl Fn(&str) -> Result<Option<KeyValue>, Error>,
    ) -> Result<Revision, Error> {
        let mut changes: Vec<Change> = Vec::new();
        for (index, op) in ops.into_iter().enumerate() {
            let current = match self.pending(&changes, op.key()) {
                Some(change) => change.after(),
                None => read(op.key())?,
            };
            if !op
                .expect()
                .holds(current.as_ref().map(|current| current.modified))
            {
                self.bytes += weight(current.as_ref());
                return Err(Error::Conflict { op: index, current });
            }
            let taken = self.revision.0 + changes.len() as u64;
            changes.extend(change(op, current, Revision(taken + 1), trace, now)?);
        }
        let count = u32::try_from(changes.len()).map_err(|_| Error::Invalid("too many changes"))?;
        for (left, change) in (0..count).rev().zip(changes) {
            let event = &change.event;
            let value = event.value.as_ref().map_or(0, Bytes::len);
            self.bytes += value + weight(event.prev.as_ref());
            self.revision = event.modified;
            self.latest.insert(event.key.clone(), self.changes.len());
            self.changes.push(Change { left, ..change });
        }
        Ok(self.revision)
    }

    fn pending<'a>(&'a self, own: &'a [Change], key: &Key) -> Option<&'a Change> {
        let own = own.iter().rev().find(|change| change.event.key == *key);
        own.or_else(|| self.latest.get(key).map(|index| &self.changes[*index]))
    }
}

fn weight(found: Option<&KeyValue>) -> usize {
    found.map_or(0, |found| found.value.len())
}

fn change(
    op: Op,
    prev: Option<KeyValue>,
    modified: Revision,
    trace: TraceId,
    now: Now,
) -> Result<Option<Change>, Error> {
    let (key, value, ttl) = match op {
        Op::Put {
            key, value, ttl, ..
        } => (key, Some(value), ttl),
        Op::Delete { key, .. } if prev.is_some() => (key, None, None),
        Op::Delete { .. } | Op::Check { .. } => return Ok(None),
    };
    validate(&key, value.as_deref().unwrap_or_default())?;
    let created = prev.as_ref().map_or(modified, |prev| prev.created);
    let event = Event {
        key,
        value,
        prev,
        created,
        modified,
        trace,
    };
    Ok(Some(Change {
        event,
        left: 0,
        expiry: ttl.map(|ttl| expiry(ttl, now)),
    }))
}

fn validate(key: &str, value: &[u8]) -> Result<(), Error> {
    if key.is_empty() {
        return Err(Error::Invalid("a key is empty"));
    }
    if value.len() > MAX_VALUE || !record::fits(key, value) {
        return Err(Error::Invalid("a value or key is too long"));
    }
    Ok(())
}

fn expiry(ttl: Duration, now: Now) -> (Expiry, Duration) {
    // A ttl beyond the age of the universe is for ever.
    let ttl_ms = u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX);
    let expiry = Expiry {
        at_ms: now.wall_ms.saturating_add(ttl_ms),
        ttl_ms,
    };
    (expiry, now.monotonic.saturating_add(ttl))
}
