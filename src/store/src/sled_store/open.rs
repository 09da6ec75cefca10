//! Opens what the directory holds, sled's files and the write-ahead log, whatever version wrote
//! them.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;

use base::fsio;
use tracing::info;

use super::directory::{Directory, FORMAT, at};
use super::disk::Disk;
use super::record::{META_APPLIED, Record};
use super::recovery;
use super::wal::{self, Wal};
use crate::{Error, OpenError, Options, Revision};

/// Everything on disk, open.
pub(crate) struct Opened {
    pub disk: Disk,
    pub wal: Wal,
    /// What the log holds and sled does not.
    pub records: Vec<Record>,
    /// The last revision that sled has.
    pub applied: Revision,
}

/// Opens the files, making them where there are none.
pub(crate) fn open(directory: &Directory, options: &Options) -> Result<Opened, OpenError> {
    let disk = Disk::open(directory, options)?;
    let damaged = |error: Error| failure(directory, error);
    if directory.format() < FORMAT {
        upgrade(directory, &disk)?;
    }
    let applied = disk.meta(META_APPLIED).map_err(damaged)?;
    let applied = applied.max(Revision::INITIAL);
    let path = directory.wal();
    let found = wal::read(&path, options.wal_bytes, applied).map_err(damaged)?;
    recovery::forget_after(&disk, applied).map_err(damaged)?;
    if let Some(found) = found {
        return Ok(Opened {
            disk,
            wal: found.wal,
            records: found.records,
            applied,
        });
    }
    make_directory(directory).map_err(at(&path))?;
    let wal = Wal::create(&path, options.wal_bytes, applied).map_err(at(&path))?;
    directory.note_format().map_err(at(directory.path()))?;
    Ok(Opened {
        disk,
        wal,
        records: Vec::new(),
        applied,
    })
}

/// Version 1 had no write-ahead log: sled has everything.
fn upgrade(directory: &Directory, disk: &Disk) -> Result<(), OpenError> {
    let path = directory.wal();
    match fs::remove_dir_all(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(at(&path)(error)),
        // A log without the new version beside it is that of an upgrade that was cut short.
        _ => {}
    }
    let upgraded = (|| {
        let tail = recovery::tail(disk)?;
        // Nobody was told of it, and its revisions are free again.
        recovery::remove(disk, &tail.torn)?;
        let mut facts = sled::Batch::default();
        facts.insert(META_APPLIED, &tail.revision.0.to_be_bytes());
        disk.write(facts)?;
        disk.sync()?;
        Ok(tail.revision)
    })();
    let revision = upgraded.map_err(|error| failure(directory, error))?;
    info!(%revision, path = %directory.path().display(), "upgraded from format 1");
    Ok(())
}

fn make_directory(directory: &Directory) -> io::Result<()> {
    let path = directory.wal();
    match DirBuilder::new().mode(0o700).create(&path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    fsio::sync_directory(directory.path())
}

/// The error of a panic in sled.
pub(crate) fn given_up() -> Error {
    Error::damaged("sled gave up reading a file in sled; the log says where")
}

/// An error that names the directory.
pub(crate) fn failure(directory: &Directory, error: Error) -> OpenError {
    let path = directory.path().to_owned();
    match error {
        Error::Io { source, .. } => {
            let source = io::Error::new(source.kind(), source.to_string());
            OpenError::Io { path, source }
        }
        error => OpenError::Damaged {
            path,
            problem: error.to_string(),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::path::Path;
    use std::thread;

    use base::{Clock, TraceId};
    use bytes::Bytes;
    use rustix::fs::{FlockOperation, flock};

    use super::*;
    use crate::{Expect, Op, SledStore, Store};

    async fn put(store: &SledStore, len: usize) -> Revision {
        let op = Op::Put {
            key: "/k".into(),
            value: vec![7; len].into(),
            expect: Expect::Any,
            ttl: None,
        };
        let put = store.txn(vec![op], TraceId::NONE).await;
        put.expect("goes through")
    }

    /// A step of sled's was cut in half, and the log lost what the step was made of: a record
    /// whole, another without its chunks. They must not come back, nor beneath what follows.
    #[tokio::test]
    async fn half_a_step_without_its_log_is_forgotten() {
        let root = tempfile::tempdir().expect("a directory");
        let options = || Options::new(Clock::system());
        let store = SledStore::open(root.path(), options()).expect("opens");
        let last = put(&store, 1).await;
        drop(store);
        let directory = Directory::open(root.path()).expect("free");
        let disk = Disk::open(&directory, &options()).expect("opens");
        let mut half = sled::Batch::default();
        for (revision, len) in [(last.next(), 9), (last.next().next(), 100_000)] {
            let record = Record {
                revision,
                key: "/lost".into(),
                value: Some(Bytes::from(vec![8; len])),
                created: revision,
                prev: None,
                left: 0,
                trace: TraceId::NONE,
                expiry: None,
            };
            let (key, bytes) = record.encode().swap_remove(0);
            half.insert(key, bytes);
        }
        disk.write(half).expect("written");
        disk.sync().expect("synced");
        drop((disk, directory));

        for expected in last.0..last.0 + 4 {
            let store = SledStore::open(root.path(), options()).expect("opens");
            assert_eq!(store.revision(), Revision(expected));
            let lost = store.get("/lost", None).await.expect("readable");
            assert!(lost.is_none(), "{lost:?}");
            put(&store, 2).await;
        }
    }

    /// Sled's own threads may hold its lock for a moment after it is dropped.
    #[test]
    fn a_lock_that_is_let_go_of_is_waited_for() {
        let root = tempfile::tempdir().expect("a directory");
        let path = root.path().join("store");
        let options = || Options::new(Clock::system());
        drop(SledStore::open(&path, options()).expect("opens"));
        let db = path.join("sled/db");
        let late = File::open(&db).expect("there");
        flock(&late, FlockOperation::NonBlockingLockExclusive).expect("closed");
        let opener = thread::spawn(move || SledStore::open(&path, options()).map(drop));
        // Let go of once the opener has the file open as well.
        while holders(&db) < 2 && !opener.is_finished() {
            thread::yield_now();
        }
        drop(late);
        opener.join().expect("no panic").expect("opens again");
    }

    /// How many files of this process are `path`.
    fn holders(path: &Path) -> usize {
        let files = fs::read_dir("/proc/self/fd").expect("readable");
        let targets = files.filter_map(|file| fs::read_link(file.ok()?.path()).ok());
        targets.filter(|target| target == path).count()
    }
}
