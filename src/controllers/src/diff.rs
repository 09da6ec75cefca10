//! What a write must say to turn one state of an object into another.

use api::Kind;
use apimachinery::Object;
use serde_json::{Map, Value, json};

use crate::view::Viewed;

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

/// The whole object of the server, changed as its typed view was. What the types do not know
/// stays. `None` when nothing changes.
pub(crate) fn changed<K: Kind>(before: &Viewed<K>, after: &K) -> Option<Object> {
    let old = before.typed.encode().into_value();
    let patch = merge(&old, &after.encode().into_value())?;
    let mut changed = before.json.clone().into_value();
    apply(&mut changed, &patch);
    Object::from_value(changed)
}

/// RFC 7386.
fn apply(value: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *value = patch.clone();
        return;
    };
    if !value.is_object() {
        *value = json!({});
    }
    for (key, change) in patch {
        match (change, value.as_object_mut()) {
            (Value::Null, Some(map)) => {
                map.remove(key);
            }
            _ => apply(&mut value[key], change),
        }
    }
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

    #[test]
    fn a_changed_object_keeps_what_the_types_do_not_know() {
        let before = Viewed::<api::ReplicaSet>::from_json(json!({
            "metadata": {"name": "a", "resourceVersion": "7"},
            "spec": {"replicas": 1, "selector": {}, "fromTheFuture": 1},
            "status": {"replicas": 3, "readyReplicas": 2, "alsoNew": {"x": []}},
        }));
        let mut after = before.typed.clone();
        after.spec.get_or_insert_default().replicas = Some(2);
        after.status.get_or_insert_default().ready_replicas = None;
        after.metadata.annotations = Some([("a".to_owned(), "b".to_owned())].into());
        let expected = json!({
            "metadata": {"name": "a", "resourceVersion": "7", "annotations": {"a": "b"}},
            "spec": {"replicas": 2, "selector": {}, "fromTheFuture": 1},
            "status": {"replicas": 3, "alsoNew": {"x": []}},
        });
        let found = changed(&before, &after).map(Object::into_value);
        assert_eq!(found, Some(expected));
        assert_eq!(changed(&before, &before.typed), None);
    }
}
