//! `POST pods/<name>/binding`: the scheduler's decision, made once.

use apimachinery::{Encoded, GroupResource, Object, StatusError, time};
use serde_json::{Map, Value, json};

use crate::{Target, WriteOptions, Writer};

impl Writer<'_> {
    /// Assigns a pod to the node that a Binding names, and marks it scheduled.
    ///
    /// # Errors
    /// BadRequest without a target, Conflict when the pod has a node or is being deleted.
    pub async fn bind(
        &self,
        target: Target<'_>,
        binding: &Object,
        options: &WriteOptions,
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
        let now = time::format(self.registry.clock.wall());
        let change = |old: &Object| {
            check(old, binding).map_err(|why| {
                let resource = GroupResource::new("", "pods/binding");
                StatusError::conflict(&resource, target.name, &why)
            })?;
            Ok(bound(old, binding, node, &now))
        };
        self.update(target, &change, options).await
    }
}

/// Whether the pod can still be given a node; the error says why not.
fn check(pod: &Object, binding: &Object) -> Result<(), String> {
    let (name, uid) = (pod.name(), binding.uid());
    if !uid.is_empty() && uid != pod.uid() {
        return Err(format!(
            "Precondition failed: UID in precondition: {uid}, UID in object meta: {}",
            pod.uid()
        ));
    }
    if pod.deletion_timestamp().is_some() {
        return Err(format!(
            "pod {name} is being deleted, cannot be assigned to a host"
        ));
    }
    let node = pod.at("/spec/nodeName").and_then(Value::as_str);
    if let Some(node) = node.filter(|node| !node.is_empty()) {
        return Err(format!("pod {name} is already assigned to node {node:?}"));
    }
    let gates = pod.at("/spec/schedulingGates").and_then(Value::as_array);
    if gates.is_some_and(|gates| !gates.is_empty()) {
        return Err(format!("pod {name} has non-empty .spec.schedulingGates"));
    }
    Ok(())
}

/// The pod on its node, with the binding's labels and annotations.
fn bound(pod: &Object, binding: &Object, node: &str, now: &str) -> Object {
    let mut pod = pod.clone();
    for field in ["annotations", "labels"] {
        let given = binding.metadata().and_then(|m| m.get(field));
        let Some(given) = given.and_then(Value::as_object) else {
            continue;
        };
        let all = pod.metadata_mut().entry(field).or_insert_with(|| json!({}));
        if let Some(all) = all.as_object_mut() {
            all.extend(given.clone());
        }
    }
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
