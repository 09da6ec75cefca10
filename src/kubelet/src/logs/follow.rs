//! Reads a log file to its end and, for a follower, waits for more by inotify.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use rustix::fs::inotify;
use tokio::io::unix::AsyncFd;
use tokio::sync::mpsc;

use super::line::Filter;
use super::{LogFile, LogOptions, tail};

type Sender = mpsc::Sender<io::Result<Bytes>>;

const BLOCK: usize = 32 * 1024;

/// A line that is longer comes in pieces: memory is bounded, whatever is written.
const LONGEST: usize = 1024 * 1024;

/// Sends the log until its end, the reader's end, or the limit.
pub async fn run(mut log: LogFile, options: LogOptions, sender: &Sender) -> io::Result<()> {
    let follow = options.follow;
    let path = log.path.clone();
    let (mut reader, mut changes) = aside(move || {
        let reader = Reader::open(path, options)?;
        let changes = follow.then(|| watch_file(&reader.path)).transpose()?;
        Ok((reader, changes))
    })
    .await?;
    loop {
        // Read before the last look: what was written before the end is not missed.
        let ended = *log.ended.borrow_and_update();
        let (wanted, drained) = drain(reader, sender).await?;
        reader = drained;
        if !wanted {
            return Ok(());
        }
        if follow {
            let rotated;
            (rotated, reader) = aside(move || Ok((reader.rotated()?, reader))).await?;
            if rotated {
                // What was written between the last read and the change of files is still to
                // come.
                let (wanted, drained) = drain(reader, sender).await?;
                if !wanted {
                    return Ok(());
                }
                (reader, changes) = aside(move || {
                    let reader = drained.reopened()?;
                    let changes = Some(watch_file(&reader.path)?);
                    Ok((reader, changes))
                })
                .await?;
                continue;
            }
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

/// Does what may wait for a disk where no other task waits with it. A follower that has nothing to
/// read has no thread.
async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(io::Error::other)?
}

/// Sends all whole lines; false when nobody wants more.
async fn drain(mut reader: Reader, sender: &Sender) -> io::Result<(bool, Reader)> {
    loop {
        let block;
        (block, reader) = aside(move || Ok((reader.block()?, reader))).await?;
        let Some(out) = block else {
            return Ok((true, reader));
        };
        if !out.is_empty() && sender.send(Ok(out.into())).await.is_err() {
            return Ok((false, reader));
        }
        if reader.filter.is_done() {
            return Ok((false, reader));
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
    path: PathBuf,
    file: File,
    block: Vec<u8>,
    /// The beginning of a line whose end is not written yet.
    rest: Vec<u8>,
    filter: Filter,
}

impl Reader {
    fn open(path: PathBuf, options: LogOptions) -> io::Result<Self> {
        let mut file = File::open(&path)?;
        if let Some(lines) = options.tail_lines {
            let start = tail::offset(&mut file, lines)?;
            file.seek(SeekFrom::Start(start))?;
        }
        Ok(Self {
            path,
            file,
            block: vec![0; BLOCK],
            rest: Vec::new(),
            filter: Filter::new(options),
        })
    }

    /// Goes on in the file that has the log's name now.
    fn reopened(self) -> io::Result<Self> {
        let file = File::open(&self.path)?;
        Ok(Self { file, ..self })
    }

    /// What the next block's whole lines say; `None` at the end of the file.
    fn block(&mut self) -> io::Result<Option<Vec<u8>>> {
        let read = self.file.read(&mut self.block)?;
        if read == 0 {
            return Ok(None);
        }
        let mut out = Vec::new();
        let mut block = &self.block[..read];
        while let Some(end) = block.iter().position(|byte| *byte == b'\n') {
            let line = &block[..end];
            out.extend(if self.rest.is_empty() {
                self.filter.apply(line)
            } else {
                self.rest.extend_from_slice(line);
                let whole = self.filter.apply(&self.rest);
                self.rest.clear();
                whole
            });
            block = &block[end + 1..];
        }
        self.rest.extend_from_slice(block);
        if self.rest.len() > LONGEST {
            out.extend(self.filter.piece(&std::mem::take(&mut self.rest)));
        }
        Ok(Some(out))
    }

    /// Whether another file has taken the log's name.
    fn rotated(&self) -> io::Result<bool> {
        let there = match std::fs::metadata(&self.path) {
            // The run is removed; its end is told elsewhere.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            there => there?,
        };
        let here = self.file.metadata()?;
        Ok((here.dev(), here.ino()) != (there.dev(), there.ino()))
    }

    /// A last line without an end is shown too.
    async fn flush(&mut self, sender: &Sender) -> io::Result<()> {
        if !self.rest.is_empty() || self.filter.is_inside_line() {
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
    use std::time::Duration;

    use base::Clock;
    use futures::StreamExt;
    use rustix::fs::{CWD, FileType, Mode};
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

    /// A log whose file nobody has opened for writing yet: opening it for reading waits.
    #[tokio::test]
    async fn a_slow_disk_holds_up_nobody_else() {
        let directory = Directory::new();
        let path = directory.join("0.log");
        rustix::fs::mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).expect("made");
        let (tell, hear) = std::sync::mpsc::channel();
        let fifo = path.clone();
        let writer = std::thread::spawn(move || {
            // The only worker says so while the reader waits, unless it waits itself.
            let free = hear.recv_timeout(Duration::from_secs(10)).is_ok();
            fs::write(fifo, "2026-01-01T00:00:00.000000000Z stdout F x\n").expect("written");
            free
        });
        let (_end, ended) = watch::channel(false);
        let mut read = super::super::read(LogFile { path, ended }, LogOptions::default());
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        tell.send(()).expect("heard");
        assert_eq!(read.next().await.expect("more").expect("read"), "x\n");
        assert!(writer.join().expect("no panic"), "the worker waited");
    }

    #[tokio::test]
    async fn a_line_without_an_end_comes_in_pieces() {
        let directory = Directory::new();
        let path = directory.join("0.log");
        fs::write(&path, vec![b'x'; 5 * LONGEST / 2]).expect("written");
        let (end, ended) = watch::channel(false);
        let options = LogOptions {
            follow: true,
            ..LogOptions::default()
        };
        let mut read = super::super::read(LogFile { path, ended }, options);
        let (clock, mut sizes) = (Clock::system(), Vec::new());
        for _ in 0..2 {
            let next = clock.timeout(Duration::from_secs(10), read.next());
            let piece = next.await.expect("before the line's end").expect("more");
            sizes.push(piece.expect("read").len());
        }
        end.send_replace(true);
        sizes.push(read.next().await.expect("more").expect("read").len());
        assert!(
            sizes.iter().all(|size| *size <= LONGEST + BLOCK + 1),
            "{sizes:?}"
        );
        // One line, so one newline.
        assert_eq!(sizes.iter().sum::<usize>(), 5 * LONGEST / 2 + 1);
    }

    /// A row's raw log and what a client gets, the run of x in it as its length.
    #[tokio::test]
    async fn a_line_in_pieces_is_one_line() {
        const OLD: &str = "2026-01-01T00:00:00.000000000Z stdout";
        const NEW: &str = "2026-01-02T00:00:00.000000000Z stdout F next\n";
        let length = 5 * LONGEST / 2;
        let long = "x".repeat(length);
        let all = LogOptions::default();
        let since = LogOptions {
            since: Some("2026-01-02T00:00:00Z".parse().expect("a time")),
            ..LogOptions::default()
        };
        let stamped = LogOptions {
            timestamps: true,
            ..LogOptions::default()
        };
        let limited = LogOptions {
            limit_bytes: Some(length + 3),
            ..LogOptions::default()
        };
        let full = format!("{OLD} F {long}\n{NEW}");
        let partial = format!("{OLD} P {long}\n{NEW}");
        // Cut just where the file ends.
        let endless = "x".repeat(LONGEST + BLOCK);
        let rows = [
            (&full, &all, format!("<{length}>\nnext\n")),
            (&full, &since, "next\n".to_owned()),
            (
                &full,
                &stamped,
                format!(
                    "2026-01-01T00:00:00.000000000Z <{length}>\n\
                     2026-01-02T00:00:00.000000000Z next\n"
                ),
            ),
            (&full, &limited, format!("<{length}>\nne")),
            (&partial, &all, format!("<{length}>next\n")),
            (&partial, &since, "next\n".to_owned()),
            (
                &partial,
                &stamped,
                format!("2026-01-01T00:00:00.000000000Z <{length}>next\n"),
            ),
            (
                &format!("{long}\n{NEW}"),
                &since,
                format!("<{length}>\nnext\n"),
            ),
            (&endless, &all, format!("<{}>\n", LONGEST + BLOCK)),
        ];
        for (row, (raw, options, expected)) in rows.into_iter().enumerate() {
            assert_eq!(shown(raw, options).await, expected, "row {row}");
        }
    }

    /// The whole log as a client reads it, each run of x as its length.
    async fn shown(raw: &str, options: &LogOptions) -> String {
        let directory = Directory::new();
        let path = directory.join("0.log");
        fs::write(&path, raw).expect("written");
        let (_end, ended) = watch::channel(true);
        let pieces: Vec<_> = super::super::read(LogFile { path, ended }, options.clone())
            .collect()
            .await;
        let bytes: Vec<u8> = pieces
            .into_iter()
            .flat_map(|piece| piece.expect("read"))
            .collect();
        let runs = bytes.chunk_by(|a, b| *a == b'x' && a == b);
        // The one x of "next" is none.
        runs.map(|run| match run {
            [byte] => char::from(*byte).to_string(),
            run => format!("<{}>", run.len()),
        })
        .collect()
    }
}
