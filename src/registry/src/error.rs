//! The one place where a store's error becomes a Status.

use apimachinery::{Cause, Details, Reason, StatusError};
use store::Error;

/// Errors that mean the same for every verb. Conflicts are the caller's to judge.
pub fn from_store(error: Error) -> StatusError {
    match error {
        Error::Compacted { .. } => {
            StatusError::expired("The resourceVersion for the provided watch is too old.")
        }
        other => StatusError::internal(other),
    }
}

/// A version that the store has not reached: clients wait and ask again.
pub fn too_large(version: u64, current: u64) -> StatusError {
    let text = format!("Too large resource version: {version}, current: {current}");
    let mut error = StatusError::timeout(text);
    error.0.details = Some(Details {
        causes: vec![Cause {
            reason: Reason("ResourceVersionTooLarge".into()),
            message: "Too large resource version".to_owned(),
            field: String::new(),
        }],
        retry_after_seconds: 1,
        ..Details::default()
    });
    error
}
