//! The store on disk. [`SledStore::open`] is the entry point.
//!
//! A write goes through `writer` (one thread: plan, append to the write-ahead log and sync,
//! publish, answer), and from there through `backlog` and `applier` into sled, a read through
//! `read` (index and cache, else backlog or disk on a blocking thread), a watch through `watcher`
//! (ring, else the log).

mod applier;
mod backlog;
mod cache;
mod directory;
mod disk;
mod expiries;
mod health;
mod index;
mod open;
mod pages;
mod plan;
mod read;
pub(crate) mod record;
mod recovery;
pub(crate) mod restoring;
mod ring;
mod shared;
mod wal;
mod watcher;
mod writer;

use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};
use std::thread::JoinHandle;
use std::time::Duration;

use base::{Clock, Shutdown, TraceId};
use futures::FutureExt;
use tokio::sync::{Notify, Semaphore, mpsc, oneshot, watch};

use self::applier::Applier;
use self::backlog::Backlog;
use self::cache::ValueCache;
use self::directory::Directory;
pub use self::directory::Hold;
use self::open::Opened;
use self::recovery::Recovered;
use self::shared::{Nudge, Shared};
use self::wal::Wal;
use self::writer::{Command, Txn, Writer};
use crate::upkeep::{self, Tended};
use crate::{
    BoxFuture, Error, Key, KeyValue, Limit, Op, OpenError, Options, Page, Revision, Store,
    WatchStream,
};

/// How many commands wait for the writer before their senders do.
const WAITING: usize = 1024;
/// How many threads read the disk at once: each keeps pages of sled's that it has let go of.
const READERS: usize = 16;

/// A store on disk. What it acknowledges survives a power cut.
///
/// Dropping it waits for the writes in flight, closes the files and ends all watches with
/// [`Error::Closed`].
pub struct SledStore {
    path: PathBuf,
    shared: Arc<Shared>,
    /// `None` only while dropping.
    commands: Option<mpsc::Sender<Command>>,
    writer: Option<JoinHandle<()>>,
}

impl SledStore {
    /// Opens the store in the directory `path`, making it (mode 0700) if it is not there. Blocks
    /// while it reads the whole log.
    ///
    /// # Errors
    /// Each says what to do about it; see [`OpenError`].
    pub fn open(path: &Path, options: Options) -> Result<Self, OpenError> {
        let directory = Directory::open(path)?;
        let read = || {
            let opened = open::open(&directory, &options)?;
            recover(opened, options).map_err(|error| open::failure(&directory, error))
        };
        // Sled panics where its files surprise it.
        let (shared, garbage, wal) = panic::catch_unwind(AssertUnwindSafe(read))
            .unwrap_or_else(|_| Err(open::failure(&directory, open::given_up())))?;
        let revision = shared.read().revision;
        directory.check_acknowledged(revision)?;
        directory
            .note_acknowledged(revision)
            .map_err(directory::at(path))?;
        let directory = Arc::new(directory);
        let applier = Applier::new(shared.clone(), directory.clone(), garbage);
        let applier = thread("store-applier", move || applier.run());
        let applier = applier.map_err(directory::at(path))?;
        let (commands, receiver) = mpsc::channel(WAITING);
        let writer = Writer::new(shared.clone(), directory, receiver, wal, applier);
        let writer = thread("store-writer", move || writer.run());
        let writer = writer.map_err(directory::at(path))?;
        let path = path.to_owned();
        Ok(Self {
            path,
            shared,
            commands: Some(commands),
            writer: Some(writer),
        })
    }

    /// The directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    async fn command<T>(
        &self,
        command: impl FnOnce(oneshot::Sender<Result<T, Error>>) -> Command,
    ) -> Result<T, Error> {
        let (sender, answer) = oneshot::channel();
        let commands = self.commands.as_ref().expect("taken by drop only");
        commands
            .send(command(sender))
            .await
            .map_err(|_| Error::Closed)?;
        answer.await.map_err(|_| Error::Closed)?
    }
}

fn thread(name: &str, run: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name(name.to_owned()).spawn(run)
}

fn recover(opened: Opened, options: Options) -> Result<(Arc<Shared>, Vec<Revision>, Wal), Error> {
    let Opened {
        disk,
        wal,
        records,
        applied,
    } = opened;
    let clock = &options.clock;
    let now = plan::Now {
        wall_ms: u64::try_from(clock.wall().as_millisecond()).unwrap_or(0),
        monotonic: clock.monotonic(),
    };
    let backlog = Backlog::new(records, applied);
    let Recovered { state, garbage } = recovery::recover(&disk, &backlog, &options, now)?;
    let shared = Shared {
        state: RwLock::new(state),
        cache: ValueCache::new(options.cache_bytes),
        backlog,
        disk: RwLock::new(Some(disk)),
        readers: Arc::new(Semaphore::new(READERS)),
        nudge: watch::Sender::new(Nudge::default()),
        due_moved: Arc::new(Notify::new()),
        options,
    };
    Ok((Arc::new(shared), garbage, wal))
}

impl Drop for SledStore {
    fn drop(&mut self) {
        self.commands.take();
        if let Some(writer) = self.writer.take() {
            // A panic of the writer was reported by its thread; it closed the files all the same.
            drop(writer.join());
        }
    }
}

impl Store for SledStore {
    fn revision(&self) -> Revision {
        self.shared.read().revision
    }

    fn get<'a>(
        &'a self,
        key: &'a str,
        at: Option<Revision>,
    ) -> BoxFuture<'a, Result<Option<KeyValue>, Error>> {
        read::get(&self.shared, key, at).boxed()
    }

    fn list<'a>(
        &'a self,
        prefix: &'a str,
        from: Option<&'a str>,
        at: Option<Revision>,
        limit: Limit,
    ) -> BoxFuture<'a, Result<Page, Error>> {
        read::list(&self.shared, prefix, from, at, limit).boxed()
    }

    fn txn<'a>(&'a self, ops: Vec<Op>, trace: TraceId) -> BoxFuture<'a, Result<Revision, Error>> {
        self.command(move |answer| Command::Txn(Txn { ops, trace, answer }))
            .boxed()
    }

    fn watch(&self, prefix: &str, after: Revision) -> Result<WatchStream, Error> {
        watcher::start(&self.shared, prefix, after)
    }

    fn request_progress(&self) {
        self.shared.ask_progress();
    }

    fn compact(&self, at: Revision) -> BoxFuture<'_, Result<(), Error>> {
        self.command(move |answer| Command::Compact(at, answer))
            .boxed()
    }

    fn upkeep(&self, shutdown: Shutdown) -> BoxFuture<'_, ()> {
        upkeep::run(self, shutdown).boxed()
    }
}

impl Tended for SledStore {
    fn clock(&self) -> &Clock {
        &self.shared.options.clock
    }

    fn history(&self) -> Duration {
        self.shared.options.history
    }

    fn due_moved(&self) -> Arc<Notify> {
        self.shared.due_moved.clone()
    }

    fn next_expiry(&self) -> Option<Duration> {
        self.shared.read().expiries.next()
    }

    fn expired(&self, now: Duration) -> Vec<(Key, Revision)> {
        self.shared.read().expiries.expired(now)
    }

    fn has_garbage(&self) -> bool {
        self.shared.read().index.has_garbage()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{self, Factory};
    use tempfile::TempDir;

    struct OnDisk(TempDir);

    impl Factory for OnDisk {
        type Store = SledStore;

        fn create(&self, options: Options) -> SledStore {
            let path = self.0.path().join(base::random::uuid());
            SledStore::open(&path, options).expect("opens")
        }

        fn reopen(&self, store: SledStore, options: Options) -> SledStore {
            let path = store.path().to_owned();
            drop(store);
            SledStore::open(&path, options).expect("opens again")
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn passes_the_suite() {
        testing::run_all(&OnDisk(tempfile::tempdir().expect("a directory"))).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn waits_for_no_value_that_is_gone() {
        let directory = tempfile::tempdir().expect("a directory");
        testing::waits_for_no_value_that_is_gone(&OnDisk(directory)).await;
    }
}
