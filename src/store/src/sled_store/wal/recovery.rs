//! From the segments on disk to the records that sled has not taken over, and to the place where
//! writing goes on.
//!
//! A frame is written only when the one before it is durable. So a bad frame with a good one
//! behind it was damaged after it was acknowledged, and is named; a bad frame with nothing behind
//! it is a write that a crash cut short, of which nobody was told.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use rustix::fs::Advice;
use tracing::{debug, warn};

use super::frame::{self, FrameHead};
use super::segment::{BLOCK, FIRST, Segment, damaged};
use super::{Wal, segment_len};
use crate::sled_store::record::Record;
use crate::{Error, Revision};

/// What a log holds.
#[derive(Debug)]
pub(crate) struct Read {
    /// The log, open at its end.
    pub wal: Wal,
    /// Everything after what sled has, in order, without a hole.
    pub records: Vec<Record>,
}

/// Reads the log in `directory` beyond `applied`, the last revision that sled has; `None` when
/// there is no log.
///
/// # Errors
/// [`Error::Damaged`] with file and offset, [`Error::Io`].
pub(crate) fn read(directory: &Path, total: u64, applied: Revision) -> Result<Option<Read>, Error> {
    let mut segments = segments(directory)?;
    segments.sort_by_key(|segment| segment.header.sequence);
    // Segments before the last one that begins at or before `applied` hold nothing new.
    let first = segments.partition_point(|segment| segment.header.base <= applied);
    let Some(first) = first.checked_sub(1) else {
        let Some(oldest) = segments.first() else {
            return Ok(None);
        };
        let problem = format!(
            "the log begins after revision {}, but sled/db ends at revision {applied}",
            oldest.header.base
        );
        return Err(damaged(&oldest.path, 0, &problem));
    };
    let live = segments.split_off(first);
    let mut records = Vec::new();
    let mut sealed = VecDeque::new();
    let mut live = live.into_iter().peekable();
    let (active, at, last) = loop {
        let segment = live
            .next()
            .expect("`first` is among them, and the last one leaves");
        let next = live.peek().map(|next| &next.header);
        let end = frames(&segment, next.map(|next| next.base), applied, &mut records)?;
        match next {
            None => break (segment, end.at, end.last),
            Some(next) if next.sequence == segment.header.sequence + 1 => {}
            Some(next) => {
                let problem = format!("the segments before number {} are missing", next.sequence);
                return Err(damaged(&segment.path, 0, &problem));
            }
        }
        sealed.push_back((end.last, segment));
    };
    // What was read is about to be shown: make sure that it stays.
    for segment in sealed.iter().map(|(_, segment)| segment).chain([&active]) {
        let synced = segment.file.sync_data();
        synced.map_err(|error| Error::io("syncing", error))?;
    }
    let len = segment_len(total);
    let mut wal = Wal {
        directory: directory.to_owned(),
        len,
        active,
        at,
        last,
        sealed,
        free: usable(segments, len),
        buffer: Vec::new(),
    };
    if last < applied {
        warn!(%last, %applied, "the end of the log is damaged; sled has all of it");
        let restarted = wal.restart(applied);
        restarted.map_err(|error| Error::io("beginning a segment of the log", error))?;
    }
    Ok(Some(Read { wal, records }))
}

/// Segments that can be used again; those of another length go.
fn usable(segments: Vec<Segment>, len: u64) -> Vec<Segment> {
    let (free, odd): (Vec<_>, Vec<_>) = segments
        .into_iter()
        .partition(|segment| segment.header.len == len);
    for segment in odd {
        if let Err(error) = fs::remove_file(&segment.path) {
            // It costs room until the next opening, nothing else.
            warn!(%error, path = %segment.path.display(), "could not remove a segment");
        }
    }
    free
}

/// The files of a log, without those whose creation was cut short.
fn files(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("wal") => paths.push(path),
            Some("new") => {
                debug!(path = %path.display(), "removing what an earlier creation left");
                fs::remove_file(&path)?;
            }
            _ => {}
        }
    }
    Ok(paths)
}

fn segments(directory: &Path) -> Result<Vec<Segment>, Error> {
    let paths = match files(directory) {
        Ok(paths) => paths,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(Error::io("opening the write-ahead log", error)),
    };
    paths.iter().map(|path| Segment::open(path)).collect()
}

/// Where the frames of a segment end.
struct End {
    at: u64,
    last: Revision,
}

/// Reads a segment's frames. With `until`, the base of the next segment, they must reach it.
fn frames(
    segment: &Segment,
    until: Option<Revision>,
    applied: Revision,
    records: &mut Vec<Record>,
) -> Result<End, Error> {
    let mut end = End {
        at: FIRST,
        last: segment.header.base,
    };
    let mut buffer = Vec::new();
    while let Some((head, frame)) = frame_at(segment, end.at, &mut buffer)? {
        let found = head
            .records(frame)
            .filter(|_| head.first == end.last.next());
        let Some(found) = found else { break };
        end.last = found.last().map_or(end.last, |last| last.revision);
        end.at += frame.len().next_multiple_of(BLOCK) as u64;
        records.extend(found.into_iter().filter(|record| record.revision > applied));
    }
    let behind = match until {
        Some(until) if end.last == until => return Ok(end),
        Some(until) => Some(until),
        None => frame_behind(segment, &end)?,
    };
    let Some(behind) = behind else {
        return Ok(end);
    };
    let problem = format!(
        "the frame of revision {} is damaged, though the log goes on to revision {behind}; \
         removing the directory wal accepts the loss of all after revision {applied}",
        end.last.next()
    );
    Err(damaged(&segment.path, end.at, &problem))
}

/// The frame at an offset, without its padding, if its head may be one of this segment's life.
fn frame_at<'a>(
    segment: &Segment,
    at: u64,
    buffer: &'a mut Vec<u8>,
) -> Result<Option<(FrameHead, &'a [u8])>, Error> {
    let read = |bytes: &mut [u8]| {
        let read = segment.file.read_exact_at(bytes, at);
        read.map_err(|error| Error::io("reading the write-ahead log", error))
    };
    if at >= segment.header.len {
        return Ok(None);
    }
    let mut head = [0; frame::HEAD];
    read(&mut head)?;
    let head = FrameHead::decode(&head);
    let len = frame::HEAD + head.len;
    if head.epoch != segment.header.epoch || at + len as u64 > segment.header.len {
        return Ok(None);
    }
    buffer.resize(len, 0);
    read(buffer)?;
    Ok(Some((head, buffer)))
}

/// The revision of a good frame somewhere behind the end of the others.
fn frame_behind(segment: &Segment, end: &End) -> Result<Option<Revision>, Error> {
    let mut buffer = Vec::new();
    for at in (end.at..segment.header.len).step_by(BLOCK).skip(1) {
        if let Some((head, frame)) = frame_at(segment, at, &mut buffer)?
            && head.first > end.last
            && head.records(frame).is_some()
        {
            return Ok(Some(head.first));
        }
    }
    Ok(None)
}

/// Makes the next reading come from the disk, not from pages whose write-back failed.
pub(crate) fn forget_pages(directory: &Path) -> io::Result<()> {
    for path in files(directory)? {
        rustix::fs::fadvise(File::open(path)?, 0, None, Advice::DontNeed)?;
    }
    Ok(())
}
