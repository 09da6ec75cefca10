//! Reads a log file to its end and, for a follower, waits for more by inotify.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
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
    let mut changes = if follow {
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
        if follow && reader.rotated(&log.path)? {
            // What was written between the last read and the change of files is still to come.
            if !reader.drain(sender).await? {
                return Ok(());
            }
            reader.file = File::open(&log.path)?;
            changes = Some(watch_file(&log.path)?);
            continue;
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
    // Attributes change when another file takes the name: a link less.
    let wanted = inotify::WatchFlags::MODIFY | inotify::WatchFlags::ATTRIB;
    inotify::add_watch(&fd, path, wanted)?;
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

    /// Whether another file has taken the log's name.
    fn rotated(&self, path: &Path) -> io::Result<bool> {
        let there = match std::fs::metadata(path) {
            // The run is removed; its end is told elsewhere.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            there => there?,
        };
        let here = self.file.metadata()?;
        Ok((here.dev(), here.ino()) != (there.dev(), there.ino()))
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

#[cfg(test)]
mod tests {
    use std::fs;

    use futures::StreamExt;
    use tokio::sync::watch;

    use super::*;
    use crate::testing::Directory;

    #[tokio::test]
    async fn a_follower_goes_on_in_the_file_that_takes_the_name() {
        let directory = Directory::new();
        let path = directory.join("0.log");
        let line = |text: &str| format!("2026-01-01T00:00:00.000000000Z stdout F {text}\n");
        fs::write(&path, line("one")).expect("written");
        let (end, ended) = watch::channel(false);
        let log = LogFile {
            path: path.clone(),
            ended,
        };
        let options = LogOptions {
            follow: true,
            ..LogOptions::default()
        };
        let mut read = super::super::read(log, options);
        assert_eq!(read.next().await.expect("more").expect("read"), "one\n");

        for (index, text) in ["two", "three"].into_iter().enumerate() {
            // As the shim does it: a second name for the old file, then its own for the new one.
            fs::hard_link(&path, directory.join(&format!("0.log.{index}"))).expect("linked");
            fs::write(directory.join("fresh"), "").expect("made");
            fs::rename(directory.join("fresh"), &path).expect("renamed");
            fs::write(&path, line(text)).expect("written");
            let next = read.next().await.expect("more").expect("read");
            assert_eq!(next, format!("{text}\n"));
        }
        end.send_replace(true);
        assert!(read.next().await.is_none());
    }
}
