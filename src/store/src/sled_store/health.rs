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
use super::disk;
use super::open::{self, Opened};
use super::plan::Change;
use super::read;
use super::recovery::{self, Logged};
use super::shared::{Shared, missing};
use super::wal::{self, Wal};
use crate::{Error, Revision};

/// How much room must be writable before the files are opened again.
const PROBE_BYTES: usize = 1 << 20;

/// The writer's view of the disk.
pub(crate) struct Health {
    /// Why writes are refused, if they are.
    failure: Option<Arc<str>>,
    /// Monotonic time before which another attempt to recover is pointless.
    retry_at: Duration,
    backoff: Backoff,
    /// What failed last has worked since the files were opened.
    proven: bool,
    /// Sled has failed, and has not been proven since.
    sled_failed: bool,
    /// Up to where sled was durable when the files were opened again.
    synced: Revision,
}

/// What a failure came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Log,
    Sled,
}

impl Health {
    pub(crate) fn good() -> Self {
        Self {
            failure: None,
            retry_at: Duration::ZERO,
            backoff: Backoff::new(Duration::from_secs(1), Duration::from_secs(30)),
            proven: true,
            sled_failed: false,
            synced: Revision::ZERO,
        }
    }

    /// A write or sync has failed. The first attempt to recover may follow at once, unless the
    /// last one did not help.
    pub(crate) fn failed(&mut self, error: &Error, part: Part, now: Duration) {
        self.sled_failed |= part == Part::Sled;
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

    /// The files are open again; sled is durable up to `synced`.
    pub(crate) fn reopened(&mut self, synced: Revision) {
        (self.failure, self.proven) = (None, false);
        self.synced = synced;
    }

    /// A write has become durable in the log, while sled is up to `synced`. Where sled has failed
    /// the log proves nothing: it works, and sled may fail at its next sync again.
    pub(crate) fn written(&mut self, synced: Revision) {
        if self.sled_failed && synced <= self.synced {
            return;
        }
        (self.proven, self.sled_failed) = (true, false);
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
    let revision = tail.whole()?;
    let changes: Result<Vec<_>, Error> = logged
        .into_iter()
        .map(|logged| change(shared, logged))
        .collect();
    Ok(Found {
        changes: changes?,
        revision,
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
    let db = directory.sled().join("db");
    disk::wait_for_lock(&db)
        .and_then(|()| forget_pages(&db))
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
    let now = shared.now();
    let due = |expiry| (expiry, recovery::due(expiry, now));
    Ok(Change {
        left: 0,
        expiry: logged.expiry.map(due),
        event: read::event(shared, logged)?,
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

    const RARE: [u64; 6] = [1, 3, 11, 41, 71, 101];

    /// When the files are opened again in two minutes in which `part` fails each time, after a
    /// write in the log if it is sled.
    fn attempts(health: &mut Health, part: Part) -> Vec<u64> {
        let mut attempts = Vec::new();
        for second in 0..120 {
            let now = Duration::from_secs(second);
            if health.refusal().is_some() && health.attempt(now) {
                attempts.push(second);
                health.reopened(Revision(7));
            }
            if health.refusal().is_none() {
                if part == Part::Sled {
                    health.written(Revision(7));
                }
                health.failed(&Error::Closed, part, now);
            }
        }
        attempts
    }

    /// A disk that opens, and fails at each write or at each sync of sled's: the files are not
    /// opened anew all the time.
    #[test]
    fn attempts_that_do_not_help_become_rare() {
        for (part, synced) in [(Part::Log, 7), (Part::Sled, 8)] {
            let mut health = Health::good();
            assert_eq!(attempts(&mut health, part), RARE, "{part:?}");
            health.reopened(Revision(7));
            health.written(Revision(synced));
            health.failed(&Error::Closed, part, Duration::from_secs(200));
            assert!(health.attempt(Duration::from_secs(200)), "at once again");
        }
    }

    /// A failure of the log in between does not make the log vouch for sled.
    #[test]
    fn sled_is_proven_by_sled_alone() {
        let mut health = Health::good();
        let now = Duration::from_secs(5);
        for part in [Part::Sled, Part::Log] {
            health.failed(&Error::Closed, part, now);
            health.reopened(Revision(7));
            health.written(Revision(7));
        }
        health.failed(&Error::Closed, Part::Sled, now);
        assert!(!health.attempt(now), "not at once");
    }
}
