//! Rules of `metadata` about changes.

use std::collections::BTreeSet;

use apimachinery::{FieldErrors, Object};

use super::object_meta::validate_common;
use crate::at::{At, immutable};
use crate::row::Resource;

const IMMUTABLE: [&str; 6] = [
    "name",
    "namespace",
    "uid",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
];

/// All that is wrong with a change of metadata. Generation and timestamps have been restored
/// from the old object before; resourceVersion is `registry`'s business.
#[must_use]
pub fn validate_object_meta_update(_row: &Resource, new: &Object, old: &Object) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let metadata = At::root(new, "metadata");
    let before = At::root(old, "metadata");
    if old.deletion_timestamp().is_some() {
        refuse_new_finalizers(&metadata, old, &mut errors);
    }
    if new.generation() < old.generation() {
        let generation = metadata.child("generation");
        errors.push(generation.invalid("must not be decremented"));
    }
    for field in IMMUTABLE {
        immutable(&metadata.child(field), &before.child(field), &mut errors);
    }
    validate_common(&metadata, &mut errors);
    errors
}

/// What already goes away cannot be held up by new owners of its end.
fn refuse_new_finalizers(metadata: &At<'_>, old: &Object, errors: &mut FieldErrors) {
    let finalizers = metadata.child("finalizers");
    let known: BTreeSet<&str> = old.finalizers().collect();
    let mut added: Vec<String> = finalizers
        .items()
        .filter_map(|item| item.value.as_str())
        .filter(|name| !known.contains(name))
        .map(|name| format!("{name:?}"))
        .collect();
    added.sort();
    if !added.is_empty() {
        errors.push(finalizers.forbidden(&format!(
            "no new finalizers can be added if the object is being deleted, found new finalizers []string{{{}}}",
            added.join(", ")
        )));
    }
}
