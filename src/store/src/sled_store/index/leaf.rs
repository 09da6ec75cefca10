//! A few dozen neighbouring keys in one piece of memory.
//!
//! Neighbours begin alike, so each key is kept as the length of what it shares with the one
//! before it and the rest: about 25 bytes in all where a key and its place in a tree took 150.
//! Reading a leaf is reading it from its start.

use std::cmp::Ordering;

use super::Version;
use crate::Revision;

/// The most keys of a leaf. More would make it slower, fewer larger.
pub(super) const MOST: usize = 32;

/// Keys in ascending order, each with its latest version.
#[derive(Debug, Default)]
pub(super) struct Leaf {
    /// Per key: bytes shared, length of the rest, the rest, revision of creation (zero for a
    /// deletion), and how much later it was modified.
    bytes: Vec<u8>,
    count: usize,
    /// How many of them are deletions.
    deletions: usize,
    /// None was modified later; it may lie higher.
    newest: Revision,
}

impl Leaf {
    pub(super) fn len(&self) -> usize {
        self.count
    }

    pub(super) fn entries(&self) -> Entries<'_> {
        Entries {
            len: self.bytes.len(),
            bytes: &self.bytes,
            key: Vec::new(),
            version_at: 0,
        }
    }

    /// Whether all its keys are live at a revision.
    pub(super) fn all_live(&self, at: Revision) -> bool {
        self.deletions == 0 && self.newest <= at
    }

    /// The version of a key.
    pub(super) fn get(&self, key: &str) -> Option<Version> {
        let mut entries = self.entries();
        while let Some(version) = entries.next() {
            match compare(&entries.key, key.as_bytes()).1 {
                Ordering::Less => {}
                Ordering::Equal => return Some(version),
                Ordering::Greater => return None,
            }
        }
        None
    }

    /// Sets a key's version. The one before, and whether the key is a new last one.
    pub(super) fn set(&mut self, key: &str, version: Version) -> (Option<Version>, bool) {
        self.newest = self.newest.max(version.modified);
        self.deletions += usize::from(version.live().is_none());
        let key = key.as_bytes();
        let mut entries = self.entries();
        // What the key shares with the one before it.
        let mut shared = 0;
        let mut at = 0;
        while let Some(found) = entries.next() {
            let (same, order) = compare(&entries.key, key);
            match order {
                Ordering::Less => {
                    shared = same;
                    at = entries.at();
                }
                Ordering::Equal => {
                    let old = entries.version_at..entries.at();
                    let mut new = Vec::new();
                    push_version(&mut new, version);
                    self.bytes.splice(old, new);
                    self.deletions -= usize::from(found.live().is_none());
                    return (Some(found), false);
                }
                Ordering::Greater => {
                    let mut new = Vec::new();
                    push_entry(&mut new, shared, key, version);
                    push_entry(&mut new, same, &entries.key, found);
                    let old = at..entries.at();
                    // Exactly: there are as many leaves as room would be wasted.
                    self.bytes
                        .reserve_exact(new.len().saturating_sub(old.len()));
                    self.bytes.splice(old, new);
                    self.count += 1;
                    return (None, false);
                }
            }
        }
        let mut new = Vec::new();
        push_entry(&mut new, shared, key, version);
        self.bytes.reserve_exact(new.len());
        self.bytes.extend(new);
        self.count += 1;
        (None, true)
    }
}

/// How many bytes two keys share, and which comes first.
fn compare(one: &[u8], other: &[u8]) -> (usize, Ordering) {
    let pairs = one.iter().zip(other);
    let same = pairs.take_while(|(one, other)| one == other).count();
    (same, one[same..].cmp(&other[same..]))
}

fn push_entry(bytes: &mut Vec<u8>, shared: usize, key: &[u8], version: Version) {
    push_varint(bytes, shared as u64);
    push_varint(bytes, (key.len() - shared) as u64);
    bytes.extend(&key[shared..]);
    push_version(bytes, version);
}

fn push_version(bytes: &mut Vec<u8>, version: Version) {
    push_varint(bytes, version.created.0);
    push_varint(bytes, version.modified.0 - version.created.0);
}

fn push_varint(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    bytes.push(number.to_le_bytes()[0]);
}

/// Walks over a leaf; the current key is rebuilt in one buffer.
pub(super) struct Entries<'a> {
    /// Of the leaf.
    len: usize,
    /// What has not been read.
    bytes: &'a [u8],
    key: Vec<u8>,
    /// Where the version of that key is.
    version_at: usize,
}

impl Entries<'_> {
    /// Moves to the next key.
    pub(super) fn next(&mut self) -> Option<Version> {
        if self.bytes.is_empty() {
            return None;
        }
        let shared = self.length();
        let rest = self.length();
        let (rest, bytes) = self.bytes.split_at(rest);
        self.bytes = bytes;
        self.key.truncate(shared);
        self.key.extend(rest);
        self.version_at = self.at();
        let created = self.varint();
        let modified = Revision(created + self.varint());
        let created = Revision(created);
        Some(Version { created, modified })
    }

    /// The key moved to last.
    pub(super) fn key(&self) -> &str {
        std::str::from_utf8(&self.key).expect("a leaf is made of strings")
    }

    /// How much has been read.
    fn at(&self) -> usize {
        self.len - self.bytes.len()
    }

    fn length(&mut self) -> usize {
        usize::try_from(self.varint()).expect("a length of something in memory")
    }

    fn varint(&mut self) -> u64 {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.bytes.split_first().expect("a leaf ends with an entry");
            self.bytes = rest;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                break;
            }
        }
        number
    }
}

/// Builds leaves, from keys in ascending order.
#[derive(Default)]
pub(super) struct Builder {
    leaf: Leaf,
    key: Vec<u8>,
}

impl Builder {
    pub(super) fn push(&mut self, key: &str, version: Version) {
        let key = key.as_bytes();
        let shared = compare(&self.key, key).0;
        push_entry(&mut self.leaf.bytes, shared, key, version);
        self.key.truncate(shared);
        self.key.extend(&key[shared..]);
        self.leaf.count += 1;
        self.leaf.deletions += usize::from(version.live().is_none());
        self.leaf.newest = self.leaf.newest.max(version.modified);
    }

    pub(super) fn extend(&mut self, leaf: &Leaf) {
        let mut entries = leaf.entries();
        while let Some(version) = entries.next() {
            self.push(entries.key(), version);
        }
    }

    pub(super) fn finish(mut self) -> Leaf {
        self.leaf.bytes.shrink_to_fit();
        self.leaf
    }
}
