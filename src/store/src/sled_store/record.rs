//! How a change is written down. One record per revision; `architecture.md` calls this the log.
//!
//! In the write-ahead log a record is whole. Keys in sled: `r` + revision (8 bytes, big-endian)
//! for a record, the same + chunk number (2 bytes, big-endian, from 1) for the rest of a long
//! value, `m` + name for store-wide facts.
//!
//! A record is little-endian:
//! ```text
//! 0   u8   version (1)
//! 1   u8   flags: 1 deletion, 2 has a ttl
//! 2   u16  chunks that follow
//! 4   u32  changes of the same transaction that follow; 0 is its last
//! 8   u64  revision that created the key
//! 16  u64  revision of the key's previous value, 0 for none
//! 24  u64  trace
//! 32  u32  length of the key
//! 36  u32  length of the value, chunks included
//! 40  [u64 wall-clock expiry and u64 ttl, both in milliseconds, if flagged]
//!     key, then the first bytes of the value
//! ```

use base::TraceId;
use bytes::Bytes;

use crate::{Error, Key, Revision};

const VERSION: u8 = 1;
const DELETION: u8 = 1;
const HAS_TTL: u8 = 2;
const HEAD: usize = 40;

/// The longest piece of a value in one sled item. Sled moves a whole leaf of 17 to 25 items into
/// a file of its own, which we would have to sync too, once it passes a quarter of a 512 KiB
/// segment; at 4.75 KiB it never does.
pub(crate) const CHUNK: usize = 4864;

/// The names of the store-wide facts.
pub(crate) const META_COMPACTED: &[u8] = b"mcompacted";
/// The revision below which nothing needs to be in the log: the store's revision when it was last
/// compacted. A restore sets it, and `META_COMPACTED`, past every revision ever served.
pub(crate) const META_FLOOR: &[u8] = b"mfloor";
/// The last revision taken over from the write-ahead log.
pub(crate) const META_APPLIED: &[u8] = b"mapplied";

/// Where a record's life ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Expiry {
    /// Wall-clock time in milliseconds since 1970.
    pub at_ms: u64,
    /// The ttl it came from, in milliseconds: a clock that jumped back cannot prolong it.
    pub ttl_ms: u64,
}

/// A change as the log keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    pub revision: Revision,
    pub key: Key,
    /// `None` for a deletion.
    pub value: Option<Bytes>,
    pub created: Revision,
    pub prev: Option<Revision>,
    /// Changes of the same transaction that follow.
    pub left: u32,
    pub trace: TraceId,
    pub expiry: Option<Expiry>,
}

/// A record without its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head<'a> {
    pub key: &'a str,
    pub deletion: bool,
    pub chunks: u16,
    pub left: u32,
    pub created: Revision,
    pub prev: Option<Revision>,
    pub trace: TraceId,
    pub expiry: Option<Expiry>,
    pub value_len: usize,
    /// The value's first bytes.
    pub inline: &'a [u8],
}

/// The sled key of a record.
pub(crate) fn record_key(revision: Revision) -> [u8; 9] {
    let mut key = [b'r'; 9];
    key[1..].copy_from_slice(&revision.0.to_be_bytes());
    key
}

/// The sled key of a chunk, counted from 1.
pub(crate) fn chunk_key(revision: Revision, chunk: u16) -> [u8; 11] {
    let mut key = [b'r'; 11];
    key[1..9].copy_from_slice(&revision.0.to_be_bytes());
    key[9..].copy_from_slice(&chunk.to_be_bytes());
    key
}

/// The revision in a sled key, if it is a record's own and not a chunk's.
pub(crate) fn revision_of(key: &[u8]) -> Option<Revision> {
    let bytes: [u8; 8] = key.strip_prefix(b"r")?.try_into().ok()?;
    Some(Revision(u64::from_be_bytes(bytes)))
}

/// Whether a key and a value fit the format.
pub(crate) fn fits(key: &str, value: &[u8]) -> bool {
    u32::try_from(key.len()).is_ok() && value.len() / CHUNK < usize::from(u16::MAX)
}

impl Record {
    /// The items to put into sled: the record, then its chunks.
    pub(crate) fn encode(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        let value = self.value.as_deref().unwrap_or_default();
        let (inline, rest) = value.split_at(value.len().min(CHUNK));
        let mut bytes = Vec::with_capacity(self.head_len() + inline.len());
        self.encode_head(&mut bytes);
        bytes.extend(inline);
        let mut items = vec![(record_key(self.revision).to_vec(), bytes)];
        items.extend(
            (1..)
                .zip(rest.chunks(CHUNK))
                .map(|(number, chunk)| (chunk_key(self.revision, number).to_vec(), chunk.to_vec())),
        );
        items
    }

    /// Appends the record in one piece.
    pub(crate) fn encode_whole(&self, bytes: &mut Vec<u8>) {
        self.encode_head(bytes);
        bytes.extend(self.value.as_deref().unwrap_or_default());
    }

    /// Reads what [`Record::encode_whole`] wrote; `None` when it is malformed.
    pub(crate) fn decode_whole(revision: Revision, bytes: &[u8]) -> Option<Self> {
        let (head, value) = Head::parse(bytes)?;
        (value.len() == head.value_len).then(|| Self {
            revision,
            key: head.key.into(),
            value: (!head.deletion).then(|| Bytes::copy_from_slice(value)),
            created: head.created,
            prev: head.prev,
            left: head.left,
            trace: head.trace,
            expiry: head.expiry,
        })
    }

    /// The length of [`Record::encode_whole`].
    pub(crate) fn len(&self) -> usize {
        self.head_len() + self.value.as_ref().map_or(0, Bytes::len)
    }

    /// The record as a scan of the log shows it; nothing is inline.
    pub(crate) fn head(&self) -> Head<'_> {
        Head {
            key: &self.key,
            deletion: self.value.is_none(),
            chunks: 0,
            left: self.left,
            created: self.created,
            prev: self.prev,
            trace: self.trace,
            expiry: self.expiry,
            value_len: self.value.as_ref().map_or(0, Bytes::len),
            inline: &[],
        }
    }

    fn head_len(&self) -> usize {
        HEAD + if self.expiry.is_some() { 16 } else { 0 } + self.key.len()
    }

    fn encode_head(&self, bytes: &mut Vec<u8>) {
        let len = self.value.as_ref().map_or(0, Bytes::len);
        let deletion = if self.value.is_none() { DELETION } else { 0 };
        let has_ttl = if self.expiry.is_some() { HAS_TTL } else { 0 };
        bytes.extend([VERSION, deletion | has_ttl]);
        let chunks = u16::try_from(chunks(len)).expect("`fits` was asked");
        bytes.extend(chunks.to_le_bytes());
        bytes.extend(self.left.to_le_bytes());
        bytes.extend(self.created.0.to_le_bytes());
        bytes.extend(self.prev.unwrap_or_default().0.to_le_bytes());
        bytes.extend(self.trace.to_bits().to_le_bytes());
        for length in [self.key.len(), len] {
            let length = u32::try_from(length).expect("`fits` was asked");
            bytes.extend(length.to_le_bytes());
        }
        if let Some(expiry) = self.expiry {
            bytes.extend(expiry.at_ms.to_le_bytes());
            bytes.extend(expiry.ttl_ms.to_le_bytes());
        }
        bytes.extend(self.key.as_bytes());
    }
}

/// How many chunks a value of `len` bytes has beside its inline part.
fn chunks(len: usize) -> usize {
    len.saturating_sub(CHUNK).div_ceil(CHUNK)
}

impl<'a> Head<'a> {
    /// Reads a record's first item.
    pub(crate) fn decode(revision: Revision, bytes: &'a [u8]) -> Result<Self, Error> {
        Self::parse(bytes)
            .filter(|(head, value)| value.len() == head.value_len.min(CHUNK))
            .map(|(head, inline)| Self { inline, ..head })
            .ok_or_else(|| {
                Error::damaged(format!("the record of revision {revision} is malformed"))
            })
    }

    /// The head, and what follows it: all of the value or its first bytes.
    fn parse(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let mut rest = Reader(bytes);
        let [version, flags] = rest.take()?;
        if version != VERSION || flags & !(DELETION | HAS_TTL) != 0 {
            return None;
        }
        let chunks = u16::from_le_bytes(rest.take()?);
        let left = u32::from_le_bytes(rest.take()?);
        let created = Revision(rest.long()?);
        let prev = Some(Revision(rest.long()?)).filter(|prev| *prev != Revision::ZERO);
        let trace = TraceId::from_bits(rest.long()?);
        let key_len = usize::try_from(u32::from_le_bytes(rest.take()?)).ok()?;
        let value_len = usize::try_from(u32::from_le_bytes(rest.take()?)).ok()?;
        let expiry = match flags & HAS_TTL {
            0 => None,
            _ => Some(Expiry {
                at_ms: rest.long()?,
                ttl_ms: rest.long()?,
            }),
        };
        let (key, value) = rest.0.split_at_checked(key_len)?;
        let head = Self {
            key: std::str::from_utf8(key).ok()?,
            deletion: flags & DELETION != 0,
            chunks,
            left,
            created,
            prev,
            trace,
            expiry,
            value_len,
            inline: &[],
        };
        (usize::from(chunks) == self::chunks(value_len)).then_some((head, value))
    }
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*head)
    }

    fn long(&mut self) -> Option<u64> {
        self.take().map(u64::from_le_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(value: Option<Vec<u8>>, expiry: Option<Expiry>) -> Record {
        Record {
            revision: Revision(7),
            key: "/registry/pods/default/web".into(),
            value: value.map(Bytes::from),
            created: Revision(5),
            prev: Some(Revision(6)),
            left: 2,
            trace: TraceId::from_bits(0xabc),
            expiry,
        }
    }

    fn check(record: &Record) {
        let items = record.encode();
        let head = Head::decode(record.revision, &items[0].1).expect("decodes");
        let mut value = head.inline.to_vec();
        value.extend(items[1..].iter().flat_map(|(_, chunk)| chunk));
        let read = Record {
            revision: revision_of(&items[0].0).expect("a record's key"),
            key: head.key.into(),
            value: (!head.deletion).then(|| Bytes::from(value)),
            created: head.created,
            prev: head.prev,
            left: head.left,
            trace: head.trace,
            expiry: head.expiry,
        };
        assert_eq!(&read, record);
        assert_eq!(usize::from(head.chunks), items.len() - 1);
        assert!(items[1..].iter().all(|(key, _)| revision_of(key).is_none()));
        let mut whole = Vec::new();
        record.encode_whole(&mut whole);
        assert_eq!(whole.len(), record.len());
        let read = Record::decode_whole(record.revision, &whole);
        assert_eq!(read.as_ref(), Some(record));
    }

    #[test]
    fn encoding_is_read_back() {
        let expiry = Some(Expiry {
            at_ms: 1_700_000_000_000,
            ttl_ms: 3_600_000,
        });
        check(&record(None, None));
        check(&record(Some(vec![]), expiry));
        for len in [1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 3 << 20] {
            check(&record(Some(vec![b'x'; len]), expiry));
        }
    }

    #[test]
    fn a_cut_or_longer_record_is_refused() {
        let bytes = &record(Some(b"value".to_vec()), None).encode()[0].1;
        for len in 0..bytes.len() {
            assert!(
                Head::decode(Revision(7), &bytes[..len]).is_err(),
                "{len} bytes"
            );
            assert_eq!(Record::decode_whole(Revision(7), &bytes[..len]), None);
        }
        let longer = [bytes.as_slice(), b"x"].concat();
        assert!(Head::decode(Revision(7), &longer).is_err());
    }
}
