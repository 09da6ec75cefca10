//! Values kept in memory by the revision that wrote them, within a budget of bytes.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use crate::Revision;

/// What an entry costs beyond its bytes: its slots and the value's own header.
const OVERHEAD: usize = 96;
/// Values that stay because they were used when one must go. After a list all were.
const MOST_SPARED: usize = 32;

/// Second chance: a value that was asked for since it last came up goes to the end of the queue
/// instead of leaving, unless many before it did. Operations take constant time, but for an insert
/// that makes much room.
pub(crate) struct ValueCache {
    budget: usize,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    values: HashMap<Revision, Entry>,
    /// Every entry once, the next to leave first.
    queue: VecDeque<Revision>,
    bytes: usize,
}

struct Entry {
    value: Bytes,
    was_used: bool,
}

impl ValueCache {
    pub(crate) fn new(budget: usize) -> Self {
        Self {
            budget,
            kept: Mutex::default(),
        }
    }

    pub(crate) fn get(&self, revision: Revision) -> Option<Bytes> {
        let mut kept = self.lock();
        let entry = kept.values.get_mut(&revision)?;
        entry.was_used = true;
        Some(entry.value.clone())
    }

    pub(crate) fn insert(&self, revision: Revision, value: Bytes) {
        let cost = cost(&value);
        if cost > self.budget / 2 {
            return;
        }
        let mut kept = self.lock();
        // A revision's value never changes.
        if kept.values.contains_key(&revision) {
            return;
        }
        while kept.bytes + cost > self.budget {
            kept.drop_one();
        }
        let entry = Entry {
            value,
            was_used: false,
        };
        kept.values.insert(revision, entry);
        kept.queue.push_back(revision);
        kept.bytes += cost;
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    /// Lets one go; there is one, as long as bytes are counted.
    fn drop_one(&mut self) {
        for spared in 0.. {
            let Some(revision) = self.queue.pop_front() else {
                return;
            };
            let Some(entry) = self.values.get_mut(&revision) else {
                continue;
            };
            if !std::mem::take(&mut entry.was_used) || spared == MOST_SPARED {
                self.bytes -= cost(&entry.value);
                self.values.remove(&revision);
                return;
            }
            self.queue.push_back(revision);
        }
    }
}

fn cost(value: &Bytes) -> usize {
    value.len() + OVERHEAD
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_what_is_used_within_the_budget() {
        let value = Bytes::from(vec![0; 1000 - OVERHEAD]);
        let cache = ValueCache::new(10_000);
        for number in 0..100 {
            cache.insert(Revision(number), value.clone());
            assert!(cache.get(Revision(0)).is_some(), "used all the time");
        }
        let kept = (0..100)
            .filter(|number| cache.get(Revision(*number)).is_some())
            .count();
        assert_eq!(kept, 10);
        cache.insert(Revision(200), Bytes::from(vec![0; 6_000]));
        assert!(
            cache.get(Revision(200)).is_none(),
            "larger than half the budget"
        );
        for number in 0..100 {
            // All are used; what comes stays all the same.
            for revision in 0..400 {
                cache.get(Revision(revision));
            }
            cache.insert(Revision(300 + number), value.clone());
            assert!(cache.get(Revision(300 + number)).is_some(), "{number}");
        }
        let kept = cache.lock();
        assert_eq!((kept.bytes, kept.queue.len()), (10_000, kept.values.len()));
    }
}
