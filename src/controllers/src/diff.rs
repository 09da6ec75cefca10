//! What a write must say to turn one state of an object into another.

use api::Kind;
use serde_json::{Map, Value, json};

/// The merge patch from one state of an object to another, with the UID and the version of the
/// first as preconditions. `None` when nothing changes.
///
/// Both are typed views of the same object, so a field that the types do not know is in neither
/// and stays as it is.
pub(crate) fn patch<K: Kind>(before: &K, after: &K) -> Option<Value> {
    let before_json = before.encode().into_value();
    let mut patch = merge(&before_json, &after.encode().into_value())?;
    patch["metadata"]["uid"] = before.uid().into();
    if let Some(version) = &before.metadata().resource_version {
        patch["metadata"]["resourceVersion"] = version.as_str().into();
    }
    Some(patch)
}

/// RFC 7386, backwards. Lists are replaced whole.
fn merge(before: &Value, after: &Value) -> Option<Value> {
    let (Value::Object(old), Value::Object(new)) = (before, after) else {
        return (before != after).then(|| after.clone());
    };
    let mut patch = Map::new();
    for (key, value) in new {
        let change = match old.get(key) {
            Some(old) => merge(old, value),
            None => Some(value.clone()),
        };
        if let Some(change) = change {
            patch.insert(key.clone(), change);
        }
    }
    for key in old.keys().filter(|key| !new.contains_key(*key)) {
        patch.insert(key.clone(), json!(null));
    }
    (!patch.is_empty()).then_some(Value::Object(patch))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patch_says_what_changed_and_of_which_state() {
        let before = json!({"metadata": {"name": "a", "uid": "u", "resourceVersion": "7",
            "annotations": {"x": "1", "y": "2"}}, "spec": {"replicas": 1},
            "status": {"replicas": 3, "readyReplicas": 2, "conditions": []}});
        let after = json!({"metadata": {"name": "a", "uid": "u", "resourceVersion": "7",
            "annotations": {"x": "1", "z": "3"}}, "spec": {"replicas": 1},
            "status": {"replicas": 4, "conditions": []}});
        let view = |value: &Value| {
            api::ReplicaSet::decode(value.to_string().as_bytes()).expect("a replica set")
        };
        let (before, after) = (view(&before), view(&after));
        let expected = json!({
            "metadata": {"uid": "u", "resourceVersion": "7", "annotations": {"y": null, "z": "3"}},
            "status": {"replicas": 4, "readyReplicas": null},
        });
        assert_eq!(patch(&before, &after), Some(expected));
        assert_eq!(patch(&before, &before), None);
    }
}
