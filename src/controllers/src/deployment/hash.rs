//! Telling pod templates apart, and naming the sets that carry them.

use std::fmt::Write;

use api::wellknown::labels::POD_TEMPLATE_HASH;
use serde_json::{Map, Value};

/// Digits of safe names: no vowels and no 0, 1, 3 (`rand.SafeEncodeString`).
const SAFE: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

/// The longest name of an object.
const LONGEST_NAME: usize = 253;

/// A template without its hash label and without what says nothing (nulls, empty lists), so that
/// equal templates are equal values (`EqualIgnoreHash`).
pub(super) fn comparable(template: &Value) -> Value {
    let mut template = stripped(template);
    if let Some(labels) = template.pointer_mut("/metadata/labels")
        && let Some(labels) = labels.as_object_mut()
    {
        labels.remove(POD_TEMPLATE_HASH);
    }
    if let Some(metadata) = template.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("creationTimestamp");
        metadata.retain(|_, value| value.as_object().is_none_or(|map| !map.is_empty()));
    }
    template
}

fn stripped(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let says = |value: &Value| !value.is_null() && *value != Value::Array(Vec::new());
            let kept = map.iter().filter(|(_, value)| says(value));
            let kept: Map<_, _> = kept.map(|(k, v)| (k.clone(), stripped(v))).collect();
            Value::Object(kept)
        }
        Value::Array(items) => items.iter().map(stripped).collect(),
        other => other.clone(),
    }
}

/// The hash of a comparable template, safe in names and labels. It is ours: a set is found again
/// by its template, never by its hash. `collisions` moves it when another set has its name.
pub(super) fn template_hash(comparable: &Value, collisions: Option<i32>) -> String {
    let mut text = String::new();
    canonical(comparable, &mut text);
    if let Some(collisions) = collisions {
        text.push_str(&collisions.to_string());
    }
    let digits = fnv1a(text.as_bytes()).to_string();
    let safe = |digit: u8| char::from(SAFE[usize::from(digit) % SAFE.len()]);
    digits.bytes().map(safe).collect()
}

/// Prints with sorted keys, whatever the map's order is.
fn canonical(value: &Value, out: &mut String) {
    match value {
        Value::Object(map) => {
            let mut keys: Vec<_> = map.keys().collect();
            keys.sort();
            out.push('{');
            for key in keys {
                write!(out, "{key:?}:").expect("writing to a string cannot fail");
                canonical(&map[key], out);
                out.push(',');
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for item in items {
                canonical(item, out);
                out.push(',');
            }
            out.push(']');
        }
        other => write!(out, "{other}").expect("writing to a string cannot fail"),
    }
}

/// FNV-1a, 32 bits.
fn fnv1a(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, byte| {
        (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193)
    })
}

/// `<deployment>-<hash>`, the first part cut so that it is a name.
pub(super) fn set_name(deployment: &str, hash: &str) -> String {
    let room = LONGEST_NAME.saturating_sub(hash.len() + 1);
    let prefix = deployment.get(..room).unwrap_or(deployment);
    format!("{prefix}-{hash}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn templates_compare_by_what_they_say() {
        let plain =
            json!({"metadata": {"labels": {"app": "web"}}, "spec": {"a": 1, "b": {"c": {}}}});
        let same = [
            json!({"metadata": {"labels": {"app": "web", "pod-template-hash": "x"}},
                "spec": {"b": {"c": {}}, "a": 1}}),
            json!({"metadata": {"labels": {"app": "web"}, "annotations": {}, "creationTimestamp": null},
                "spec": {"a": 1, "b": {"c": {}, "d": null, "e": []}}}),
        ];
        for template in same {
            assert_eq!(comparable(&template), comparable(&plain), "{template}");
        }
        let others = [
            json!({"metadata": {"labels": {"app": "db"}}, "spec": {"a": 1, "b": {"c": {}}}}),
            json!({"metadata": {"labels": {"app": "web"}}, "spec": {"a": 1, "b": {}}}),
        ];
        for template in others {
            assert_ne!(comparable(&template), comparable(&plain), "{template}");
        }
    }

    #[test]
    fn hashes_are_stable_and_safe() {
        let template = json!({"spec": {"b": [1, "x"], "a": null}});
        let found = [None, Some(1)].map(|count| template_hash(&template, count));
        assert_eq!(found, ["7cfbbbbddc", "5f987dbbf4"]);
        let sorted = json!({"spec": {"a": null, "b": [1, "x"]}});
        assert_eq!(template_hash(&sorted, None), found[0]);
        assert_eq!(set_name("web", "x1"), "web-x1");
        assert_eq!(set_name(&"w".repeat(300), "x1").len(), 253);
    }
}
