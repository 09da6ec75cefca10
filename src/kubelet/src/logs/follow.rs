//! Reads a log file to its end and, for a follower, waits for more by inotify.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::fd::OwnedFd;
use std::path::Path;

use bytes::Bytes;
use rustix::fs::inotify;
use tokio::io::unix::AsyncFd;
use tokio::sync::mpsc;

use super::line::Filter;
use super::{LogFile, LogOptions, tail};

type Sender = mpsc::Sender<io::Result<Bytes>>;

const BLOCK: usize = 32 * 1024;

/// Sends the log until its end, the reader's end, or the limit.
pub async fn run(mut log: LogFile, options: LogOptions, sender: &Sender) -> io::Result<()> {
    let mut file = File::open(&log.path)?;
    if let Some(lines) = options.tail_lines {
        let start = tail::offset(&mut file, lines)?;
        file.seek(SeekFrom::Start(start))?;
    }
    let follow = options.follow;
    let changes = if follow {
        Some(watch_file(&log.path)?)
    } else {
        None
    };
    let mut reader = Reader {
        file,
        rest: Vec::new(),
        filter: Filter::new(options),
    };
    loop {
        // Read before the last look: what was written before the end is not missed.
        let ended = *log.ended.borrow_and_update();
        if !reader.drain(sender).await? {
            return Ok(());
        }
        let Some(changes) = &changes else {
            return reader.flush(sender).await;
        };
        if ended {
            return reader.flush(sender).await;
        }
        tokio::select! {
            ready = changes.readable() => discard(ready?, changes)?,
            ended = log.ended.changed() => {
                if ended.is_err() {
                    return Ok(());
                }
            }
            () = sender.closed() => return Ok(()),
        }
    }
}

#[expect(
    deprecated,
    reason = "`register` is unsafe; an OwnedFd is closed by its owner alone"
)]
fn watch_file(path: &Path) -> io::Result<AsyncFd<OwnedFd>> {
    let flags = inotify::CreateFlags::CLOEXEC | inotify::CreateFlags::NONBLOCK;
    let fd = inotify::init(flags)?;
    inotify::add_watch(&fd, path, inotify::WatchFlags::MODIFY)?;
    AsyncFd::new(fd)
}

/// Empties the queue of notifications: one look at the file serves them all.
fn discard(
    mut ready: tokio::io::unix::AsyncFdReadyGuard<'_, OwnedFd>,
    changes: &AsyncFd<OwnedFd>,
) -> io::Result<()> {
    let mut buffer = [0u8; 4096];
    loop {
        match rustix::io::read(changes.get_ref(), &mut buffer) {
            Ok(_) => {}
            Err(rustix::io::Errno::AGAIN) => {
                ready.clear_ready();
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        }
    }
}

struct Reader {
    file: File,
    /// The beginning of a line whose end is not written yet.
    rest: Vec<u8>,
    filter: Filter,
}

impl Reader {
    /// Sends all whole lines; false when nobody wants more.
    async fn drain(&mut self, sender: &Sender) -> io::Result<bool> {
        let mut block = vec![0; BLOCK];
        loop {
            let read = self.file.read(&mut block)?;
            if read == 0 {
                return Ok(true);
            }
            self.rest.extend_from_slice(&block[..read]);
            let mut out = Vec::new();
            let whole = self.rest.iter().rposition(|byte| *byte == b'\n');
            if let Some(end) = whole {
                for line in self.rest[..end].split(|byte| *byte == b'\n') {
                    out.extend(self.filter.apply(line));
                }
                self.rest.drain(..=end);
            }
            if !out.is_empty() && sender.send(Ok(out.into())).await.is_err() {
                return Ok(false);
            }
            if self.filter.is_done() {
                return Ok(false);
            }
        }
    }

    /// A last line without an end is shown too.
    async fn flush(&mut self, sender: &Sender) -> io::Result<()> {
        if !self.rest.is_empty() {
            let line = std::mem::take(&mut self.rest);
            let out = self.filter.apply(&line);
            // A reader that is gone misses nothing.
            let _ = sender.send(Ok(out.into())).await;
        }
        Ok(())
    }
}
