//! The write-ahead log: what makes a write durable, before sled has heard of it.
//!
//! A batch is one frame, written and synced in one go. When a segment is full the next one
//! begins; once sled holds, durably, everything a segment says, the segment is used again.
//! [`recovery::read`] gives what sled has not taken over yet.

mod frame;
mod recovery;
mod segment;

use std::collections::VecDeque;
use std::fs;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use tracing::warn;

use self::segment::{FIRST, Header, Segment};
use super::record::Record;
use super::writer::fault;
use crate::{Error, Revision};

pub(crate) use self::recovery::{forget_pages, read};

/// Of how many segments the log consists, unless a batch is longer than a segment.
const SEGMENTS: u64 = 4;
/// The smallest segment.
const LEAST: u64 = 64 << 10;

/// The log, open for writing at its end.
#[derive(Debug)]
pub(crate) struct Wal {
    directory: PathBuf,
    /// Of a segment.
    len: u64,
    active: Segment,
    /// Where the next frame goes.
    at: u64,
    /// The last revision written.
    last: Revision,
    /// Full segments with their last revision, in order.
    sealed: VecDeque<(Revision, Segment)>,
    free: Vec<Segment>,
    buffer: Vec<u8>,
}

/// What became of a batch.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Appended {
    /// It is durable.
    Done,
    /// There is no room before sled is durable up to this revision. Nothing was written.
    Full(Revision),
}

/// How long a segment is in a log of `total` bytes.
fn segment_len(total: u64) -> u64 {
    (total / SEGMENTS)
        .max(LEAST)
        .next_multiple_of(segment::BLOCK as u64)
}

impl Wal {
    /// Makes a log in `directory`, which begins after `base`.
    pub(crate) fn create(directory: &Path, total: u64, base: Revision) -> io::Result<Self> {
        let len = segment_len(total);
        let active = Segment::create(directory, Header::new(1, base, len))?;
        Ok(Self {
            directory: directory.to_owned(),
            len,
            active,
            at: FIRST,
            last: base,
            sealed: VecDeque::new(),
            free: Vec::new(),
            buffer: Vec::new(),
        })
    }

    /// Writes the records as one frame and makes them durable.
    ///
    /// # Errors
    /// [`Error::Io`]: whether they are there is unknown.
    pub(crate) fn append(&mut self, records: &[Record]) -> Result<Appended, Error> {
        let size = frame::size(records) as u64;
        if self.at + size > self.active.header.len {
            let begun = self.begin_segment(size);
            match begun.map_err(|error| Error::io("beginning a segment of the log", error))? {
                Appended::Done => {}
                full @ Appended::Full(_) => return Ok(full),
            }
        }
        frame::encode(&mut self.buffer, self.active.header.epoch, records);
        fault("store::before-write")?;
        let file = &self.active.file;
        file.write_all_at(&self.buffer, self.at)
            .map_err(|error| Error::io("writing", error))?;
        fault("store::before-sync")?;
        file.sync_data()
            .map_err(|error| Error::io("syncing", error))?;
        self.at += size;
        self.last = records.last().map_or(self.last, |last| last.revision);
        // One long batch must not cost its memory for ever.
        self.buffer.shrink_to(1 << 20);
        Ok(Appended::Done)
    }

    /// Sled is durable up to `upto`: segments that end there are free.
    pub(crate) fn retire(&mut self, upto: Revision) {
        while let Some((_, segment)) = self.sealed.pop_front_if(|(last, _)| *last <= upto) {
            if segment.header.len == self.len {
                self.free.push(segment);
            } else if let Err(error) = fs::remove_file(&segment.path) {
                // It costs room until the next opening, nothing else.
                warn!(%error, path = %segment.path.display(), "could not remove a segment");
            }
        }
    }

    /// The last revision in a full segment.
    pub(crate) fn sealed(&self) -> Option<Revision> {
        self.sealed.back().map(|(last, _)| *last)
    }

    /// Goes on after `base` in the active segment: nothing in the log is needed.
    fn restart(&mut self, base: Revision) -> io::Result<()> {
        let Header { sequence, len, .. } = self.active.header;
        self.active.restart(Header::new(sequence + 1, base, len))?;
        (self.at, self.last) = (FIRST, base);
        self.retire(base);
        Ok(())
    }

    fn begin_segment(&mut self, size: u64) -> io::Result<Appended> {
        let sequence = self.active.header.sequence + 1;
        let fits = FIRST + size <= self.len;
        let len = if fits { self.len } else { FIRST + size };
        let header = Header::new(sequence, self.last, len);
        let next = match self.free.pop_if(|_| fits) {
            Some(mut segment) => {
                segment.restart(header)?;
                segment
            }
            None => match self.sealed.front() {
                Some((last, _)) if self.sealed.len() as u64 + 1 >= SEGMENTS => {
                    return Ok(Appended::Full(*last));
                }
                _ => Segment::create(&self.directory, header)?,
            },
        };
        let full = std::mem::replace(&mut self.active, next);
        self.sealed.push_back((self.last, full));
        self.at = FIRST;
        Ok(Appended::Done)
    }
}
