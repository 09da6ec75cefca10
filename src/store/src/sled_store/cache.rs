//! Values kept in memory by the revision that wrote them, within a budget of bytes.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use crate::Revision;

/// What an entry costs beyond its bytes: its slots and the value's own header.
const OVERHEAD: usize = 96;

/// Second chance: a value that was asked for since it last came up goes to the end of the queue
/// instead of leaving. Operations take constant time, but for an insert that makes much room.
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
        let entry = Entry {
            value,
            was_used: false,
        };
        // A revision's value never changes.
        if kept.values.insert(revision, entry).is_none() {
            kept.bytes += cost;
            kept.queue.push_back(revision);
        }
        while kept.bytes > self.budget {
            kept.drop_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn drop_one(&mut self) {
        while let Some(revision) = self.queue.pop_front() {
            let Some(entry) = self.values.get_mut(&revision) else {
                continue;
            };
            if !std::mem::take(&mut entry.was_used) {
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
        cache.insert(Revision(200), Bytes::from(vec![0; 20_000]));
        assert!(
            cache.get(Revision(200)).is_none(),
            "larger than half the budget"
        );
        let kept = cache.lock();
        assert_eq!((kept.bytes, kept.queue.len()), (10_000, kept.values.len()));
    }
}
