//! Every key in memory with the revisions of its values; the values themselves are on disk.

mod keys;
mod leaf;

use std::collections::{HashMap, VecDeque};
use std::ops::{Bound, ControlFlow};

use self::keys::Keys;
use crate::{Key, Revision};

/// One value of a key, by its revisions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Version {
    /// When the key was created; zero marks a deletion.
    pub created: Revision,
    /// When this value was written, and the name it has in cache and log.
    pub modified: Revision,
}

impl Version {
    pub(crate) fn deletion(modified: Revision) -> Self {
        Self {
            created: Revision::ZERO,
            modified,
        }
    }

    fn live(self) -> Option<Self> {
        (self.created != Revision::ZERO).then_some(self)
    }
}

/// All keys in order.
#[derive(Debug, Default)]
pub(crate) struct Index {
    /// With the latest version of each.
    keys: Keys,
    /// Versions before the latest, ascending. Nearly all keys have none.
    older: HashMap<Key, Vec<Version>>,
    /// The keys that a compaction at or past the revision can drop something of, in the order
    /// of revisions: the cost of a compaction is that of its garbage.
    garbage: VecDeque<(Revision, Key)>,
}

impl Index {
    /// A key's live version.
    pub(crate) fn latest(&self, key: &str) -> Option<Version> {
        self.keys.get(key)?.live()
    }

    /// The version of a live key at a revision.
    pub(crate) fn at(&self, key: &str, revision: Revision) -> Option<Version> {
        self.version_at(key, self.keys.get(key)?, revision)
    }

    fn version_at(&self, key: &str, latest: Version, revision: Revision) -> Option<Version> {
        if latest.modified <= revision {
            return latest.live();
        }
        let older = self.older.get(key)?;
        let after = older.partition_point(|version| version.modified <= revision);
        older.get(after.checked_sub(1)?)?.live()
    }

    /// Adds the next revision of a key; the one before, which may be a deletion's.
    pub(crate) fn apply(&mut self, key: &Key, version: Version) -> Option<Revision> {
        let before = self.keys.insert(key, version);
        if let Some(before) = before {
            match self.older.get_mut(key) {
                Some(older) => older.push(before),
                None => drop(self.older.insert(key.clone(), vec![before])),
            }
        }
        if before.is_some() || version.live().is_none() {
            self.garbage.push_back((version.modified, key.clone()));
        }
        before.map(|before| before.modified)
    }

    /// Shows `each` the live keys that start with `prefix`, as of `revision`, after `from`, in
    /// order, until it breaks.
    pub(crate) fn visit(
        &self,
        prefix: &str,
        from: Option<&str>,
        revision: Revision,
        mut each: impl FnMut(&str, Version) -> ControlFlow<()>,
    ) {
        let start = match from {
            Some(from) if from >= prefix => Bound::Excluded(from),
            _ => Bound::Included(prefix),
        };
        self.keys.visit(start, |key, latest| {
            if !key.starts_with(prefix) {
                return ControlFlow::Break(());
            }
            match self.version_at(key, latest, revision) {
                Some(version) => each(key, version),
                None => ControlFlow::Continue(()),
            }
        });
    }

    /// How many live keys after `after` start with `prefix`, as of `revision`, as far as `most`.
    pub(crate) fn count(
        &self,
        prefix: &str,
        after: &str,
        revision: Revision,
        most: usize,
    ) -> usize {
        let live = |key: &str, latest| self.version_at(key, latest, revision).is_some();
        self.keys.count(prefix, after, revision, most, live)
    }

    /// Forgets what is superseded or deleted at `at`; the revisions whose records may go.
    pub(crate) fn compact(&mut self, at: Revision) -> Vec<Revision> {
        let mut dropped = Vec::new();
        while let Some((_, key)) = self.garbage.pop_front_if(|(revision, _)| *revision <= at) {
            // A key superseded twice is in the queue twice, and gone or compact the second time.
            if let Some(latest) = self.keys.get(&key) {
                self.compact_older(&key, latest, at, &mut dropped);
                if latest.modified <= at && latest.live().is_none() {
                    dropped.push(latest.modified);
                    self.keys.remove(&key);
                }
            }
        }
        dropped.sort_unstable();
        dropped
    }

    fn compact_older(
        &mut self,
        key: &Key,
        latest: Version,
        at: Revision,
        dropped: &mut Vec<Revision>,
    ) {
        let Some(older) = self.older.get_mut(key) else {
            return;
        };
        let past = older.partition_point(|version| version.modified <= at);
        // The last one at or before `at` still holds, unless the latest took its place or it is a
        // deletion.
        let superseded = latest.modified <= at;
        let holds = past > 0 && !superseded && older[past - 1].live().is_some();
        let gone = older.drain(..past - usize::from(holds));
        dropped.extend(gone.map(|version| version.modified));
        if older.is_empty() {
            self.older.remove(key);
        }
    }

    /// Whether a compaction at the current revision would drop anything.
    pub(crate) fn has_garbage(&self) -> bool {
        !self.garbage.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(index: &mut Index, key: &str, created: u64, modified: u64) {
        let version = Version {
            created: Revision(created),
            modified: Revision(modified),
        };
        index.apply(&key.into(), version);
    }

    fn keys(index: &Index, revision: u64) -> Vec<(String, u64)> {
        let mut found = Vec::new();
        index.visit("", None, Revision(revision), |key, version| {
            found.push((key.to_owned(), version.modified.0));
            ControlFlow::Continue(())
        });
        found
    }

    fn sample() -> Index {
        let mut index = Index::default();
        put(&mut index, "a", 2, 2);
        put(&mut index, "b", 3, 3);
        put(&mut index, "a", 2, 4);
        index.apply(&"b".into(), Version::deletion(Revision(5)));
        put(&mut index, "a", 2, 6);
        put(&mut index, "b", 7, 7);
        index
    }

    #[test]
    fn shows_every_state_until_it_is_compacted() {
        let index = sample();
        let at = |key: &str, revision| Some((key.to_owned(), revision));
        let table: [(u64, Vec<_>); 6] = [
            (2, vec![at("a", 2)]),
            (3, vec![at("a", 2), at("b", 3)]),
            (4, vec![at("a", 4), at("b", 3)]),
            (5, vec![at("a", 4)]),
            (6, vec![at("a", 6)]),
            (7, vec![at("a", 6), at("b", 7)]),
        ];
        for compacted in 0..=7 {
            let mut index = sample();
            index.compact(Revision(compacted));
            for (revision, want) in &table {
                if *revision >= compacted {
                    let want: Vec<_> = want.iter().flatten().cloned().collect();
                    assert_eq!(keys(&index, *revision), want, "{compacted} {revision}");
                }
            }
        }
        assert!(index.has_garbage());
    }

    #[test]
    fn compaction_names_the_records_that_may_go() {
        let table: [(u64, &[u64]); 7] = [
            (3, &[]),
            (4, &[2]),
            (5, &[2, 3, 5]),
            (6, &[2, 3, 4, 5]),
            (7, &[2, 3, 4, 5]),
            (8, &[2, 3, 4, 5]),
            (2, &[]),
        ];
        for (at, want) in table {
            let dropped = sample().compact(Revision(at));
            assert_eq!(
                dropped,
                want.iter().copied().map(Revision).collect::<Vec<_>>(),
                "{at}"
            );
        }
        let mut index = sample();
        index.compact(Revision(5));
        assert_eq!(index.compact(Revision(7)), [Revision(4)]);
        assert!(!index.has_garbage());
    }
}
