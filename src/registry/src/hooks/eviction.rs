//! `POST pods/<name>/eviction`: a deletion that says why.

use apimachinery::StatusError;

use crate::{DeleteOptions, Target, Writer};

impl Writer<'_> {
    /// Deletes a pod with the eviction's own options.
    ///
    /// # Errors
    /// As for a delete.
    pub async fn evict(
        &self,
        target: Target<'_>,
        options: &DeleteOptions,
    ) -> Result<(), StatusError> {
        // A pod that must wait for its grace period has been evicted as well.
        self.delete(target, options).await.map(|_| ())
    }
}
