//! Sets of fields: of a value, and with one another.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::Fields;
use crate::facts::{Field, ListType, MapType, Shape, TypeRef};

/// Structs that are no pointers in Go: they are always there, so nobody sets them as such. The
/// facts do not tell pointers from values.
const BY_VALUE: [&str; 9] = [
    "lastState",
    "metadata",
    "resources",
    "spec",
    "state",
    "status",
    "strategy",
    "template",
    "updateStrategy",
];

/// What of a value is not in `old`, or differs there; `None` for nothing. The empty set is the
/// value itself. `node` says whether a value with fields of its own is a field too when new.
pub(super) fn set(
    old: Option<&Value>,
    new: &Value,
    ty: Option<TypeRef<'_>>,
    node: bool,
) -> Option<Fields> {
    let mut out = match (new, ty.map(|ty| (ty, ty.shape()))) {
        (Value::Object(new), Some((ty, Shape::Struct { atomic: false, .. })))
            if !new.is_empty() =>
        {
            of_struct(old, new, ty)
        }
        (
            Value::Object(new),
            Some((
                ty,
                Shape::Map {
                    value,
                    atomic: false,
                },
            )),
        ) if !new.is_empty() => {
            let below = ty.facts().get(*value);
            let child = |(key, value): (&String, &Value)| {
                let old = old.and_then(|old| old.get(key));
                Some((
                    format!("f:{key}"),
                    set(old, value, Some(below), true)?.into(),
                ))
            };
            new.iter().filter_map(child).collect()
        }
        (Value::Array(new), Some((ty, Shape::List { list, .. }))) if !new.is_empty() => {
            match list {
                ListType::Map(keys) => of_items(old, new, ty.item(), keys),
                ListType::Set => of_values(old, new),
                ListType::Atomic { .. } => return leaf(old, &Value::Array(new.clone())),
            }
        }
        (leaf_value, _) => return leaf(old, leaf_value),
    };
    if out.is_empty() {
        return None;
    }
    if node && old.is_none_or(Value::is_null) {
        out.insert(".".into(), Map::new().into());
    }
    Some(out)
}

fn leaf(old: Option<&Value>, new: &Value) -> Option<Fields> {
    (old != Some(new)).then(Fields::new)
}

fn of_struct(old: Option<&Value>, new: &Map<String, Value>, ty: TypeRef<'_>) -> Fields {
    let child = |(key, value): (&String, &Value)| {
        let before = old.and_then(|old| old.get(key));
        let field = ty.field(key);
        let atomic = field.is_some_and(|field| field.map_type == Some(MapType::Atomic));
        let below = ty.child(key).filter(|_| !atomic);
        let set = set(before, value, below, is_node(key, field, below))?;
        Some((format!("f:{key}"), set.into()))
    };
    new.iter().filter_map(child).collect()
}

fn is_node(key: &str, field: Option<&Field>, ty: Option<TypeRef<'_>>) -> bool {
    let required = field.is_some_and(|field| field.required);
    let by_value = match ty.map(TypeRef::shape) {
        Some(Shape::Struct { .. }) => BY_VALUE.contains(&key),
        _ => required,
    };
    !by_value
}

fn of_items(
    old: Option<&Value>,
    new: &[Value],
    ty: Option<TypeRef<'_>>,
    keys: &[std::sync::Arc<str>],
) -> Fields {
    let id = |item: &Value| {
        let part = |key: &std::sync::Arc<str>| Some((key.to_string(), item.get(&**key)?.clone()));
        format!(
            "k:{}",
            Value::Object(keys.iter().filter_map(part).collect())
        )
    };
    let before = old.and_then(Value::as_array).into_iter().flatten();
    let before: HashMap<String, &Value> = before.map(|item| (id(item), item)).collect();
    let child = |item: &Value| {
        let id = id(item);
        let set = set(before.get(&id).copied(), item, ty, true)?;
        Some((id, set.into()))
    };
    new.iter().filter_map(child).collect()
}

fn of_values(old: Option<&Value>, new: &[Value]) -> Fields {
    let before = old.and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let added = new.iter().filter(|value| !before.contains(value));
    added
        .map(|value| (format!("v:{value}"), Map::new().into()))
        .collect()
}

/// What is in either.
pub(super) fn union(mut all: Fields, more: &Fields) -> Fields {
    for (key, more) in more {
        let merged = match (all.remove(key), more.as_object()) {
            (Some(Value::Object(mine)), Some(more)) => both(mine, more),
            (_, _) => more.clone(),
        };
        all.insert(key.clone(), merged);
    }
    all
}

/// A node that is a field on one side and has fields on the other is both.
fn both(mine: Fields, more: &Fields) -> Value {
    let is_field = mine.is_empty() || more.is_empty();
    let mut merged = union(mine, more);
    if is_field && !merged.is_empty() {
        merged.insert(".".into(), Map::new().into());
    }
    merged.into()
}

/// What is in the first alone.
pub(super) fn difference(all: &Fields, without: &Fields) -> Fields {
    let left = |(key, mine): (&String, &Value)| {
        let (Some(mine), Some(other)) = (mine.as_object(), without.get(key)) else {
            return Some((key.clone(), mine.clone()));
        };
        let other = other.as_object()?;
        match (mine.is_empty(), other.is_empty()) {
            (true, true) => None,
            (true, false) if other.contains_key(".") => None,
            (true, false) => Some((key.clone(), Map::new().into())),
            (false, true) => {
                let mut mine = mine.clone();
                mine.remove(".");
                (!mine.is_empty()).then(|| (key.clone(), mine.into()))
            }
            (false, false) => {
                let left = difference(mine, other);
                let alone = left.len() == 1 && left.contains_key(".");
                let left = if alone { Map::new() } else { left };
                (alone || !left.is_empty()).then(|| (key.clone(), left.into()))
            }
        }
    };
    all.iter().filter_map(left).collect()
}
