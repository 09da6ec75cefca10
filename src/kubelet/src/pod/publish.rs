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

/// Lists that a strategic merge would add to: they are replaced.
const REPLACED: [&str; 2] = ["hostIPs", "podIPs"];

/// The status fields that differ, as a strategic merge patch: the kubelet's own conditions are
/// merged by type, lists of addresses replaced, and what went away is null.
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
        let value = match field.as_str() {
            "conditions" => own_conditions(value, old.get(field)),
            name if REPLACED.contains(&name) => replacing(value),
            _ => value.clone(),
        };
        patch.insert(field.clone(), value);
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

fn replacing(list: &Value) -> Value {
    let items = list.as_array().into_iter().flatten().cloned();
    std::iter::once(json!({"$patch": "replace"}))
        .chain(items)
        .collect()
}

/// The kubelet's own conditions. Fields that an old one has and the new one lacks are null: a
/// merge would keep them.
fn own_conditions(new: &Value, old: Option<&Value>) -> Value {
    let items = |list: &Value| list.as_array().cloned().unwrap_or_default();
    let old = old.map(items).unwrap_or_default();
    let mut own = items(new);
    own.retain(|condition| {
        let kind = condition.get("type").and_then(Value::as_str);
        kind.is_some_and(|kind| OWNED.contains(&kind))
    });
    for condition in &mut own {
        let before = old.iter().find(|o| o.get("type") == condition.get("type"));
        let before = before.and_then(Value::as_object).into_iter().flatten();
        let Some(fields) = condition.as_object_mut() else {
            continue;
        };
        for (field, _) in before {
            fields.entry(field.clone()).or_insert(Value::Null);
        }
    }
    own.into()
}

/// Whether the error means that the API has no such pod any more.
pub fn is_gone(error: &ClientError) -> bool {
    error.is_not_found() || error.is_conflict()
}

#[cfg(test)]
mod tests {
    use super::*;
    use api::Kind;

    fn pod(status: Value) -> Pod {
        let pod = json!({"metadata": {"name": "p"}, "spec": {"containers": []}, "status": status});
        Pod::decode(pod.to_string().as_bytes()).expect("a pod")
    }

    #[test]
    fn what_went_away_is_said() {
        let old = pod(json!({
            "podIP": "10.42.0.2", "podIPs": [{"ip": "10.42.0.2"}],
            "conditions": [
                {"type": "Ready", "status": "False", "reason": "ContainersNotReady", "message": "m"},
                {"type": "Foreign", "status": "True"},
            ],
        }));
        let new = pod(json!({
            "podIP": "10.42.0.9", "podIPs": [{"ip": "10.42.0.9"}],
            "conditions": [
                {"type": "Ready", "status": "True"}, {"type": "Foreign", "status": "True"},
            ],
        }));
        let patch = difference(&old, new.status.as_ref().expect("a status"));
        let expected = json!({
            "podIP": "10.42.0.9", "podIPs": [{"$patch": "replace"}, {"ip": "10.42.0.9"}],
            "conditions": [{"type": "Ready", "status": "True", "reason": null, "message": null}],
        });
        assert_eq!(Value::from(patch), expected);
        assert!(difference(&new, new.status.as_ref().expect("a status")).is_empty());
    }
}
