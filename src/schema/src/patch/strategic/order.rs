//! The order of a merged list: the patch's items in the patch's order, the others in theirs,
//! and between the two as they stood before.

use std::collections::HashMap;

use serde_json::Value;

use super::StrategicError;
use super::directives::is_deletion;
use crate::patch::go::show;

/// How items of a list are told apart.
#[derive(Clone, Copy, Debug)]
pub(in crate::patch) enum Key<'k> {
    /// Plain values: by themselves.
    Whole,
    /// Maps: by this field.
    Field(&'k str),
}

impl Key<'_> {
    /// What identifies an item; `None` for a map without its merge key.
    pub(in crate::patch) fn id(self, item: &Value) -> Option<String> {
        match self {
            Self::Whole => Some(item.to_string()),
            Self::Field(field) => item.get(field).map(Value::to_string),
        }
    }

    fn places(self, items: &[Value]) -> Places {
        let mut places = HashMap::with_capacity(items.len());
        for (at, item) in items.iter().enumerate() {
            if let Some(id) = self.id(item) {
                places.entry(id).or_insert(at);
            }
        }
        places
    }

    fn place(self, places: &Places, item: &Value) -> Option<usize> {
        places.get(&self.id(item)?).copied()
    }
}

/// Where each item of a list stands first.
type Places = HashMap<String, usize>;

/// Splits a list into items that `by` names and the others.
pub(in crate::patch) fn partition(
    items: Vec<Value>,
    by: &[Value],
    key: Key<'_>,
) -> (Vec<Value>, Vec<Value>) {
    let places = key.places(by);
    items
        .into_iter()
        .partition(|item| key.place(&places, item).is_some())
}

/// Puts a list in the given order; deletions go last.
pub(in crate::patch) fn sort(items: Vec<Value>, order: &[Value], key: Key<'_>) -> Vec<Value> {
    let (deletions, mut items): (Vec<Value>, Vec<Value>) = items.into_iter().partition(is_deletion);
    let places = key.places(order);
    items.sort_by_cached_key(|item| key.place(&places, item));
    items.extend(deletions);
    items
}

/// One list of both: each keeps its order, and where two items both stood in `server_order`,
/// an other one that stood before a patched one stays before it.
pub(in crate::patch) fn normalize(
    patched: Vec<Value>,
    others: Vec<Value>,
    patch_order: &[Value],
    server_order: &[Value],
    key: Key<'_>,
) -> Vec<Value> {
    let mut patched = sort(patched, patch_order, key).into_iter().peekable();
    let mut others = sort(others, server_order, key).into_iter().peekable();
    let places = key.places(server_order);
    let mut out = Vec::with_capacity(patched.len() + others.len());
    while let (Some(other), Some(item)) = (others.peek(), patched.peek()) {
        let both = (key.place(&places, other), key.place(&places, item));
        let other_first = matches!(both, (Some(other), Some(item)) if other < item);
        let next = if other_first {
            others.next()
        } else {
            patched.next()
        };
        out.extend(next);
    }
    out.extend(patched);
    out.extend(others);
    out
}

/// The patch's items must stand in the wanted order, with none left out of it.
pub(in crate::patch) fn check(
    patch: &[Value],
    order: &[Value],
    key: Key<'_>,
) -> Result<(), StrategicError> {
    if order.is_empty() {
        return Ok(());
    }
    let mut wanted = order.iter();
    let mut kept = patch.iter().filter(|item| !is_deletion(item));
    let same = |a: &Value, b: &Value| key.id(a).is_some_and(|id| key.id(b) == Some(id));
    if kept.all(|item| wanted.any(|place| same(place, item))) {
        return Ok(());
    }
    Err(StrategicError::Order {
        patch: show(&Value::Array(patch.to_vec())),
        order: show(&Value::Array(order.to_vec())),
    })
}
