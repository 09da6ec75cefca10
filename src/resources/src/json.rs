//! Reading JSON the way Go reads structs, and filling in defaults.
//!
//! A null and an absent field are the same; so are an absent field and its zero value where
//! the Go field is no pointer.

use serde_json::{Map, Value};

pub(crate) type Json = Map<String, Value>;

/// What a defaulting table writes into a field.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fill {
    /// When absent or empty.
    Text(&'static str),
    /// When absent or empty, for pointer fields where "" is a value of its own.
    TextIfAbsent(&'static str),
    /// When absent.
    Number(i64),
    /// When absent or 0.
    NonZero(i64),
    /// When absent.
    Flag(bool),
    /// `{}`, when absent.
    Empty,
}

/// Applies a table of defaults to one object.
pub(crate) fn fill(map: &mut Json, table: &[(&str, Fill)]) {
    for (field, default) in table {
        let current = map.get(*field);
        let value: Value = match default {
            Fill::Text(text) if text_of(current).is_empty() && is_unset_or_text(current) => {
                (*text).into()
            }
            Fill::NonZero(number) if is_unset(current) || current == Some(&0.into()) => {
                (*number).into()
            }
            Fill::TextIfAbsent(text) if is_unset(current) => (*text).into(),
            Fill::Number(number) if is_unset(current) => (*number).into(),
            Fill::Flag(flag) if is_unset(current) => (*flag).into(),
            Fill::Empty if is_unset(current) => Json::new().into(),
            _ => continue,
        };
        map.insert((*field).to_owned(), value);
    }
}

fn is_unset(value: Option<&Value>) -> bool {
    value.is_none_or(Value::is_null)
}

fn is_unset_or_text(value: Option<&Value>) -> bool {
    is_unset(value) || value.is_some_and(Value::is_string)
}

fn text_of(value: Option<&Value>) -> &str {
    value.and_then(Value::as_str).unwrap_or("")
}

/// A text, empty when absent.
pub(crate) fn text<'a>(map: &'a Json, field: &str) -> &'a str {
    text_of(map.get(field))
}

/// A number, when there is one.
pub(crate) fn int(map: &Json, field: &str) -> Option<i64> {
    map.get(field)?.as_i64()
}

/// A flag, false when absent.
pub(crate) fn flag(map: &Json, field: &str) -> bool {
    map.get(field).and_then(Value::as_bool).unwrap_or(false)
}

/// An object, when there is one.
pub(crate) fn map<'a>(map: &'a Json, field: &str) -> Option<&'a Json> {
    map.get(field)?.as_object()
}

/// The items of a list, none when absent.
pub(crate) fn list<'a>(map: &'a Json, field: &str) -> &'a [Value] {
    map.get(field)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

/// The items of a list that are objects.
pub(crate) fn maps<'a>(map: &'a Json, field: &str) -> impl DoubleEndedIterator<Item = &'a Json> {
    list(map, field).iter().filter_map(Value::as_object)
}

/// The texts of a list.
pub(crate) fn texts<'a>(map: &'a Json, field: &str) -> impl Iterator<Item = &'a str> {
    list(map, field).iter().filter_map(Value::as_str)
}

/// An object, for change, when there is one.
pub(crate) fn map_mut<'a>(map: &'a mut Json, field: &str) -> Option<&'a mut Json> {
    map.get_mut(field)?.as_object_mut()
}

/// The items of a list that are objects, for change.
pub(crate) fn maps_mut<'a>(map: &'a mut Json, field: &str) -> impl Iterator<Item = &'a mut Json> {
    map.get_mut(field)
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
        .filter_map(Value::as_object_mut)
}

/// The objects at a path of field names, for change; a list on the way stands for all its items.
pub(crate) fn each_mut(map: &mut Json, path: &[&str], apply: &mut dyn FnMut(&mut Json)) {
    let Some((field, rest)) = path.split_first() else {
        return apply(map);
    };
    match map.get_mut(*field) {
        Some(Value::Object(inner)) => each_mut(inner, rest, apply),
        Some(Value::Array(items)) => {
            for item in items.iter_mut().filter_map(Value::as_object_mut) {
                each_mut(item, rest, apply);
            }
        }
        _ => {}
    }
}

/// Whether a field has neither a value nor Go's zero value.
pub(crate) fn is_zero(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null) => true,
        Some(Value::Bool(flag)) => !flag,
        Some(Value::Number(number)) => number.as_f64() == Some(0.0),
        Some(Value::String(text)) => text.is_empty(),
        Some(Value::Array(items)) => items.is_empty(),
        Some(Value::Object(fields)) => fields.is_empty(),
    }
}

/// Equal as upstream's `apiequality.Semantic`: absent, null and empty collections are one.
pub(crate) fn same(left: Option<&Value>, right: Option<&Value>) -> bool {
    match (left, right) {
        // Each pair once: twice is 2^n for a value n levels deep.
        (Some(Value::Object(left)), Some(Value::Object(right))) => {
            let is_there = |(key, value)| left.contains_key(key) || is_absent(Some(value));
            left.iter()
                .all(|(key, value)| same(Some(value), right.get(key)))
                && right.iter().all(is_there)
        }
        (Some(Value::Array(left)), Some(Value::Array(right))) => {
            left.len() == right.len() && left.iter().zip(right).all(|(l, r)| same(Some(l), Some(r)))
        }
        (left, right) if is_absent(left) && is_absent(right) => true,
        (left, right) => left == right,
    }
}

/// The fields that are there: two flat objects are [`same`] when these are equal.
pub(crate) fn present(map: &Json) -> Json {
    let mut map = map.clone();
    map.retain(|_, value| !is_absent(Some(value)));
    map
}

/// Whether anything but metadata and status differs: the body of kinds without a spec.
pub(crate) fn body_differs(new: &Json, old: &Json) -> bool {
    const OTHER: [&str; 4] = ["apiVersion", "kind", "metadata", "status"];
    new.keys()
        .chain(old.keys())
        .filter(|field| !OTHER.contains(&field.as_str()))
        .any(|field| !same(new.get(field), old.get(field)))
}

pub(crate) fn is_absent(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null) => true,
        Some(Value::Array(items)) => items.is_empty(),
        Some(Value::Object(fields)) => fields.is_empty(),
        Some(Value::String(text)) => text.is_empty(),
        Some(Value::Bool(_) | Value::Number(_)) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn fills_only_what_is_unset() {
        let mut map = json!({"a": "", "b": null, "c": 0, "d": 0, "e": "kept", "g": 7})
            .as_object()
            .cloned()
            .expect("an object");
        let table = [
            ("a", Fill::Text("x")),
            ("b", Fill::Flag(true)),
            ("c", Fill::Number(3)),
            ("d", Fill::NonZero(3)),
            ("e", Fill::Text("x")),
            ("f", Fill::Empty),
            ("g", Fill::Text("x")),
        ];
        fill(&mut map, &table);
        let filled = json!({"a": "x", "b": true, "c": 0, "d": 3, "e": "kept", "f": {}, "g": 7});
        assert_eq!(Value::Object(map), filled);
    }

    #[test]
    fn absent_and_empty_are_the_same() {
        let rows = [
            (
                json!({"a": null, "b": [], "c": {}, "d": ""}),
                json!({}),
                true,
            ),
            (json!({"a": 0}), json!({}), false),
            (json!({"a": 0}), json!({"a": 0, "b": false}), false),
            (
                json!({"a": {"b": 1}}),
                json!({"a": {"b": 1, "c": []}}),
                true,
            ),
            (json!({"a": {"b": 1}}), json!({"a": {"b": 2}}), false),
            (json!([1]), json!([2]), false),
        ];
        for (left, right, expected) in rows {
            assert_eq!(same(Some(&left), Some(&right)), expected, "{left} {right}");
            assert_eq!(same(Some(&right), Some(&left)), expected, "{right} {left}");
        }
    }

    /// Twice the work at each of the levels that a body may have would never end.
    #[test]
    fn deep_values_are_compared_once() {
        let deep = |end| (0..100).fold(json!(end), |below, _| json!({"a": below}));
        assert!(same(Some(&deep(1)), Some(&deep(1))));
        assert!(!same(Some(&deep(1)), Some(&deep(2))));
    }
}
