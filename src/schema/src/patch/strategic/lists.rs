//! Merging lists: of plain values as sets, of maps by their merge key.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::directives::{PATCH, without_directives};
use super::maps::merge_maps;
use super::order::{self, Key};
use super::{Options, StrategicError};
use crate::facts::{PatchFacts, TypeRef};
use crate::patch::go::show;

/// A list by the field's strategy: merged, or replaced.
pub(super) fn merge_lists(
    original: Vec<Value>,
    patch: Vec<Value>,
    item: Option<TypeRef<'_>>,
    facts: &PatchFacts,
    options: Options,
) -> Result<Vec<Value>, StrategicError> {
    if !facts.merge {
        return Ok(patch);
    }
    if original.is_empty() && patch.is_empty() {
        return Ok(original);
    }
    check_forms(original.iter().chain(&patch))?;
    let maps = original.iter().chain(&patch).all(Value::is_object);
    let key = if maps {
        let key = facts.merge_key.as_deref();
        let name = item.map_or("", TypeRef::short_name);
        Key::Field(key.ok_or_else(|| {
            StrategicError::Mixed(format!("cannot merge lists without merge key for {name}"))
        })?)
    } else {
        Key::Whole
    };
    let (original, patch, merged) = match key {
        Key::Whole => {
            let merged = union(&original, &patch);
            (original, patch, merged)
        }
        Key::Field(field) => merge_maps_by(field, original, patch, item, options)?,
    };
    let (from_patch, others) = order::partition(merged, &patch, key);
    Ok(order::normalize(from_patch, others, &patch, &original, key))
}

/// A list whose final order the patch tells. `None` when there is no such list at all.
pub(super) fn merge_ordered(
    lists: (Option<Vec<Value>>, Option<Vec<Value>>),
    wanted: &[Value],
    item: Option<TypeRef<'_>>,
    facts: &PatchFacts,
    options: Options,
) -> Result<Option<Vec<Value>>, StrategicError> {
    let key = facts.merge_key.as_deref().map_or(Key::Whole, Key::Field);
    order::check(lists.1.as_deref().unwrap_or_default(), wanted, key)?;
    let (original, merged) = match lists {
        (None, None) => return Ok(None),
        (Some(original), None) => (original.clone(), original),
        (None, Some(patch)) if options.obey => {
            let items = patch.into_iter().filter_map(without_directives);
            (Vec::new(), items.collect())
        }
        (None, Some(patch)) => (Vec::new(), patch),
        (Some(original), Some(patch)) => {
            let merged = merge_lists(original.clone(), patch, item, facts, options)?;
            (original, merged)
        }
    };
    let (from_patch, others) = order::partition(merged, wanted, key);
    let ordered = order::normalize(from_patch, others, wanted, &original, key);
    Ok(Some(ordered))
}

fn check_forms<'v>(items: impl Iterator<Item = &'v Value>) -> Result<(), StrategicError> {
    let mut maps = None;
    for item in items {
        if item.is_array() {
            return Err(StrategicError::ListOfLists);
        }
        if *maps.get_or_insert(item.is_object()) != item.is_object() {
            let text = "list element types are not identical";
            return Err(StrategicError::Mixed(text.into()));
        }
    }
    Ok(())
}

fn union(original: &[Value], patch: &[Value]) -> Vec<Value> {
    let mut seen = HashSet::new();
    let all = original.iter().chain(patch);
    all.filter(|value| seen.insert(value.to_string()))
        .cloned()
        .collect()
}

pub(super) fn remove_values(items: &mut Vec<Value>, values: &[Value]) {
    let values: HashSet<String> = values.iter().map(Value::to_string).collect();
    items.retain(|item| !values.contains(&item.to_string()));
}

type Lists = (Vec<Value>, Vec<Value>, Vec<Value>);

/// The original without what the patch deletes, the patch without directives, both merged.
fn merge_maps_by(
    key: &str,
    original: Vec<Value>,
    patch: Vec<Value>,
    item: Option<TypeRef<'_>>,
    options: Options,
) -> Result<Lists, StrategicError> {
    let (original, patch) = obey_items(key, original, patch)?;
    let mut merged = original.clone();
    let id = |item: &Value| item.get(key).map(Value::to_string);
    let mut places = HashMap::with_capacity(merged.len());
    for (at, item) in merged.iter().enumerate() {
        places.entry(id(item)).or_insert(at);
    }
    for value in &patch {
        let id = Some(id(value).ok_or_else(|| no_key(value, key))?);
        match places.get(&id) {
            Some(at) => merge_item(&mut merged[*at], value, item, options)?,
            None => {
                places.insert(id, merged.len());
                merged.extend(if options.obey {
                    without_directives(value.clone())
                } else {
                    Some(value.clone())
                });
            }
        }
    }
    Ok((original, patch, merged))
}

fn merge_item(
    old: &mut Value,
    new: &Value,
    item: Option<TypeRef<'_>>,
    options: Options,
) -> Result<(), StrategicError> {
    if let (Value::Object(old), Value::Object(new)) = (old, new) {
        *old = merge_maps(std::mem::take(old), new.clone(), item, options)?;
    }
    Ok(())
}

/// Obeys `{$patch: delete, <key>: …}` and `{$patch: replace}` among a patch's items.
fn obey_items(
    key: &str,
    mut original: Vec<Value>,
    patch: Vec<Value>,
) -> Result<(Vec<Value>, Vec<Value>), StrategicError> {
    let (special, plain): (Vec<Value>, Vec<Value>) = patch
        .into_iter()
        .partition(|item| item.get(PATCH).is_some());
    let mut deleted = HashSet::new();
    for item in special {
        match item[PATCH].as_str() {
            Some("delete") => {
                let id = item.get(key).ok_or_else(|| no_key(&item, key))?;
                deleted.insert(id.to_string());
            }
            Some("replace") => original.clear(),
            Some("merge") => {
                let text = "merging lists cannot yet be specified in the patch";
                return Err(StrategicError::Mixed(text.into()));
            }
            _ => {
                return Err(StrategicError::Directive {
                    directive: show(&item[PATCH]),
                    map: show(&item),
                });
            }
        }
    }
    let is_deleted = |item: &Value| {
        item.get(key)
            .is_some_and(|id| deleted.contains(&id.to_string()))
    };
    original.retain(|item| !is_deleted(item));
    Ok((original, plain))
}

fn no_key(item: &Value, key: &str) -> StrategicError {
    StrategicError::NoMergeKey {
        item: show(item),
        key: key.to_owned(),
    }
}
