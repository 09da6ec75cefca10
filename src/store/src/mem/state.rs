//! The state of a store in memory, and what a transaction and a compaction do to it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;
use std::sync::Arc;
use std::time::Duration;

use base::TraceId;

use crate::{Error, Event, Key, KeyValue, Limit, Op, Page, Revision};

/// Every so many revisions all watches say how far they are.
const PROGRESS_STRIDE: u64 = 1000;

#[derive(Clone, Default)]
pub(super) struct State {
    pub(super) revision: Revision,
    pub(super) compacted: Revision,
    /// Every change since the compaction, and before it those that still hold.
    pub(super) log: BTreeMap<Revision, Arc<Event>>,
    /// The revisions in `log` of each key, ascending.
    pub(super) keys: BTreeMap<Key, Vec<Revision>>,
    /// Monotonic time of expiry and the revision that set it, of values that hold.
    pub(super) expiries: BTreeSet<(Duration, Revision)>,
    pub(super) progress_requests: u64,
}

impl State {
    pub(super) fn readable(&self, at: Option<Revision>) -> Result<Revision, Error> {
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

    pub(super) fn read(&self, key: &str, at: Revision) -> Option<KeyValue> {
        let revision = self
            .keys
            .get(key)?
            .iter()
            .rev()
            .find(|revision| **revision <= at)?;
        as_key_value(&self.log[revision])
    }

    pub(super) fn commit(
        &mut self,
        ops: &[Op],
        trace: TraceId,
        now: Duration,
    ) -> Result<Revision, Error> {
        let mut changed: HashMap<Key, Option<KeyValue>> = HashMap::new();
        let mut events = Vec::new();
        let mut expiries = Vec::new();
        let mut revision = self.revision;
        for (index, op) in ops.iter().enumerate() {
            if op.key().is_empty() {
                return Err(Error::Invalid("a key is empty"));
            }
            let current = match changed.get(op.key()) {
                Some(current) => current.clone(),
                None => self.read(op.key(), self.revision),
            };
            if !op
                .expect()
                .holds(current.as_ref().map(|current| current.modified))
            {
                return Err(Error::Conflict { op: index, current });
            }
            let Some(event) = effect(op, current, revision.next(), trace) else {
                continue;
            };
            revision = revision.next();
            if let Op::Put { ttl: Some(ttl), .. } = op {
                expiries.push((now.saturating_add(*ttl), revision));
            }
            changed.insert(op.key().clone(), as_key_value(&event));
            events.push(Arc::new(event));
        }
        self.expiries.extend(expiries);
        for event in events {
            if let Some(prev) = &event.prev {
                self.expiries.retain(|(_, set)| *set != prev.modified);
            }
            self.keys
                .entry(event.key.clone())
                .or_default()
                .push(event.modified);
            self.log.insert(event.modified, event);
        }
        // A watch of a quiet kind must not fall behind the compaction.
        self.progress_requests += revision.0 / PROGRESS_STRIDE - self.revision.0 / PROGRESS_STRIDE;
        self.revision = revision;
        Ok(revision)
    }

    pub(super) fn compact(&mut self, at: Revision) {
        self.compacted = at;
        let log = &mut self.log;
        self.keys.retain(|_, revisions| {
            let superseded = revisions.iter().filter(|revision| **revision <= at).count();
            // The last one at or before the compaction still holds, unless it is a deletion.
            let holds = superseded > 0 && log[&revisions[superseded - 1]].value.is_some();
            for dropped in revisions.drain(..superseded - usize::from(holds)) {
                log.remove(&dropped);
            }
            !revisions.is_empty()
        });
    }

    pub(super) fn page(
        &self,
        prefix: &str,
        from: Option<&str>,
        at: Revision,
        limit: Limit,
    ) -> Page {
        let start = match from {
            Some(from) if from >= prefix => Bound::Excluded(from),
            _ => Bound::Included(prefix),
        };
        let mut items: Vec<KeyValue> = self
            .keys
            .range::<str, _>((start, Bound::Unbounded))
            .take_while(|(key, _)| key.starts_with(prefix))
            .filter_map(|(key, _)| self.read(key, at))
            .collect();
        let mut weight = 0;
        let fitting = items.iter().take(limit.keys.max(1)).take_while(|item| {
            let fits = weight == 0 || weight < limit.bytes;
            weight += item.key.len() + item.value.len();
            fits
        });
        let fitting = fitting.count();
        let remaining = items.split_off(fitting).len();
        Page {
            items,
            more: remaining > 0,
            revision: at,
            remaining: Some(remaining as u64),
        }
    }
}

fn effect(op: &Op, prev: Option<KeyValue>, modified: Revision, trace: TraceId) -> Option<Event> {
    let created = prev.as_ref().map_or(modified, |prev| prev.created);
    let value = match op {
        Op::Put { value, .. } => Some(value.clone()),
        Op::Delete { .. } if prev.is_some() => None,
        Op::Delete { .. } | Op::Check { .. } => return None,
    };
    Some(Event {
        key: op.key().clone(),
        value,
        prev,
        created,
        modified,
        trace,
    })
}

fn as_key_value(event: &Event) -> Option<KeyValue> {
    Some(KeyValue {
        key: event.key.clone(),
        value: event.value.clone()?,
        created: event.created,
        modified: event.modified,
    })
}
