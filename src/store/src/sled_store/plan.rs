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
/// The most that a transaction may hold: what it writes, of which a frame of the log says the
/// length in 32 bits, and the values it replaces or is told of by a conflict.
const MAX_TRANSACTION: usize = 512 << 20;

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
        let mut held = ops.iter().map(length).fold(0, usize::saturating_add);
        fits(held)?;
        for (index, op) in ops.into_iter().enumerate() {
            let current = match self.pending(&changes, op.key()) {
                Some(change) => change.after(),
                None => read(op.key())?,
            };
            let modified = current.as_ref().map(|current| current.modified);
            let holds = op.expect().holds(modified);
            if !holds || !matches!(op, Op::Check { .. }) {
                held = held.saturating_add(weight(current.as_ref()));
                fits(held)?;
            }
            if !holds {
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

fn fits(held: usize) -> Result<(), Error> {
    if held > MAX_TRANSACTION {
        return Err(Error::Invalid("a transaction is too long"));
    }
    Ok(())
}

/// What an operation writes, beside a few bytes.
fn length(op: &Op) -> usize {
    let value = match op {
        Op::Put { value, .. } => value.len(),
        Op::Delete { .. } | Op::Check { .. } => 0,
    };
    op.key().len() + value
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

#[cfg(test)]
mod tests {
    use crate::Expect;

    use super::*;

    const KEY: &str = "/r/a/x";

    fn put(value: Bytes, expect: Expect) -> Op {
        let key = KEY.into();
        let ttl = None;
        Op::Put {
            key,
            value,
            expect,
            ttl,
        }
    }

    fn check(expect: Expect) -> Op {
        let key = KEY.into();
        Op::Check { key, expect }
    }

    fn add(batch: &mut Batch, values: &[Bytes]) -> Result<Revision, Error> {
        let ops = values.iter().map(|value| put(value.clone(), Expect::Any));
        add_to(batch, ops.collect(), None)
    }

    /// Adds operations on a key that has the value `stored`.
    fn add_to(batch: &mut Batch, ops: Vec<Op>, stored: Option<&Bytes>) -> Result<Revision, Error> {
        let now = Now {
            wall_ms: 0,
            monotonic: Duration::ZERO,
        };
        batch.add(ops, TraceId::NONE, now, |key| {
            Ok(stored.map(|value| KeyValue {
                key: key.into(),
                value: value.clone(),
                created: Revision(3),
                modified: Revision(3),
            }))
        })
    }

    #[test]
    fn what_would_not_fit_a_frame_is_refused() {
        let longest = Bytes::from(vec![0; MAX_VALUE]);
        let mut batch = Batch::new(Revision(7));
        let long = add(&mut batch, std::slice::from_ref(&longest));
        assert_eq!(long.expect("allowed"), Revision(8));
        // With the key they are beyond.
        let error = add(&mut batch, &[longest.clone(), longest]);
        assert!(matches!(
            error,
            Err(Error::Invalid("a transaction is too long"))
        ));
        let longer = Bytes::from(vec![0; MAX_VALUE + 1]);
        assert!(matches!(add(&mut batch, &[longer]), Err(Error::Invalid(_))));
        assert_eq!((batch.revision, batch.changes.len()), (Revision(8), 1));
    }

    #[test]
    fn a_batch_counts_all_it_holds() {
        let [long, short, stored] = [100, 20, 3000].map(|len| Bytes::from(vec![0; len]));
        let any = |value: &Bytes| put(value.clone(), Expect::Any);
        let absent = |value: &Bytes| put(value.clone(), Expect::Absent);
        let rows = [
            (
                "own value held by the next",
                vec![any(&long), any(&short)],
                None,
                100 + 20 + 100,
            ),
            (
                "the stored value",
                vec![any(&long)],
                Some(&stored),
                100 + 3000,
            ),
            ("a conflict", vec![absent(&long)], Some(&stored), 3000),
            (
                "a conflict of a check",
                vec![check(Expect::Absent)],
                Some(&stored),
                3000,
            ),
            (
                "a check that holds",
                vec![check(Expect::Any)],
                Some(&stored),
                0,
            ),
        ];
        for (name, ops, stored, expected) in rows {
            let mut batch = Batch::new(Revision(7));
            match add_to(&mut batch, ops, stored) {
                Ok(_) | Err(Error::Conflict { .. }) => {}
                Err(error) => panic!("{name}: {error}"),
            }
            assert_eq!(batch.bytes, expected, "{name}");
        }
    }

    #[test]
    fn what_a_transaction_replaces_counts_too() {
        let stored = Bytes::from(vec![0; MAX_TRANSACTION - KEY.len()]);
        let one = Bytes::from_static(b"x");
        let rows = [
            ("just fits", vec![put(Bytes::new(), Expect::Any)], true),
            ("one more", vec![put(one.clone(), Expect::Any)], false),
            ("a conflict", vec![put(one, Expect::Absent)], false),
            (
                "a check",
                vec![check(Expect::Any), check(Expect::Any)],
                true,
            ),
        ];
        for (name, ops, allowed) in rows {
            let mut batch = Batch::new(Revision(7));
            let added = add_to(&mut batch, ops, Some(&stored));
            let refused = matches!(added, Err(Error::Invalid("a transaction is too long")));
            assert_eq!((added.is_ok(), refused), (allowed, !allowed), "{name}");
            assert!(
                allowed || (batch.bytes == 0 && batch.changes.is_empty()),
                "{name}"
            );
        }
    }
}
