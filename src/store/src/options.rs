//! What the owner of a store may choose.

use std::time::Duration;

use base::Clock;

/// Sizes and times. The defaults fit a machine with 1 GiB of memory.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where the time comes from.
    pub clock: Clock,
    /// Bytes of recent events kept in memory per ring, that is per kind of object.
    pub ring_bytes: usize,
    /// Bytes of values kept in memory for reads. They are shared with the informers that hold the
    /// same objects.
    pub cache_bytes: usize,
    /// Bytes of sled's own page cache, beside one page for each of its 256 parts, and the pages it
    /// has not looked at yet: about 8 MiB after a walk through small records, 64 MiB at most, after
    /// reads of large ones here and there. A page has up to 25 records or chunks of less than
    /// 5 KiB.
    pub page_cache_bytes: u64,
    /// Bytes of the write-ahead log on disk; writers wait when it is full.
    pub wal_bytes: u64,
    /// The least time a superseded value stays readable; up to twice that.
    pub history: Duration,
}

impl Options {
    /// The defaults, on `clock`.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self {
            clock,
            ring_bytes: 2 << 20,
            cache_bytes: 64 << 20,
            page_cache_bytes: 1 << 20,
            wal_bytes: 16 << 20,
            history: Duration::from_secs(5 * 60),
        }
    }
}
