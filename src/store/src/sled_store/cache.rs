//! Values kept in memory by the revision that wrote them, within a budget of bytes.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;

use crate::Revision;

/// What an entry costs beyond its bytes: its slot and the value's own header.
const OVERHEAD: usize = 96;

/// Two generations: what is used moves to the young one; when that holds half the budget it
/// becomes the old one, and the old one is forgotten. Every operation takes constant time.
pub(crate) struct ValueCache {
    budget: usize,
    generations: Mutex<Generations>,
}

#[derive(Default)]
struct Generations {
    young: HashMap<Revision, Bytes>,
    young_bytes: usize,
    old: HashMap<Revision, Bytes>,
}

impl ValueCache {
    pub(crate) fn new(budget: usize) -> Self {
        Self {
            budget,
            generations: Mutex::default(),
        }
    }

    pub(crate) fn get(&self, revision: Revision) -> Option<Bytes> {
        let mut generations = self
            .generations
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(value) = generations.young.get(&revision) {
            return Some(value.clone());
        }
        let value = generations.old.remove(&revision)?;
        generations.insert(revision, value.clone(), self.budget);
        Some(value)
    }

    pub(crate) fn insert(&self, revision: Revision, value: Bytes) {
        let mut generations = self
            .generations
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        generations.insert(revision, value, self.budget);
    }
}

impl Generations {
    fn insert(&mut self, revision: Revision, value: Bytes, budget: usize) {
        let cost = value.len() + OVERHEAD;
        if cost > budget / 2 {
            return;
        }
        if self.young_bytes + cost > budget / 2 {
            self.old = std::mem::take(&mut self.young);
            self.young_bytes = 0;
        }
        if self.young.insert(revision, value).is_none() {
            self.young_bytes += cost;
        }
    }
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
        assert!((5..=10).contains(&kept), "{kept}");
        cache.insert(Revision(200), Bytes::from(vec![0; 20_000]));
        assert!(
            cache.get(Revision(200)).is_none(),
            "larger than half the budget"
        );
    }
}
