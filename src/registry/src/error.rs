//! The one place where a store's error becomes a Status.

use apimachinery::StatusError;
use store::Error;

/// Errors that mean the same for every verb. Conflicts are the caller's to judge.
pub fn from_store(error: Error) -> StatusError {
    match error {
        Error::Compacted { .. } => {
            StatusError::expired("The resourceVersion for the provided watch is too old.")
        }
        Error::FutureRevision { current } => {
            StatusError::timeout(format!("Too large resource version, current: {current}"))
        }
        other => StatusError::internal(other),
    }
}
