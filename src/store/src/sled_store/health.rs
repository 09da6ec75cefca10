//! Whether the disk may be written to, and what is tried when it may not.
//!
//! After a failed write or sync nobody knows what is on disk, and asking the kernel to sync again
//! may answer "done" for pages it has thrown away. So writes are refused until the files have
//! been closed, dropped from the page cache, opened and replayed again.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use base::Backoff;
use rustix::fs::Advice;

use super::directory::Directory;
use super::open::{self, Opened};
use super::plan::Change;
use super::recovery::{self, Logged};
use super::shared::{Shared, missing};
use super::wal::{self, Wal};
use crate::{Error, Event, KeyValue, Revision};

/// How much room must be writable before the files are opened again.
const PROBE_BYTES: usize = 1 << 20;

/// The writer's view of the disk.
pub(crate) struct Health {
    /// Why writes are refused, if they are.
    failure: Option<Arc<str>>,
    /// Monotonic time before which another attempt to recover is pointless.
    retry_at: Duration,
    backoff: Backoff,
    /// Something has been written since the files were opened.
    proven: bool,
}

impl Health {
    pub(crate) fn good() -> Self {
        Self {
            failure: None,
            retry_at: Duration::ZERO,
            backoff: Backoff::new(Duration::from_secs(1), Duration::from_secs(30)),
            proven: true,
        }
    }

    /// A write or sync has failed. The first attempt to recover may follow at once, unless the
    /// last one did not help.
    pub(crate) fn failed(&mut self, error: &Error, now: Duration) {
        self.failure = Some(error.to_string().into());
        self.retry_at = now;
        if !self.proven {
            self.retry_at += self.backoff.next_delay();
        }
    }

    /// What a write is told, while writes are refused.
    pub(crate) fn refusal(&self) -> Option<Error> {
        let cause = self.failure.clone()?;
        Some(Error::ReadOnly { cause })
    }

    /// Whether another attempt is due; it counts as made.
    pub(crate) fn attempt(&mut self, now: Duration) -> bool {
        let due = now >= self.retry_at;
        if due {
            self.retry_at = now.saturating_add(self.backoff.next_delay());
        }
        due
    }

    /// The files are open again.
    pub(crate) fn reopened(&mut self) {
        (self.failure, self.proven) = (None, false);
    }

    /// A write has become durable.
    pub(crate) fn written(&mut self) {
        self.proven = true;
        self.backoff.reset();
    }
}

/// What the files held beyond what had been published.
pub(crate) struct Found {
    /// Writes with an unknown outcome that turn out to have happened.
    pub changes: Vec<Change>,
    pub revision: Revision,
    /// Where writing goes on.
    pub wal: Wal,
}

/// Opens the files again and reads what they hold. Reads that need the disk wait meanwhile, and
/// fail if it does not come back; those from memory go on. The applier stands still.
pub(crate) fn reopen(shared: &Shared, directory: &Directory) -> Result<Found, Error> {
    probe(directory.path()).map_err(|error| Error::io("probing the disk", error))?;
    let wal = reopen_files(shared, directory)?;
    let (published, compacted) = {
        let state = shared.read();
        (state.revision, state.compacted)
    };
    if published > compacted && published > Revision::INITIAL {
        shared
            .stored(published)?
            .ok_or_else(|| missing(published))?;
    }
    let mut logged = Vec::new();
    let tail = shared.with_disk(|disk| {
        recovery::replay(disk, &shared.backlog, published, published, |found| {
            logged.push(found);
            Ok(())
        })
    })?;
    if !tail.torn.is_empty() {
        return Err(Error::damaged("a transaction in the log has no end"));
    }
    let changes: Result<Vec<_>, Error> = logged
        .into_iter()
        .map(|logged| change(shared, logged))
        .collect();
    Ok(Found {
        changes: changes?,
        revision: tail.revision,
        wal,
    })
}

/// Puts the files as they are on the disk in the place of the old ones: sled and backlog at once,
/// because what a reader finds in neither would be a hole.
fn reopen_files(shared: &Shared, directory: &Directory) -> Result<Wal, Error> {
    let mut place = shared.disk.write().unwrap_or_else(PoisonError::into_inner);
    let old = place.take();
    // Sled panics when its last sync fails; the files are read afresh either way.
    let _panicked = panic::catch_unwind(AssertUnwindSafe(|| drop(old)));
    forget_pages(&directory.sled().join("db"))
        .and_then(|()| wal::forget_pages(&directory.wal()))
        .map_err(|error| Error::io("reopening", error))?;
    // It panics as well where its files surprise it.
    let opened = panic::catch_unwind(AssertUnwindSafe(|| open::open(directory, &shared.options)))
        .unwrap_or_else(|_| Err(open::failure(directory, open::given_up())));
    let Opened {
        disk,
        wal,
        records,
        applied,
    } = opened.map_err(|error| Error::io("reopening", io::Error::other(error)))?;
    shared.backlog.load(records, applied);
    *place = Some(disk);
    Ok(wal)
}

fn change(shared: &Shared, logged: Logged) -> Result<Change, Error> {
    let read = |revision| shared.value(revision)?.ok_or_else(|| missing(revision));
    let value = if logged.deletion {
        None
    } else {
        Some(read(logged.revision)?)
    };
    let prev = match logged.prev {
        Some(modified) => {
            let (key, created) = (logged.key.clone(), logged.created);
            Some(KeyValue {
                key,
                value: read(modified)?,
                created,
                modified,
            })
        }
        None => None,
    };
    let now = shared.now();
    Ok(Change {
        event: Event {
            key: logged.key,
            value,
            prev,
            created: logged.created,
            modified: logged.revision,
            trace: logged.trace,
        },
        left: 0,
        expiry: logged
            .expiry
            .map(|expiry| (expiry, recovery::due(expiry, now))),
    })
}

/// Writes and syncs a little file: where that fails, opening would too, and would cost the reads
/// that still work.
fn probe(directory: &Path) -> io::Result<()> {
    let path = directory.join("probe");
    let written = (|| {
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .open(&path)?;
        file.write_all(&vec![0x5a; PROBE_BYTES])?;
        file.sync_data()
    })();
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => written.and(Err(error)),
        _ => written,
    }
}

/// Makes the next read come from the disk, not from pages whose write-back failed.
fn forget_pages(path: &Path) -> io::Result<()> {
    let file = File::open(path)?;
    rustix::fs::fadvise(&file, 0, None, Advice::DontNeed)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A disk that opens, and fails at each write: the files are not opened anew all the time.
    #[test]
    fn attempts_that_do_not_help_become_rare() {
        let mut health = Health::good();
        let mut attempts = Vec::new();
        for second in 0..120 {
            let now = Duration::from_secs(second);
            if health.refusal().is_some() && health.attempt(now) {
                attempts.push(second);
                health.reopened();
            }
            if health.refusal().is_none() {
                health.failed(&Error::Closed, now);
            }
        }
        assert_eq!(attempts, [1, 3, 11, 41, 71, 101]);
        health.reopened();
        health.written();
        health.failed(&Error::Closed, Duration::from_secs(200));
        assert!(health.attempt(Duration::from_secs(200)), "at once again");
    }
}
