//! `POST pods/<name>/binding`: the scheduler's decision, made once.

use apimachinery::admission::Plugin;
use apimachinery::{Encoded, Object, RequestCx, StatusError, time};
use resources::Resource;
use serde_json::{Map, Value, json};

use crate::{Registry, Target, WriteOptions};

impl Registry {
    /// Assigns a pod to the node that a Binding names, and marks it scheduled.
    ///
    /// # Errors
    /// BadRequest without a target, Conflict when the pod has a node or is being deleted.
    pub async fn bind(
        &self,
        row: &'static Resource,
        cx: &RequestCx,
        target: Target<'_>,
        binding: &Object,
        options: &WriteOptions,
        admission: &dyn Plugin,
    ) -> Result<Encoded, StatusError> {
        let node = binding
            .at("/target/name")
            .and_then(Value::as_str)
            .unwrap_or_default();
        if node.is_empty() {
            return Err(StatusError::bad_request(
                "target.name: Required value: name of the node",
            ));
        }
        let uid = binding.uid().to_owned();
        let now = time::format(self.clock.wall());
        let change = |old: &Object| {
            let conflict =
                |why: String| StatusError::conflict(&row.group_resource(), target.name, &why);
            if !uid.is_empty() && uid != old.uid() {
                return Err(conflict(format!(
                    "Precondition failed: UID in precondition: {uid}, UID in object meta: {}",
                    old.uid()
                )));
            }
            if old.deletion_timestamp().is_some() {
                return Err(conflict(format!(
                    "pod {} is being deleted, cannot be assigned to a host",
                    target.name
                )));
            }
            let current = old
                .at("/spec/nodeName")
                .and_then(Value::as_str)
                .unwrap_or_default();
            if !current.is_empty() {
                return Err(conflict(format!(
                    "pod {} is already assigned to node \"{current}\"",
                    target.name
                )));
            }
            Ok(bound(old, node, &now))
        };
        self.update(row, cx, target, &change, options, admission)
            .await
    }
}

fn bound(pod: &Object, node: &str, now: &str) -> Object {
    let mut pod = pod.clone();
    pod.map_mut("spec").insert("nodeName".into(), node.into());
    let mut scheduled = Map::new();
    scheduled.insert("type".into(), "PodScheduled".into());
    scheduled.insert("status".into(), "True".into());
    scheduled.insert("lastProbeTime".into(), Value::Null);
    scheduled.insert("lastTransitionTime".into(), now.into());
    scheduled.insert("observedGeneration".into(), pod.generation().into());
    let status = pod.map_mut("status");
    let conditions = status.entry("conditions").or_insert_with(|| json!([]));
    if let Some(conditions) = conditions.as_array_mut() {
        conditions.retain(|c| c.get("type").and_then(Value::as_str) != Some("PodScheduled"));
        conditions.push(scheduled.into());
    }
    pod
}
