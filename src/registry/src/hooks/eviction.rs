//! `POST pods/<name>/eviction`: a deletion that says why.

use apimachinery::admission::AlwaysAdmit;
use apimachinery::{Object, StatusError, time};
use serde_json::{Value, json};

use crate::{DeleteOptions, Target, WriteOptions, Writer, metadata};

impl Writer<'_> {
    /// Marks a pod as disrupted and deletes it with the eviction's own options.
    ///
    /// # Errors
    /// As for a delete.
    pub async fn evict(
        &self,
        target: Target<'_>,
        options: &DeleteOptions,
    ) -> Result<(), StatusError> {
        let mut options = options.clone();
        if !options.dry_run {
            let marked = self.mark_disrupted(target, &options).await?;
            // The version that the client knew is the one before the mark.
            let version = &mut options.preconditions.resource_version;
            *version = version.take().map(|_| marked);
        }
        // A pod that must wait for its grace period has been evicted as well.
        self.delete(target, &options).await.map(|_| ())
    }

    /// The pod's version with the mark.
    async fn mark_disrupted(
        &self,
        target: Target<'_>,
        options: &DeleteOptions,
    ) -> Result<String, StatusError> {
        let now = time::format(self.registry.clock.wall());
        let change = |old: &Object| {
            metadata::check_preconditions(self.row, old, &options.preconditions)?;
            Ok(disrupted(old, &now))
        };
        let writer = Self {
            admission: &AlwaysAdmit,
            ..*self
        };
        let write = WriteOptions {
            subresource: "eviction",
            ..WriteOptions::default()
        };
        let marked = writer.update(target, &change, &write).await?;
        Ok(marked.revision().to_string())
    }
}

const CONDITION: &str = "DisruptionTarget";

/// The pod with upstream's condition; one that it has already keeps its time.
fn disrupted(pod: &Object, now: &str) -> Object {
    let mut pod = pod.clone();
    let generation = pod.generation();
    let status = pod.map_mut("status");
    let conditions = status.entry("conditions").or_insert_with(|| json!([]));
    let Some(conditions) = conditions.as_array_mut() else {
        return pod;
    };
    let text = |condition: &Value, field: &str| {
        let text = condition.get(field).and_then(Value::as_str);
        text.unwrap_or_default().to_owned()
    };
    let found = conditions
        .iter()
        .position(|condition| text(condition, "type") == CONDITION);
    let since = found
        .map(|at| conditions.remove(at))
        .filter(|condition| text(condition, "status") == "True")
        .map(|condition| text(&condition, "lastTransitionTime"));
    let condition = json!({
        "type": CONDITION, "status": "True", "observedGeneration": generation,
        "reason": "EvictionByEvictionAPI", "message": "Eviction API: evicting",
        "lastTransitionTime": since.unwrap_or_else(|| now.to_owned()),
    });
    conditions.insert(found.unwrap_or(conditions.len()), condition);
    pod
}
