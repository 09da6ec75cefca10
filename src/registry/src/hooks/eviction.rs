//! `POST pods/<name>/eviction`: a deletion that says why.

use apimachinery::admission::Plugin;
use apimachinery::{Object, RequestCx, StatusError};
use resources::Resource;
use serde_json::Value;

use crate::options::Preconditions;
use crate::{DeleteOptions, Registry, Target};

impl Registry {
    /// Deletes a pod with the eviction's own options.
    ///
    /// # Errors
    /// As for a delete.
    pub async fn evict(
        &self,
        row: &'static Resource,
        cx: &RequestCx,
        target: Target<'_>,
        eviction: &Object,
        dry_run: bool,
        admission: &dyn Plugin,
    ) -> Result<(), StatusError> {
        let text = |pointer: &str| eviction.at(pointer).and_then(Value::as_str).map(Into::into);
        let options = DeleteOptions {
            grace_period_seconds: eviction
                .at("/deleteOptions/gracePeriodSeconds")
                .and_then(Value::as_i64),
            preconditions: Preconditions {
                uid: text("/deleteOptions/preconditions/uid"),
                resource_version: text("/deleteOptions/preconditions/resourceVersion"),
            },
            propagation: None,
            dry_run,
        };
        self.delete(row, cx, target, &options, admission)
            .await
            .map(|_| ())
    }
}
