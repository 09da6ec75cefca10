//! Keeps sled's page cache to its size.
//!
//! Sled notes each access to a page in one of 256 queues and looks at a queue, to let go of what
//! is too much, only when it holds 64. Reads that go once through many pages therefore leave up to
//! 16,000 of them in memory, each of a dozen records: 40 MB after opening 100,000 keys of 200
//! bytes, 100 MB after 20,000 of 4,800, which is all of them. So a page counts as many accesses as
//! it has bytes: who reads a record asks for it again, which is cheap as its page is in memory.
//! They are 14 and 27 MB then.
//!
//! That is what a walk leaves. The bound is wider: no leaf (of at most 25 items of less than 5 KiB)
//! takes more than 4 KiB for each access it counts as, and the queues hold 256 * 64 accesses that
//! nobody has looked at, so 64 MiB. It takes reads of one large record each in 500 leaves to get
//! there, since a record counts as [`MOST`] accesses at most.

use sled::Db;

/// One access for so many bytes. Pages that no queue has looked at come to 256 * 64 times that,
/// 8 MiB, where the counted bytes are those of the page.
const ACCESS_BYTES: usize = 512;
/// More would make reads of large records slower than the rest of what they take. A leaf of which
/// one such record is read, up to 125 KiB, counts as less than it has.
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
