//! The directives' names, and taking them out of what is stored.

use serde_json::{Map, Value};

pub(in crate::patch) const PATCH: &str = "$patch";
pub(in crate::patch) const RETAIN_KEYS: &str = "$retainKeys";
const ORDER_PREFIX: &str = "$setElementOrder/";
const DELETE_PREFIX: &str = "$deleteFromPrimitiveList/";

/// The list that a `$setElementOrder/<list>` key is about.
pub(in crate::patch) fn order_of(key: &str) -> Option<&str> {
    key.strip_prefix(ORDER_PREFIX)
}

/// The list that a `$deleteFromPrimitiveList/<list>` key is about.
pub(in crate::patch) fn deletions_of(key: &str) -> Option<&str> {
    key.strip_prefix(DELETE_PREFIX)
}

pub(in crate::patch) fn order_key(list: &str) -> String {
    format!("{ORDER_PREFIX}{list}")
}

pub(in crate::patch) fn deletions_key(list: &str) -> String {
    format!("{DELETE_PREFIX}{list}")
}

/// Whether an item is `{$patch: delete, …}`.
pub(in crate::patch) fn is_deletion(item: &Value) -> bool {
    item.get(PATCH)
        .is_some_and(|directive| directive == "delete")
}

/// What remains of a patch where the object has nothing to merge it with: nulls and directives
/// go, and maps that are a `$patch` of their own go whole.
pub(in crate::patch) fn without_directives(value: Value) -> Option<Value> {
    match value {
        Value::Object(map) if map.contains_key(PATCH) => None,
        Value::Object(map) => Some(Value::Object(keep_values(map))),
        Value::Array(items) => {
            let items = items.into_iter().filter_map(without_directives);
            Some(Value::Array(items.collect()))
        }
        other => Some(other),
    }
}

fn keep_values(map: Map<String, Value>) -> Map<String, Value> {
    let is_value = |key: &str, value: &Value| {
        let directive =
            key == RETAIN_KEYS || order_of(key).is_some() || deletions_of(key).is_some();
        !directive && !value.is_null()
    };
    map.into_iter()
        .filter(|(key, value)| is_value(key, value))
        .filter_map(|(key, value)| Some((key, without_directives(value)?)))
        .collect()
}
