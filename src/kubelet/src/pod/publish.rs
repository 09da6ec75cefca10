//! The status on its way to the API: a patch of what differs, written only when it does.

use api::core::{Pod, PodStatus};
use client::{Client, ClientError, PatchKind, PatchOptions};
use serde_json::{Map, Value, json};

use super::config::identity;

/// Conditions that others own are not touched by the kubelet's patch.
const OWNED: [&str; 5] = [
    "PodReadyToStartContainers",
    "Initialized",
    "Ready",
    "ContainersReady",
    "PodScheduled",
];

/// Patches `pods/status` when `status` differs from the pod's own; gives the pod as it is then. A
/// pod that is gone is fine.
///
/// # Errors
/// When the API does not take it.
pub async fn publish(
    client: &Client,
    pod: &Pod,
    status: &PodStatus,
) -> Result<Option<Pod>, ClientError> {
    let patch = difference(pod, status);
    if patch.is_empty() {
        return Ok(None);
    }
    let (namespace, name, uid) = identity(pod);
    let body = json!({"metadata": {"uid": uid}, "status": patch});
    let options = PatchOptions::subresource("status");
    let pods = client.typed::<Pod>().in_namespace(namespace);
    let patched = pods
        .api()
        .patch(name, PatchKind::Strategic, &body, &options);
    match patched.await {
        Ok(answer) => api::decode(&answer)
            .map(Some)
            .map_err(ClientError::unreadable),
        // Deleted, or replaced by a namesake of another uid: nobody waits for this status.
        Err(error) if is_gone(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The status fields that differ. Lists are sent whole; conditions are merged by type.
fn difference(pod: &Pod, status: &PodStatus) -> Map<String, Value> {
    let print = |status: &PodStatus| match serde_json::to_value(status) {
        Ok(Value::Object(map)) => map,
        _ => Map::new(),
    };
    let old = print(&pod.status.clone().unwrap_or_default());
    let new = print(status);
    let mut patch = Map::new();
    for (field, value) in &new {
        if old.get(field) == Some(value) {
            continue;
        }
        if field == "conditions" {
            let owned = |c: &&Value| {
                c.get("type")
                    .and_then(Value::as_str)
                    .is_some_and(|t| OWNED.contains(&t))
            };
            let list = value
                .as_array()
                .into_iter()
                .flatten()
                .filter(owned)
                .cloned();
            patch.insert(field.clone(), list.collect::<Vec<_>>().into());
        } else {
            patch.insert(field.clone(), value.clone());
        }
    }
    for field in [
        "reason",
        "message",
        "podIP",
        "podIPs",
        "initContainerStatuses",
    ] {
        if old.contains_key(field) && !new.contains_key(field) {
            patch.insert(field.to_owned(), Value::Null);
        }
    }
    patch
}

/// Whether the error means that the API has no such pod any more.
pub fn is_gone(error: &ClientError) -> bool {
    error.is_not_found() || error.is_conflict()
}
