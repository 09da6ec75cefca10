//! What `kubectl apply` sends: the patch that brings the live object to the applied one, and
//! removes what the last applied one had and this one has not.
//!
//! `delta` is the difference from current to modified without deletions; `deletions` is what
//! stood in original and not in modified; the patch is both in one.

use serde_json::{Map, Value, json};

use super::strategic::directives::{PATCH, RETAIN_KEYS, deletions_key, order_key};
use super::strategic::order::{self, Key};
use super::strategic::{Options, StrategicError, lookup, merge_maps};
use crate::facts::{PatchFacts, TypeRef};

type Json = Map<String, Value>;

/// Which differences are looked for.
#[derive(Clone, Copy, Debug)]
struct Diff {
    /// What was added or changed.
    additions: bool,
    /// What is gone.
    deletions: bool,
    /// List orders are told too.
    orders: bool,
    /// `$retainKeys` belongs into this map.
    retain_keys: bool,
}

/// The strategic merge patch for an apply: `original` is what was applied last, `modified` what
/// is applied now, `current` the live object, all of this type.
///
/// # Errors
/// When a list that is merged by key holds items without the key, or lists of lists.
pub fn create_three_way_strategic(
    original: &Json,
    modified: &Json,
    current: &Json,
    ty: TypeRef<'_>,
) -> Result<Value, StrategicError> {
    let both = Diff {
        additions: true,
        deletions: true,
        orders: true,
        retain_keys: false,
    };
    let additions = Diff {
        deletions: false,
        ..both
    };
    let deletions = Diff {
        additions: false,
        ..both
    };
    let delta = diff_maps(current, modified, Some(ty), additions)?;
    let deletions = diff_maps(original, modified, Some(ty), deletions)?;
    merge_maps(deletions, delta, Some(ty), Options::COMBINE).map(Value::Object)
}

/// The strategic merge patch that turns `original` into `modified`.
///
/// # Errors
/// As [`create_three_way_strategic`].
pub fn create_two_way_strategic(
    original: &Json,
    modified: &Json,
    ty: TypeRef<'_>,
) -> Result<Value, StrategicError> {
    let diff = Diff {
        additions: true,
        deletions: true,
        orders: true,
        retain_keys: false,
    };
    diff_maps(original, modified, Some(ty), diff).map(Value::Object)
}

fn diff_maps(
    original: &Json,
    modified: &Json,
    ty: Option<TypeRef<'_>>,
    diff: Diff,
) -> Result<Json, StrategicError> {
    let mut patch = Map::new();
    for (key, new) in modified {
        match (original.get(key), new) {
            (Some(Value::Object(old)), Value::Object(new)) => {
                diff_map(key, old, new, (ty, &mut patch), diff)?;
            }
            (Some(Value::Array(old)), Value::Array(new)) => {
                diff_list(key, old, new, (ty, &mut patch), diff)?;
            }
            (old, new) if diff.additions && old != Some(new) => {
                patch.insert(key.clone(), new.clone());
            }
            _ => {}
        }
    }
    let gone = original.keys().filter(|key| !modified.contains_key(*key));
    let gone: Vec<&String> = gone.collect();
    if diff.deletions {
        patch.extend(gone.iter().map(|key| ((*key).clone(), Value::Null)));
    }
    if diff.retain_keys && (!patch.is_empty() || !gone.is_empty()) {
        let kept = modified.iter().filter(|(_, value)| !value.is_null());
        let kept: Vec<Value> = kept.map(|(key, _)| key.as_str().into()).collect();
        if !kept.is_empty() {
            patch.insert(RETAIN_KEYS.into(), kept.into());
        }
    }
    Ok(patch)
}

fn diff_map(
    key: &str,
    old: &Json,
    new: &Json,
    (ty, patch): (Option<TypeRef<'_>>, &mut Json),
    diff: Diff,
) -> Result<(), StrategicError> {
    let (below, facts) = lookup(ty, key);
    if facts.replace {
        if diff.additions {
            patch.insert(key.to_owned(), Value::Object(new.clone()));
        }
        return Ok(());
    }
    let retain_keys = facts.retain_keys;
    let changes = diff_maps(
        old,
        new,
        below,
        Diff {
            retain_keys,
            ..diff
        },
    )?;
    if !changes.is_empty() {
        patch.insert(key.to_owned(), Value::Object(changes));
    }
    Ok(())
}

fn diff_list(
    key: &str,
    old: &[Value],
    new: &[Value],
    (ty, patch): (Option<TypeRef<'_>>, &mut Json),
    diff: Diff,
) -> Result<(), StrategicError> {
    let (below, facts) = lookup(ty, key);
    if !facts.merge {
        if diff.additions && old != new {
            patch.insert(key.to_owned(), new.into());
        }
        return Ok(());
    }
    let item = below.and_then(TypeRef::item);
    let retain_keys = facts.retain_keys;
    let changes = list_changes(
        old,
        new,
        (item, &facts),
        Diff {
            retain_keys,
            ..diff
        },
    )?;
    let mut put = |key: String, values: Vec<Value>| {
        if !values.is_empty() {
            patch.insert(key, Value::Array(values));
        }
    };
    put(key.to_owned(), changes.items);
    put(deletions_key(key), changes.deletions);
    put(order_key(key), changes.order);
    Ok(())
}

/// What a patch says about one list.
#[derive(Debug, Default)]
struct ListChanges {
    items: Vec<Value>,
    /// Plain values to delete; maps are deleted among the items.
    deletions: Vec<Value>,
    order: Vec<Value>,
}

fn list_changes(
    old: &[Value],
    new: &[Value],
    (item, facts): (Option<TypeRef<'_>>, &PatchFacts),
    diff: Diff,
) -> Result<ListChanges, StrategicError> {
    if old.is_empty() {
        let items = if diff.additions {
            new.to_vec()
        } else {
            Vec::new()
        };
        return Ok(ListChanges {
            items,
            ..ListChanges::default()
        });
    }
    let maps = old
        .iter()
        .chain(new)
        .filter(|item| item.is_object())
        .count();
    match facts.merge_key.as_deref() {
        _ if maps == 0 => Ok(value_changes(old, new, diff)),
        Some(key) if maps == old.len() + new.len() => map_changes(old, new, (item, key), diff),
        Some(_) => Err(StrategicError::Mixed(
            "list element types are not identical".into(),
        )),
        None => Err(StrategicError::Mixed(
            "cannot merge lists without merge key".into(),
        )),
    }
}

fn value_changes(old: &[Value], new: &[Value], diff: Diff) -> ListChanges {
    let mut changes = ListChanges::default();
    if diff.additions {
        let (_, added) = order::partition(new.to_vec(), old, Key::Whole);
        changes.items = added;
    }
    if diff.deletions {
        let (_, gone) = order::partition(old.to_vec(), new, Key::Whole);
        changes.deletions = gone;
        changes.deletions.sort_by_key(text);
    }
    let deleted = diff.deletions && !changes.deletions.is_empty();
    let changed = diff.additions && old != new;
    if diff.orders && (deleted || changed) {
        changes.order = new.to_vec();
    }
    changes
}

/// How Go sorts plain values: as texts.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn map_changes(
    old: &[Value],
    new: &[Value],
    (item, key): (Option<TypeRef<'_>>, &str),
    diff: Diff,
) -> Result<ListChanges, StrategicError> {
    let (old_by_key, new_by_key) = (sorted(old, key)?, sorted(new, key)?);
    let (mut items, mut deletions) = (Vec::new(), Vec::new());
    let mut olds = old_by_key.iter().peekable();
    for (id, new) in &new_by_key {
        while let Some((gone, _)) = olds.next_if(|(old, _)| old < id) {
            deletions.push(gone);
        }
        match olds.next_if(|(old, _)| old == id) {
            Some((_, old)) => items.extend(item_changes(old, new, (item, key), diff)?),
            None if diff.additions => items.push(Value::Object((*new).clone())),
            None => {}
        }
    }
    deletions.extend(olds.map(|(gone, _)| gone));
    let mut items = order::sort(items, new, Key::Field(key));
    if diff.deletions {
        let delete = |id: &Id<'_>| json!({ key: id.1, PATCH: "delete" });
        items.extend(deletions.into_iter().map(delete));
    }
    let keys = |list: &[Value]| -> Vec<Value> { list.iter().map(|v| v[key].clone()).collect() };
    let reordered = keys(old) != keys(new);
    let wanted = !items.is_empty() || (diff.additions && reordered);
    let order = if diff.orders && wanted {
        new.iter().map(|value| json!({ key: value[key] })).collect()
    } else {
        Vec::new()
    };
    Ok(ListChanges {
        items,
        deletions: Vec::new(),
        order,
    })
}

/// A merge key's value, ordered as Go orders it: by its text.
#[derive(Debug)]
struct Id<'v>(String, &'v Value);

impl PartialEq for Id<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl PartialOrd for Id<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        self.0.partial_cmp(&other.0)
    }
}

fn sorted<'v>(items: &'v [Value], key: &str) -> Result<Vec<(Id<'v>, &'v Json)>, StrategicError> {
    let mut out = Vec::with_capacity(items.len());
    for item in items {
        let id = item.get(key).ok_or_else(|| StrategicError::NoMergeKey {
            item: super::go::show(item),
            key: key.to_owned(),
        })?;
        out.extend(item.as_object().map(|map| (Id(text(id), id), map)));
    }
    out.sort_by(|(a, _), (b, _)| a.0.cmp(&b.0));
    Ok(out)
}

fn item_changes(
    old: &Json,
    new: &Json,
    (item, key): (Option<TypeRef<'_>>, &str),
    diff: Diff,
) -> Result<Option<Value>, StrategicError> {
    let mut changes = diff_maps(old, new, item, diff)?;
    if changes.is_empty() {
        return Ok(None);
    }
    changes.insert(key.to_owned(), new[key].clone());
    Ok(Some(Value::Object(changes)))
}

#[cfg(test)]
mod tests;
