//! All keys in order, each with its latest version: a tree of leaves.

use std::collections::BTreeMap;
use std::ops::{Bound, ControlFlow};

use super::Version;
use super::leaf::{Builder, Leaf, MOST};
use crate::Revision;

/// A leaf with fewer keys joins its neighbour, if both fit into one.
const LEAST: usize = MOST / 4;

/// A sorted map from keys to versions.
#[derive(Debug)]
pub(super) struct Keys {
    /// By a lower bound of the leaf's keys. The first one's is the empty string, and it is always
    /// there, so that every key has its leaf.
    leaves: BTreeMap<Box<str>, Leaf>,
}

impl Default for Keys {
    fn default() -> Self {
        Self {
            leaves: BTreeMap::from([(Box::default(), Leaf::default())]),
        }
    }
}

impl Keys {
    fn leaf(&self, key: &str) -> (&str, &Leaf) {
        let upto = (Bound::Unbounded, Bound::Included(key));
        let found = self.leaves.range::<str, _>(upto).next_back();
        let (bound, leaf) = found.expect("there is one for the empty string");
        (bound, leaf)
    }

    fn replace(&mut self, bound: &str, leaf: Leaf) {
        *self.leaves.get_mut(bound).expect("found before") = leaf;
    }

    pub(super) fn get(&self, key: &str) -> Option<Version> {
        self.leaf(key).1.get(key)
    }

    /// Sets a key's version; the one before.
    pub(super) fn insert(&mut self, key: &str, version: Version) -> Option<Version> {
        let upto = (Bound::Unbounded, Bound::Included(key));
        let found = self.leaves.range_mut::<str, _>(upto).next_back();
        let (bound, leaf) = found.expect("there is one for the empty string");
        let (before, last) = leaf.set(key, version);
        if leaf.len() > MOST {
            let (bound, leaf) = (bound.clone(), std::mem::take(leaf));
            // Keys that arrive in order leave full leaves behind.
            self.split(&bound, &leaf, if last { MOST } else { MOST / 2 });
        }
        before
    }

    fn split(&mut self, bound: &str, leaf: &Leaf, cut: usize) {
        let (mut head, mut tail) = (Builder::default(), Builder::default());
        let mut middle = None;
        let mut entries = leaf.entries();
        for index in 0.. {
            let Some(version) = entries.next() else { break };
            if index < cut {
                head.push(entries.key(), version);
            } else {
                middle.get_or_insert_with(|| Box::from(entries.key()));
                tail.push(entries.key(), version);
            }
        }
        self.replace(bound, head.finish());
        let middle = middle.expect("the leaf is longer than the cut");
        self.leaves.insert(middle, tail.finish());
    }

    /// Forgets a key.
    pub(super) fn remove(&mut self, key: &str) {
        let (bound, leaf) = self.leaf(key);
        let bound: Box<str> = bound.into();
        let mut builder = Builder::default();
        let mut entries = leaf.entries();
        while let Some(version) = entries.next() {
            if entries.key() != key {
                builder.push(entries.key(), version);
            }
        }
        let leaf = builder.finish();
        let few = leaf.len() < LEAST;
        self.replace(&bound, leaf);
        if few {
            self.join(&bound);
        }
    }

    /// Joins a leaf with the one before it, if there is one and both fit into one.
    fn join(&mut self, bound: &str) {
        let before = (Bound::Unbounded, Bound::Excluded(bound));
        let Some((left, first)) = self.leaves.range::<str, _>(before).next_back() else {
            return;
        };
        let second = &self.leaves[bound];
        if first.len() + second.len() > MOST {
            return;
        }
        let mut builder = Builder::default();
        builder.extend(first);
        builder.extend(second);
        let left: Box<str> = left.clone();
        self.replace(&left, builder.finish());
        self.leaves.remove(bound);
    }

    /// How many keys after `after` start with `prefix` and are live at `at`, as far as `most`.
    /// `live` tells of those that are not so by their latest version alone.
    pub(super) fn count(
        &self,
        prefix: &str,
        after: &str,
        at: Revision,
        most: usize,
        live: impl Fn(&str, Version) -> bool,
    ) -> usize {
        let (bound, _) = self.leaf(after);
        let range = (Bound::Included(bound), Bound::Unbounded);
        let mut leaves = self.leaves.range::<str, _>(range).peekable();
        let mut count = 0;
        while let Some((bound, leaf)) = leaves.next() {
            let next = leaves.peek().map(|(bound, _)| bound);
            // What lies between two keys with the prefix has it too.
            let whole = &**bound > after
                && bound.starts_with(prefix)
                && next.is_some_and(|next| next.starts_with(prefix));
            if whole && leaf.all_live(at) {
                count += leaf.len();
            } else {
                let mut entries = leaf.entries();
                while let Some(version) = entries.next() {
                    let key = entries.key();
                    if key > after && !key.starts_with(prefix) && key > prefix {
                        return count.min(most);
                    }
                    let counts = key > after && key.starts_with(prefix) && live(key, version);
                    count += usize::from(counts);
                }
            }
            if count >= most {
                return most;
            }
        }
        count
    }

    /// Shows `each` the keys from `start` on, in order, until it breaks.
    pub(super) fn visit(
        &self,
        start: Bound<&str>,
        mut each: impl FnMut(&str, Version) -> ControlFlow<()>,
    ) {
        let (Bound::Included(from) | Bound::Excluded(from)) = start else {
            return self.visit(Bound::Included(""), each);
        };
        let (bound, _) = self.leaf(from);
        for (_, leaf) in self
            .leaves
            .range::<str, _>((Bound::Included(bound), Bound::Unbounded))
        {
            let mut entries = leaf.entries();
            while let Some(version) = entries.next() {
                let key = entries.key();
                let before = key < from || (key == from && matches!(start, Bound::Excluded(_)));
                if !before && each(key, version).is_break() {
                    return;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(number: u64) -> Version {
        Version {
            created: Revision(number / 2),
            modified: Revision(number),
        }
    }

    fn all(keys: &Keys, start: Bound<&str>) -> Vec<(String, Version)> {
        let mut found = Vec::new();
        keys.visit(start, |key, version| {
            found.push((key.to_owned(), version));
            ControlFlow::Continue(())
        });
        found
    }

    /// Random insertions and removals against the standard map.
    #[test]
    fn is_a_sorted_map() {
        let mut model = BTreeMap::new();
        let mut keys = Keys::default();
        let mut number = 1_u64;
        for step in 0..20_000 {
            // An odd multiplier visits all residues in a scattered order.
            number = number
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let name = number >> 33;
            // It grows at first, and shrinks towards the end.
            let key = format!("/r/{}/é{}", name % 3, name % 700);
            if name / 700 % 20_000 < step {
                keys.remove(&key);
                model.remove(&key);
            } else {
                let before = model.insert(key.clone(), version(step));
                assert_eq!(keys.insert(&key, version(step)), before);
            }
            assert_eq!(keys.get(&key), model.get(&key).copied());
            if step % 500 == 0 {
                let want: Vec<_> = model.clone().into_iter().collect();
                assert_eq!(all(&keys, Bound::Unbounded), want);
                for (prefix, most) in [("/r/1/", 9999), ("", 9999), ("/r/1/", 20), ("x", 9)] {
                    let range = model.range::<str, _>((Bound::Excluded(&*key), Bound::Unbounded));
                    let live = |version: &Version| version.live().is_some();
                    let range =
                        range.filter(|(key, version)| key.starts_with(prefix) && live(version));
                    let found = keys.count(prefix, &key, Revision(step), most, |_, v| live(&v));
                    assert_eq!(found, range.count().min(most), "{prefix} {key}");
                }
                for start in [Bound::Included(&*key), Bound::Excluded(&*key)] {
                    let range = model.range::<str, _>((start, Bound::Unbounded));
                    let want: Vec<_> = range.map(|(key, value)| (key.clone(), *value)).collect();
                    assert_eq!(all(&keys, start), want);
                }
            }
        }
    }

    #[test]
    fn keys_in_order_fill_their_leaves() {
        let mut keys = Keys::default();
        for number in 0..10_000 {
            let key = format!("/registry/pods/default/a-deployment-7d4b9c-{number:05}");
            keys.insert(&key, version(number));
        }
        assert!(keys.leaves.len() <= 10_000 / MOST + 1);
        for number in 0..10_000 {
            keys.remove(&format!(
                "/registry/pods/default/a-deployment-7d4b9c-{number:05}"
            ));
        }
        assert_eq!(keys.leaves.len(), 1);
    }
}
