//! Every key in memory with the revisions of its values; the values themselves are on disk.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;

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

/// A key's versions. Nearly all keys have one, so the others are out of line.
#[derive(Debug)]
#[expect(
    clippy::box_collection,
    reason = "8 bytes per key instead of 24, a million times"
)]
struct Versions {
    latest: Version,
    /// Ascending, all older than `latest`.
    older: Option<Box<Vec<Version>>>,
}

impl Versions {
    fn at(&self, revision: Revision) -> Option<Version> {
        if self.latest.modified <= revision {
            return self.latest.live();
        }
        let older = self.older.as_ref()?;
        let after = older.partition_point(|version| version.modified <= revision);
        older.get(after.checked_sub(1)?)?.live()
    }

    fn push(&mut self, version: Version) {
        self.older.get_or_insert_default().push(self.latest);
        self.latest = version;
    }

    /// Drops what is superseded at `at`; false when nothing is left of the key.
    fn compact(&mut self, at: Revision, dropped: &mut Vec<Revision>) -> bool {
        if let Some(older) = &mut self.older {
            let past = older.partition_point(|version| version.modified <= at);
            // The last one at or before `at` still holds, unless the latest took its place or it
            // is a deletion.
            let superseded = self.latest.modified <= at;
            let holds = past > 0 && !superseded && older[past - 1].live().is_some();
            let gone = older.drain(..past - usize::from(holds));
            dropped.extend(gone.map(|version| version.modified));
            if older.is_empty() {
                self.older = None;
            } else {
                older.shrink_to_fit();
            }
        }
        let keep = self.latest.modified > at || self.latest.live().is_some();
        if !keep {
            dropped.push(self.latest.modified);
        }
        keep
    }
}

/// All keys in order.
#[derive(Debug, Default)]
pub(crate) struct Index {
    keys: BTreeMap<Key, Versions>,
    /// The keys that a compaction at or past the revision can drop something of, in the order
    /// of revisions: the cost of a compaction is that of its garbage.
    garbage: VecDeque<(Revision, Key)>,
}

impl Index {
    /// The index's own copy of a key, and its live version.
    pub(crate) fn lookup(&self, key: &str) -> Option<(&Key, Option<Version>)> {
        let (key, versions) = self.keys.get_key_value(key)?;
        Some((key, versions.latest.live()))
    }

    /// The version of a live key at a revision.
    pub(crate) fn at(&self, key: &str, revision: Revision) -> Option<(&Key, Version)> {
        let (key, versions) = self.keys.get_key_value(key)?;
        Some((key, versions.at(revision)?))
    }

    /// Adds the next revision of a key.
    pub(crate) fn apply(&mut self, key: &Key, version: Version) {
        let superseded = match self.keys.get_mut(key) {
            Some(versions) => {
                versions.push(version);
                true
            }
            None => {
                self.keys.insert(
                    key.clone(),
                    Versions {
                        latest: version,
                        older: None,
                    },
                );
                version.live().is_none()
            }
        };
        if superseded {
            self.garbage.push_back((version.modified, key.clone()));
        }
    }

    /// Live keys that start with `prefix`, as of `revision`, after `from`.
    pub(crate) fn range<'a>(
        &'a self,
        prefix: &'a str,
        from: Option<&'a str>,
        revision: Revision,
    ) -> impl Iterator<Item = (&'a Key, Version)> {
        let start = match from {
            Some(from) if from >= prefix => Bound::Excluded(from),
            _ => Bound::Included(prefix),
        };
        self.keys
            .range::<str, _>((start, Bound::Unbounded))
            .take_while(move |(key, _)| key.starts_with(prefix))
            .filter_map(move |(key, versions)| Some((key, versions.at(revision)?)))
    }

    /// Forgets what is superseded or deleted at `at`; the revisions whose records may go.
    pub(crate) fn compact(&mut self, at: Revision) -> Vec<Revision> {
        let mut dropped = Vec::new();
        while let Some((_, key)) = self.garbage.pop_front_if(|(revision, _)| *revision <= at) {
            // A key superseded twice is in the queue twice, and gone or compact the second time.
            if let Some(versions) = self.keys.get_mut(&key)
                && !versions.compact(at, &mut dropped)
            {
                self.keys.remove(&key);
            }
        }
        dropped.sort_unstable();
        dropped
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
        let range = index.range("", None, Revision(revision));
        range
            .map(|(key, version)| (key.to_string(), version.modified.0))
            .collect()
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
