//! When values expire: one entry a key, that of the value it has.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use crate::{Key, Revision};

/// How many expired keys are deleted at a time.
const EXPIRED_AT_ONCE: usize = 1000;

/// The keys that have a time to live, by the monotonic clock. Without a ttl a key costs nothing
/// here, and however often it is written, it has one entry at most.
#[derive(Debug, Default)]
pub(crate) struct Expiries {
    by_time: BTreeMap<(Nanos, Revision), Key>,
    /// When the value that a revision wrote expires.
    by_revision: HashMap<Revision, Nanos>,
}

/// Half as long as a `Duration`, and enough for 584 years.
type Nanos = u64;

impl Expiries {
    /// A key changed at `modified`: what it had since `before` expires no more, what it has now
    /// does at `due`.
    pub(crate) fn apply(
        &mut self,
        key: &Key,
        before: Option<Revision>,
        modified: Revision,
        due: Option<Duration>,
    ) {
        if let Some(before) = before
            && let Some(due) = self.by_revision.remove(&before)
        {
            self.by_time.remove(&(due, before));
        }
        if let Some(due) = due {
            // What is due later than the clock can tell is for ever.
            let due = Nanos::try_from(due.as_nanos()).unwrap_or(Nanos::MAX);
            self.by_revision.insert(modified, due);
            self.by_time.insert((due, modified), key.clone());
        }
    }

    /// The earliest time.
    pub(crate) fn next(&self) -> Option<Duration> {
        let ((due, _), _) = self.by_time.first_key_value()?;
        Some(Duration::from_nanos(*due))
    }

    /// Keys expired by `now`, each with the revision whose ttl ran out; the longest overdue, if
    /// there are many.
    pub(crate) fn expired(&self, now: Duration) -> Vec<(Key, Revision)> {
        let due = self.by_time.iter();
        let due = due.take_while(|((due, _), _)| Duration::from_nanos(*due) <= now);
        let due = due.map(|((_, revision), key)| (key.clone(), *revision));
        due.take(EXPIRED_AT_ONCE).collect()
    }
}
