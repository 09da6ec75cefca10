//! A frame: the records of one batch, durable with one sync.
//!
//! ```text
//! 0   u32  crc of all that follows
//! 4   u32  length of the records
//! 8   u64  epoch of the segment
//! 16  u64  revision of the first record; the others follow without a hole
//! 24  u32  number of records, not 0
//! 28  u32  zero
//! 32  for each record: u32 length, then the record whole
//!     zeros up to the next block
//! ```

use super::segment::BLOCK;
use crate::Revision;
use crate::sled_store::record::Record;

pub(super) const HEAD: usize = 32;

/// The first bytes of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FrameHead {
    crc: u32,
    /// Of the records.
    pub len: usize,
    pub epoch: u64,
    pub first: Revision,
    count: u32,
}

/// Writes a frame into `buffer`, in place of what is there.
pub(super) fn encode(buffer: &mut Vec<u8>, epoch: u64, records: &[Record]) {
    buffer.clear();
    buffer.extend([0; HEAD]);
    for record in records {
        let len = u32::try_from(record.len()).expect("`fits` was asked");
        buffer.extend(len.to_le_bytes());
        record.encode_whole(buffer);
    }
    let len = u32::try_from(buffer.len() - HEAD).expect("a batch is bounded");
    let count = u32::try_from(records.len()).expect("a batch is bounded");
    let first = records
        .first()
        .map_or(Revision::ZERO, |first| first.revision);
    buffer[4..8].copy_from_slice(&len.to_le_bytes());
    buffer[8..16].copy_from_slice(&epoch.to_le_bytes());
    buffer[16..24].copy_from_slice(&first.0.to_le_bytes());
    buffer[24..28].copy_from_slice(&count.to_le_bytes());
    let crc = crc32fast::hash(&buffer[4..]);
    buffer[..4].copy_from_slice(&crc.to_le_bytes());
    buffer.resize(buffer.len().next_multiple_of(BLOCK), 0);
}

/// The bytes that a frame of these records takes.
pub(super) fn size(records: &[Record]) -> usize {
    let records: usize = records.iter().map(|record| 4 + record.len()).sum();
    (HEAD + records).next_multiple_of(BLOCK)
}

impl FrameHead {
    pub(super) fn decode(bytes: &[u8; HEAD]) -> Self {
        let int = |at: usize| {
            let bytes = bytes[at..at + 4].try_into();
            u32::from_le_bytes(bytes.expect("four bytes"))
        };
        let long = |at: usize| u64::from(int(at)) | u64::from(int(at + 4)) << 32;
        Self {
            crc: int(0),
            len: usize::try_from(int(4)).expect("pointers have 64 bits"),
            epoch: long(8),
            first: Revision(long(16)),
            count: int(24),
        }
    }

    /// The records of a frame, given all its bytes but the padding; `None` unless they are what
    /// was written.
    pub(super) fn records(&self, frame: &[u8]) -> Option<Vec<Record>> {
        if crc32fast::hash(&frame[4..]) != self.crc {
            return None;
        }
        let mut rest = &frame[HEAD..];
        let mut records = Vec::new();
        let mut revision = self.first;
        while let Some((len, tail)) = rest.split_first_chunk::<4>() {
            let len = usize::try_from(u32::from_le_bytes(*len)).ok()?;
            let (record, tail) = tail.split_at_checked(len)?;
            records.push(Record::decode_whole(revision, record)?);
            revision = revision.next();
            rest = tail;
        }
        let whole = rest.is_empty() && u32::try_from(records.len()) == Ok(self.count);
        (whole && !records.is_empty()).then_some(records)
    }
}
