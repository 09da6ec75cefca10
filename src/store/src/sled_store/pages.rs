//! Keeps sled's page cache to its size.
//!
//! Sled notes each access to a page in one of 256 queues and looks at a queue, to let go of what
//! is too much, only when it holds 64. Reads that go once through many pages therefore leave up to
//! 16,000 of them in memory, each of a dozen records: 40 MB after opening 100,000 keys of 200
//! bytes, 100 MB after 20,000 of 4,800, which is all of them. So a page counts as many accesses as
//! it has bytes: who reads a record asks for it again, which is cheap as its page is in memory.
//! They are 14 and 27 MB then.

use sled::Db;

/// One access for so many bytes: pages that no queue has looked at are at most 256 * 64 times
/// that, 8 MiB.
const ACCESS_BYTES: usize = 512;
/// More would make reads of large records slower than the rest of what they take.
const MOST: usize = 32;
/// Records in a page that was read for one of them.
const RECORDS: usize = 10;

/// The page of an item of `len` bytes was read for it alone.
pub(super) fn count_one(db: &Db, key: &[u8], len: usize) -> sled::Result<()> {
    access(db, key, len * RECORDS / ACCESS_BYTES)
}

/// Counts what a walk over neighbouring items reads.
#[derive(Default)]
pub(super) struct Walk {
    bytes: usize,
}

impl Walk {
    /// The walk has come to an item of `len` bytes.
    pub(super) fn count(&mut self, db: &Db, key: &[u8], len: usize) -> sled::Result<()> {
        self.bytes += len.min(MOST * ACCESS_BYTES / RECORDS);
        let due = self.bytes / ACCESS_BYTES;
        self.bytes %= ACCESS_BYTES;
        access(db, key, due)
    }
}

fn access(db: &Db, key: &[u8], times: usize) -> sled::Result<()> {
    for _ in 0..times.min(MOST) {
        db.contains_key(key)?;
    }
    Ok(())
}
