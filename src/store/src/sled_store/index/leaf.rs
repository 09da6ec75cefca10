//! A few dozen neighbouring keys in one piece of memory.
//!
//! Neighbours begin alike, so each key is kept as the length of what it shares with the one
//! before it and the rest: about 25 bytes in all where a key and its place in a tree took 150.
//! Reading a leaf is reading it from its start.

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
}

impl Leaf {
    pub(super) fn len(&self) -> usize {
        self.count
    }

    pub(super) fn entries(&self) -> Entries<'_> {
        Entries {
            bytes: &self.bytes,
            key: Vec::new(),
        }
    }

    /// The version of a key.
    pub(super) fn get(&self, key: &str) -> Option<Version> {
        let mut entries = self.entries();
        while let Some(version) = entries.next() {
            match entries.key().cmp(key) {
                std::cmp::Ordering::Less => {}
                std::cmp::Ordering::Equal => return Some(version),
                std::cmp::Ordering::Greater => return None,
            }
        }
        None
    }
}

/// Walks over a leaf; the current key is rebuilt in one buffer.
pub(super) struct Entries<'a> {
    bytes: &'a [u8],
    key: Vec<u8>,
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
        let created = self.varint();
        let modified = Revision(created + self.varint());
        let created = Revision(created);
        Some(Version { created, modified })
    }

    /// The key moved to last.
    pub(super) fn key(&self) -> &str {
        std::str::from_utf8(&self.key).expect("a leaf is made of strings")
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
        let pairs = self.key.iter().zip(key);
        let shared = pairs.take_while(|(one, other)| one == other).count();
        self.varint(shared as u64);
        self.varint((key.len() - shared) as u64);
        self.leaf.bytes.extend(&key[shared..]);
        self.varint(version.created.0);
        self.varint(version.modified.0 - version.created.0);
        self.key.truncate(shared);
        self.key.extend(&key[shared..]);
        self.leaf.count += 1;
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

    fn varint(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.leaf.bytes.push(number.to_le_bytes()[0] | 0x80);
            number >>= 7;
        }
        self.leaf.bytes.push(number.to_le_bytes()[0]);
    }
}
