//! The patch of an apply: strategic for kinds with known types, a JSON merge patch for others.

use anyhow::{Context, Result};
use apimachinery::Object;
use schema::Facts;
use serde_json::{Map, Value};

use super::LAST_APPLIED;
use crate::discovery::Found;

pub(super) struct Patch {
    pub media_type: &'static str,
    pub body: Value,
}

/// What brings the live object to the applied one, and takes away what was applied last and is
/// not now.
pub(super) fn three_way(found: &Found, modified: &Object, live: &Object) -> Result<Patch> {
    let original = match live.annotation(LAST_APPLIED) {
        Some(text) => serde_json::from_str(text)
            .with_context(|| format!("reading the {LAST_APPLIED} annotation"))?,
        None => Map::new(),
    };
    let (modified, live) = (map(modified), map(live));
    match Facts::builtin().kind(&found.resource.gvk()) {
        Some(ty) => Ok(Patch {
            media_type: "application/strategic-merge-patch+json",
            body: schema::patch::create_three_way_strategic(&original, &modified, &live, ty)?,
        }),
        None => Ok(Patch {
            media_type: "application/merge-patch+json",
            body: Value::Object(merge_patch(&original, &modified, &live)),
        }),
    }
}

fn map(object: &Object) -> Map<String, Value> {
    match object.clone().into_value() {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

fn merge_patch(
    original: &Map<String, Value>,
    modified: &Map<String, Value>,
    live: &Map<String, Value>,
) -> Map<String, Value> {
    let mut patch = Map::new();
    for key in original.keys().filter(|key| !modified.contains_key(*key)) {
        patch.insert(key.clone(), Value::Null);
    }
    let none = Map::new();
    for (key, wanted) in modified {
        match (wanted, live.get(key)) {
            (Value::Object(wanted), Some(Value::Object(has))) => {
                let before = original
                    .get(key)
                    .and_then(Value::as_object)
                    .unwrap_or(&none);
                let below = merge_patch(before, wanted, has);
                if !below.is_empty() {
                    patch.insert(key.clone(), Value::Object(below));
                }
            }
            (wanted, has) if has != Some(wanted) => {
                patch.insert(key.clone(), wanted.clone());
            }
            _ => {}
        }
    }
    patch
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn merge_patches_add_change_and_remove() {
        let map = |value: Value| value.as_object().cloned().expect("a map");
        let original = map(json!({"a": 1, "gone": 1, "m": {"x": 1, "y": 1}}));
        let modified = map(json!({"a": 2, "m": {"x": 1, "z": [1]}}));
        let live = map(json!({"a": 1, "gone": 1, "m": {"x": 1, "y": 1, "other": 1}, "status": {}}));
        assert_eq!(
            Value::Object(merge_patch(&original, &modified, &live)),
            json!({"a": 2, "gone": null, "m": {"y": null, "z": [1]}})
        );
        assert!(merge_patch(&modified, &modified, &modified).is_empty());
    }
}
