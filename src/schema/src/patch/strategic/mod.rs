//! Strategic merge patch: a merge patch that knows lists by the type's merge keys and obeys
//! directives (`$patch`, `$retainKeys`, `$setElementOrder/…`, `$deleteFromPrimitiveList/…`).
//!
//! One list, patched:
//!
//! ```text
//! containers: [{name: a, image: a:1}, {name: b}]          original
//! containers: [{name: a, image: a:2}, {$patch: delete, name: b}]   patch
//! containers: [{name: a, image: a:2}]                      result
//! ```

pub(super) mod directives;
mod lists;
mod maps;
pub(super) mod order;

use serde_json::Value;

use super::PatchError;
use crate::facts::{PatchFacts, TypeRef};
pub(super) use maps::merge_maps;

/// Why a patch makes no sense. The texts are upstream's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StrategicError {
    /// The client's request is bad.
    #[error("{0}")]
    Format(&'static str),
    /// An item does not say which one it is.
    #[error("map: {item} does not contain declared merge key: {key}")]
    NoMergeKey { item: String, key: String },
    /// `$patch` with an unknown word.
    #[error("unknown patch type: {directive} in map: {map}")]
    Directive { directive: String, map: String },
    #[error("lists of lists are not supported")]
    ListOfLists,
    /// A list cannot be merged: its items are of different forms, or nothing tells which is which.
    #[error("{0}")]
    Mixed(String),
    /// What is ordered, or the order, is of this type of Go's.
    #[error("expected a []interface {{}}, but received a {0}")]
    NotAList(&'static str),
    /// The patch's items and their wanted order disagree.
    #[error("The order in patch list:\n{patch}\n doesn't match $setElementOrder list:\n{order}\n")]
    Order { patch: String, order: String },
}

/// How far directives are obeyed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Options {
    /// Obey directives that stand beside a list. Off when two patches become one, where
    /// directives are carried over.
    pub obey: bool,
}

impl Options {
    /// A patch meets an object.
    pub(super) const APPLY: Self = Self { obey: true };
    /// Two patches become one.
    pub(super) const COMBINE: Self = Self { obey: false };
}

/// Applies a strategic merge patch to an object of this type.
///
/// # Errors
/// See [`StrategicError`]; the object is then half patched: drop it.
pub fn strategic(object: &mut Value, patch: &Value, ty: TypeRef<'_>) -> Result<(), PatchError> {
    let (Value::Object(original), Value::Object(patch)) = (object, patch) else {
        return Err(StrategicError::Format("invalid JSON document").into());
    };
    let taken = std::mem::take(original);
    *original = merge_maps(taken, patch.clone(), Some(ty), Options::APPLY)?;
    Ok(())
}

/// What the facts say about a key: the type below it and how it is patched. Unknown keys and
/// raw JSON merge as maps do and are replaced as lists.
pub(super) fn lookup<'f>(ty: Option<TypeRef<'f>>, key: &str) -> (Option<TypeRef<'f>>, PatchFacts) {
    let facts = ty
        .and_then(|ty| ty.field(key))
        .map(|field| field.patch.clone());
    (ty.and_then(|ty| ty.child(key)), facts.unwrap_or_default())
}

#[cfg(test)]
mod tests;
