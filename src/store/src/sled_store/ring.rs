//! The most recent events in memory, so that watches do not read the disk.
//!
//! Each kind of object (everything up to the third `/` of a key, `/registry/pods/`) has a ring of
//! its own with its own budget, so a storm of one kind does not evict another's.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use tokio::sync::watch;

use crate::{Event, Revision};

/// What an event costs beyond its bytes.
const OVERHEAD: usize = 160;

/// The kind part of a key, up to and including the third `/`; the whole key when it has fewer.
pub(crate) fn kind_of(key: &str) -> &str {
    kind_of_prefix(key).unwrap_or(key)
}

/// The kind that every key starting with `prefix` belongs to, if there is only one.
fn kind_of_prefix(prefix: &str) -> Option<&str> {
    let end = prefix.match_indices('/').nth(2)?.0;
    Some(&prefix[..=end])
}

/// The rings of all kinds.
pub(crate) struct Rings {
    budget: usize,
    /// The store's revision when it was opened: the rings are complete from here on.
    base: Revision,
    rings: HashMap<Box<str>, Ring>,
    /// Rung for every event, for watches across kinds.
    bell: watch::Sender<()>,
}

struct Ring {
    events: VecDeque<Arc<Event>>,
    bytes: usize,
    /// Every event of this kind after it is in `events`.
    floor: Revision,
    bell: watch::Sender<()>,
}

/// Recent events for one watch.
pub(crate) struct Recent {
    pub events: Vec<Arc<Event>>,
    /// Whether more are waiting.
    pub more: bool,
}

impl Rings {
    pub(crate) fn new(budget: usize, base: Revision) -> Self {
        Self {
            budget,
            base,
            rings: HashMap::new(),
            bell: watch::Sender::new(()),
        }
    }

    /// Adds an event; [`Rings::announce`] wakes its watches.
    pub(crate) fn push(&mut self, event: Arc<Event>) {
        let budget = self.budget;
        let ring = self.ring(kind_of(&event.key.clone()));
        ring.bytes += cost(&event);
        ring.events.push_back(event);
        while ring.bytes > budget
            && let Some(evicted) = ring.events.pop_front()
        {
            ring.bytes -= cost(&evicted);
            ring.floor = evicted.modified;
        }
    }

    /// Wakes the watches of a kind, and those across kinds.
    pub(crate) fn announce(&self, kind: &str) {
        if let Some(ring) = self.rings.get(kind) {
            ring.bell.send_replace(());
        }
        self.bell.send_replace(());
    }

    /// The bell that rings for a prefix.
    pub(crate) fn subscribe(&mut self, prefix: &str) -> watch::Receiver<()> {
        match kind_of_prefix(prefix) {
            Some(kind) => self.ring(kind).bell.subscribe(),
            None => self.bell.subscribe(),
        }
    }

    /// At most `limit` events after `after` that match; `None` when some have been evicted.
    pub(crate) fn after(&self, prefix: &str, after: Revision, limit: usize) -> Option<Recent> {
        match kind_of_prefix(prefix) {
            Some(kind) => match self.rings.get(kind) {
                Some(ring) => ring.after(prefix, after, limit),
                None => (after >= self.base).then(|| Recent {
                    events: Vec::new(),
                    more: false,
                }),
            },
            None => self.merged(prefix, after, limit),
        }
    }

    fn merged(&self, prefix: &str, after: Revision, limit: usize) -> Option<Recent> {
        if after < self.base {
            return None;
        }
        let mut events = Vec::new();
        let mut more = false;
        for ring in self.rings.values() {
            let recent = ring.after(prefix, after, limit)?;
            more |= recent.more;
            events.extend(recent.events);
        }
        // Each ring gave its first `limit`, so the first `limit` of all are among them.
        events.sort_unstable_by_key(|event| event.modified);
        more |= events.len() > limit;
        events.truncate(limit);
        Some(Recent { events, more })
    }

    fn ring(&mut self, kind: &str) -> &mut Ring {
        let floor = self.base;
        self.rings.entry(kind.into()).or_insert_with(|| Ring {
            events: VecDeque::new(),
            bytes: 0,
            floor,
            bell: watch::Sender::new(()),
        })
    }
}

impl Ring {
    fn after(&self, prefix: &str, after: Revision, limit: usize) -> Option<Recent> {
        if after < self.floor {
            return None;
        }
        let start = self.events.partition_point(|event| event.modified <= after);
        let mut matching = self
            .events
            .range(start..)
            .filter(|event| event.key.starts_with(prefix))
            .cloned();
        let events: Vec<_> = matching.by_ref().take(limit).collect();
        Some(Recent {
            events,
            more: matching.next().is_some(),
        })
    }
}

/// What an event takes in memory.
pub(crate) fn cost(event: &Event) -> usize {
    let value = event.value.as_ref().map_or(0, bytes::Bytes::len);
    let prev = event.prev.as_ref().map_or(0, |prev| prev.value.len());
    OVERHEAD + event.key.len() + value + prev
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::TraceId;
    use bytes::Bytes;

    fn event(key: &str, revision: u64, len: usize) -> Arc<Event> {
        Arc::new(Event {
            key: key.into(),
            value: Some(Bytes::from(vec![0; len])),
            prev: None,
            created: Revision(revision),
            modified: Revision(revision),
            trace: TraceId::NONE,
        })
    }

    fn revisions(rings: &Rings, prefix: &str, after: u64, limit: usize) -> Option<Vec<u64>> {
        let recent = rings.after(prefix, Revision(after), limit)?;
        Some(recent.events.iter().map(|event| event.modified.0).collect())
    }

    #[test]
    fn a_storm_of_one_kind_evicts_only_itself() {
        let mut rings = Rings::new(10_000, Revision(10));
        rings.push(event("/r/pods/a/x", 11, 100));
        for revision in 12..40 {
            rings.push(event("/r/events/a/x", revision, 1000));
        }
        rings.push(event("/r/pods/b/x", 40, 100));
        assert_eq!(revisions(&rings, "/r/pods/", 10, 9), Some(vec![11, 40]));
        assert_eq!(revisions(&rings, "/r/pods/b", 10, 9), Some(vec![40]));
        assert_eq!(
            revisions(&rings, "/r/pods/", 9, 9),
            None,
            "before the store was opened"
        );
        assert_eq!(revisions(&rings, "/r/events/", 12, 9), None, "evicted");
        assert_eq!(revisions(&rings, "/r/events/", 37, 9), Some(vec![38, 39]));
        assert_eq!(revisions(&rings, "/r/", 12, 9), None, "one kind is evicted");
        assert_eq!(revisions(&rings, "/r/", 37, 2), Some(vec![38, 39]));
        assert_eq!(
            revisions(&rings, "/r/secrets/", 10, 2),
            Some(vec![]),
            "never seen, complete"
        );
        rings.push(event("/r/events/a/x", 41, 20_000));
        assert_eq!(
            revisions(&rings, "/r/events/", 40, 9),
            None,
            "larger than the budget"
        );
        assert_eq!(revisions(&rings, "/r/events/", 41, 9), Some(vec![]));
    }
}
