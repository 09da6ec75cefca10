//! Merging maps, and the directives that stand among a map's keys.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::directives::{PATCH, RETAIN_KEYS, deletions_of, order_of, without_directives};
use super::lists::{merge_lists, merge_ordered, remove_values};
use super::{Options, StrategicError, lookup};
use crate::facts::TypeRef;
use crate::patch::go::{show, type_of};

type Json = Map<String, Value>;

const BAD_RETAIN_KEYS: StrategicError =
    StrategicError::Format("invalid patch format of retainKeys");
const BAD_ORDER: StrategicError =
    StrategicError::Format("invalid patch format of setElementOrder list");
const BAD_DELETIONS: StrategicError =
    StrategicError::Format("invalid patch format of primitive list");

/// Merges a patch into a map of this type; `None` for maps the facts say nothing about.
pub(in crate::patch) fn merge_maps(
    mut original: Json,
    mut patch: Json,
    ty: Option<TypeRef<'_>>,
    options: Options,
) -> Result<Json, StrategicError> {
    if patch.contains_key(PATCH) {
        return replace_or_delete(patch);
    }
    retain_keys(&mut original, &mut patch, options)?;
    set_orders(&mut original, &mut patch, ty, options)?;
    for (key, value) in patch {
        merge_key(&mut original, key, value, ty, options)?;
    }
    Ok(original)
}

fn replace_or_delete(mut patch: Json) -> Result<Json, StrategicError> {
    match &patch[PATCH] {
        Value::String(directive) if directive == "replace" => {
            patch.remove(PATCH);
            Ok(patch)
        }
        Value::String(directive) if directive == "delete" => Ok(Map::new()),
        directive => Err(StrategicError::Directive {
            directive: show(directive),
            map: show(&Value::Object(patch.clone())),
        }),
    }
}

/// `$retainKeys` lists all keys that remain; the patch may set no other.
fn retain_keys(
    original: &mut Json,
    patch: &mut Json,
    options: Options,
) -> Result<(), StrategicError> {
    let Some(keys) = patch.remove(RETAIN_KEYS) else {
        return Ok(());
    };
    if !options.obey {
        original.insert(RETAIN_KEYS.into(), keys);
        return Ok(());
    }
    let keys = keys.as_array().ok_or(BAD_RETAIN_KEYS)?;
    let keys: HashSet<&str> = keys.iter().filter_map(Value::as_str).collect();
    let kept = |key: &str| keys.contains(key);
    let sets_another = patch.iter().any(|(key, value)| {
        let sets = !value.is_null() && deletions_of(key).is_none() && order_of(key).is_none();
        sets && !kept(key)
    });
    if sets_another {
        return Err(BAD_RETAIN_KEYS);
    }
    original.retain(|key, _| kept(key));
    Ok(())
}

/// Merges the lists that come with a `$setElementOrder`, and takes them out of the patch.
fn set_orders(
    original: &mut Json,
    patch: &mut Json,
    ty: Option<TypeRef<'_>>,
    options: Options,
) -> Result<(), StrategicError> {
    let keys: Vec<String> = patch
        .keys()
        .filter(|key| order_of(key).is_some())
        .cloned()
        .collect();
    for key in keys {
        let Some(order) = patch.remove(&key) else {
            continue;
        };
        if !options.obey && *original.entry(key.clone()).or_insert_with(|| order.clone()) != order {
            return Err(BAD_ORDER);
        }
        let order = list(order)?;
        let field = order_of(&key).unwrap_or_default();
        let (below, facts) = lookup(ty, field);
        let lists = (take_list(original, field)?, take_list(patch, field)?);
        let item = below.and_then(TypeRef::item);
        if let Some(merged) = merge_ordered(lists, &order, item, &facts, options)? {
            original.insert(field.to_owned(), Value::Array(merged));
        }
    }
    Ok(())
}

fn take_list(map: &mut Json, field: &str) -> Result<Option<Vec<Value>>, StrategicError> {
    map.remove(field).map(list).transpose()
}

fn list(value: Value) -> Result<Vec<Value>, StrategicError> {
    match value {
        Value::Array(items) => Ok(items),
        other => Err(StrategicError::NotAList(type_of(&other))),
    }
}

fn merge_key(
    original: &mut Json,
    key: String,
    value: Value,
    ty: Option<TypeRef<'_>>,
    options: Options,
) -> Result<(), StrategicError> {
    if let Some(list) = deletions_of(&key) {
        if options.obey {
            return delete_values(original, list, &value);
        }
        original.insert(key, value);
        return Ok(());
    }
    if value.is_null() {
        original.remove(&key);
        if !options.obey {
            original.insert(key, value);
        }
        return Ok(());
    }
    let merged = match (original.remove(&key), value) {
        (Some(Value::Object(old)), Value::Object(new)) => {
            let (below, facts) = lookup(ty, &key);
            Some(Value::Object(if facts.replace {
                new
            } else {
                merge_maps(old, new, below, options)?
            }))
        }
        (Some(Value::Array(old)), Value::Array(new)) => {
            let (below, facts) = lookup(ty, &key);
            let item = below.and_then(TypeRef::item);
            Some(Value::Array(merge_lists(old, new, item, &facts, options)?))
        }
        (_, new) if options.obey => without_directives(new),
        (_, new) => Some(new),
    };
    if let Some(merged) = merged {
        original.insert(key, merged);
    }
    Ok(())
}

fn delete_values(original: &mut Json, list: &str, values: &Value) -> Result<(), StrategicError> {
    let values = values.as_array().ok_or(BAD_DELETIONS)?;
    if let Some(Value::Array(items)) = original.get_mut(list) {
        remove_values(items, values);
    }
    Ok(())
}
