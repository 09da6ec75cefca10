//! What can go wrong, once for calls and once for opening.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use crate::{KeyValue, Revision};

/// Why a call on a store failed. Cloned, because one failed sync fails a whole batch of callers.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// The revision asked for is older than the history kept.
    #[error("the revision has been compacted; the oldest one readable is {oldest}")]
    Compacted {
        /// Reads at it and watches after it still work.
        oldest: Revision,
    },
    /// The revision asked for has not happened.
    #[error("the revision is in the future; the store is at {current}")]
    FutureRevision {
        /// The store's revision.
        current: Revision,
    },
    /// An operation's expectation did not hold; nothing of the transaction was done.
    #[error("operation {op} of the transaction found its key changed")]
    Conflict {
        /// The index of the operation.
        op: usize,
        /// What the key was at that moment, earlier operations of the transaction included.
        current: Option<KeyValue>,
    },
    /// An operation names an empty key, a value is beyond 256 MiB, or a transaction beyond 512.
    #[error("{0}")]
    Invalid(&'static str),
    /// The disk failed. After a failed write the outcome is unknown: it may be found done when
    /// the store has been reopened from disk.
    #[error("the store's disk failed while {doing}: {source}")]
    Io {
        /// What was being done.
        doing: &'static str,
        /// The system's error.
        source: Arc<io::Error>,
    },
    /// Writes are refused, because an earlier one failed and the disk has not recovered; nothing
    /// was attempted. Reads go on.
    #[error("the store refuses writes since its disk failed: {cause}")]
    ReadOnly {
        /// The first failure.
        cause: Arc<str>,
    },
    /// What is on disk is not what was written there.
    #[error("the store's data is damaged: {0}")]
    Damaged(Arc<str>),
    /// The store has been closed; a write in flight has an unknown outcome.
    #[error("the store is closed")]
    Closed,
}

impl Error {
    pub(crate) fn io(doing: &'static str, source: io::Error) -> Self {
        Self::Io {
            doing,
            source: Arc::new(source),
        }
    }

    pub(crate) fn damaged(what: impl Into<String>) -> Self {
        Self::Damaged(what.into().into())
    }
}

/// Why a store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process, or another store of this one, has the directory open.
    #[error(
        "the data directory {} is in use by {}; stop it first, or choose another directory",
        path.display(),
        pid.map_or("another process".to_owned(), |pid| format!("process {pid}"))
    )]
    Locked {
        /// The directory.
        path: PathBuf,
        /// The process that wrote its id into the lock file.
        pid: Option<u32>,
    },
    /// A later version of rk3s wrote the directory.
    #[error(
        "the data directory {} has store format {found}, but this version of rk3s reads formats \
         up to {supported}: run the version that wrote it, or restore a snapshot into a new \
         directory",
        path.display()
    )]
    Newer {
        /// The directory.
        path: PathBuf,
        /// The format found.
        found: u32,
        /// The newest format this version reads.
        supported: u32,
    },
    /// The directory holds data, but no legible statement of its format.
    #[error(
        "{} does not look like a store of rk3s: {problem}; restore it from a backup, or choose \
         another directory",
        path.display()
    )]
    Format {
        /// The directory.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// The data is damaged and no true prefix of it could be recovered.
    #[error("the store in {} is damaged: {problem}; restore a snapshot", path.display())]
    Damaged {
        /// The directory.
        path: PathBuf,
        /// What was found, and where.
        problem: String,
    },
    /// The system refused.
    #[error("cannot open the store: {}: {source}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
}
