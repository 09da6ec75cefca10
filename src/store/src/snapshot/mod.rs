//! Copies of a whole store in one file, taken while it is in use, and stores made from them.
//!
//! A snapshot is every live key as of one revision. A restored store goes on far past every
//! revision ever served and counts as compacted below it, so that each watch and list of the
//! time before learns that its revision is gone, and no cache goes back in time unawares.

mod file;
#[cfg(test)]
mod tests;

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use base::fsio;
use jiff::Timestamp;
use tracing::info;

use self::file::{Reader, Writer};
use crate::sled_store::record::Record;
use crate::sled_store::restoring::Restoring;
use crate::{Error, OpenError, Revision, SledStore};

/// How far past what was served a restored store goes on. Nobody writes that often between a
/// snapshot and its restore.
const JUMP: u64 = 1_000_000_000;
/// How often a snapshot begins anew when compactions overtake it.
const ATTEMPTS: usize = 5;
/// A batch while restoring is closed at so many records, or so many bytes of them.
const BATCH: usize = 512;
const BATCH_BYTES: usize = 256 << 10;

/// What a snapshot is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Info {
    /// The state is that of this revision.
    pub revision: Revision,
    /// How many keys it holds.
    pub keys: u64,
    /// Of the file.
    pub bytes: u64,
    /// When it was begun.
    pub created: Timestamp,
}

/// Why a snapshot could not be taken, read or restored.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The store could not be read.
    #[error("cannot read the store: {0}")]
    Store(#[from] Error),
    /// A later version of rk3s wrote the snapshot.
    #[error(
        "the snapshot {} has format {found}, but this version of rk3s reads format {supported}: \
         use the version that wrote it",
        path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// The format found.
        found: String,
        /// The format this version reads.
        supported: u32,
    },
    /// The file is not what was written, or no snapshot at all.
    #[error(
        "the snapshot {} is damaged at offset {offset}: {problem}; use another one",
        path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where the trouble begins.
        offset: u64,
        /// What is wrong.
        problem: &'static str,
    },
    /// There is something where the store is to be made.
    #[error("{} is not empty: a snapshot is restored into a new directory", path.display())]
    Occupied {
        /// The directory.
        path: PathBuf,
    },
    /// The new store could not be made.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The system refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> SnapshotError {
    let path = path.to_owned();
    move |source| SnapshotError::Io { path, source }
}

/// Writes the state of this moment to the file `path`, which appears when it is whole and
/// durable, with mode 0600. Reads and writes go on; memory is that of a few records. Blocks.
///
/// # Errors
/// [`SnapshotError::Store`] also when compactions overtake it again and again.
pub fn save(store: &SledStore, path: &Path) -> Result<Info, SnapshotError> {
    let mut attempts = 1;
    loop {
        match save_once(store, path) {
            Err(SnapshotError::Store(Error::Compacted { .. })) if attempts < ATTEMPTS => {
                attempts += 1;
            }
            result => return result,
        }
    }
}

fn save_once(store: &SledStore, path: &Path) -> Result<Info, SnapshotError> {
    let mut records = store.state();
    let created = records.clock().wall();
    let mut writer = Writer::create(path, records.revision(), created)?;
    while let Some(record) = records.next()? {
        writer.record(&record)?;
    }
    let info = writer.finish()?;
    info!(revision = %info.revision, keys = info.keys, path = %path.display(), "saved a snapshot");
    Ok(info)
}

/// Reads a snapshot to its end, checks all of it, and says what it is.
///
/// # Errors
/// [`SnapshotError::Damaged`], [`SnapshotError::Newer`], [`SnapshotError::Io`].
pub fn inspect(path: &Path) -> Result<Info, SnapshotError> {
    let mut reader = Reader::open(path)?;
    while reader.next()?.is_some() {}
    reader.info()
}

/// Makes a store in `directory` (absent, or empty) from a snapshot; it appears when it is whole.
/// It goes on past the snapshot's revision and past `served`, the last revision that clients are
/// known to have seen. The answer's revision is the new store's. Blocks.
///
/// # Errors
/// See [`SnapshotError`]; nothing is left then.
pub fn restore(path: &Path, directory: &Path, served: Revision) -> Result<Info, SnapshotError> {
    // Nothing is written before all of it is known to be good.
    let info = inspect(path)?;
    if directory.exists()
        && fs::read_dir(directory)
            .map_err(at(directory))?
            .next()
            .is_some()
    {
        let path = directory.to_owned();
        return Err(SnapshotError::Occupied { path });
    }
    let revision = Revision(info.revision.max(served).0.saturating_add(JUMP));
    let mut unborn = directory.as_os_str().to_owned();
    unborn.push(format!(".new-{}", base::random::name_suffix(8)));
    let unborn = PathBuf::from(unborn);
    let made = fill(path, &unborn, revision)
        .and_then(|()| fs::rename(&unborn, directory).map_err(at(directory)));
    if let Err(error) = made {
        // The error matters; a leftover has a name that nobody takes for a store.
        drop(fs::remove_dir_all(&unborn));
        return Err(error);
    }
    let parent = directory.parent().unwrap_or(Path::new("."));
    fsio::sync_directory(parent).map_err(at(parent))?;
    info!(%revision, keys = info.keys, path = %directory.display(), "restored a snapshot");
    Ok(Info { revision, ..info })
}

fn fill(path: &Path, directory: &Path, revision: Revision) -> Result<(), SnapshotError> {
    let mut reader = Reader::open(path)?;
    let restoring = Restoring::create(directory)?;
    let mut batch = Batch::default();
    while let Some(record) = reader.next()? {
        batch.add(record);
        if batch.is_full() {
            restoring.add(&batch.records)?;
            batch = Batch::default();
        }
    }
    restoring.add(&batch.records)?;
    Ok(restoring.finish(revision)?)
}

/// Records that are restored with one write.
#[derive(Default)]
struct Batch {
    records: Vec<Record>,
    bytes: usize,
}

impl Batch {
    fn add(&mut self, record: Record) {
        self.bytes += record.len();
        self.records.push(record);
    }

    fn is_full(&self) -> bool {
        self.records.len() >= BATCH || self.bytes >= BATCH_BYTES
    }
}
