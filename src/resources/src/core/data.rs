//! What ConfigMaps and Secrets have in common: keyed data of limited size that may be frozen.

use apimachinery::{FieldErrors, Object};
use serde_json::Value;

use crate::at::At;
use crate::json::same;
use crate::meta;

/// 1 MiB.
pub(super) const MAX_SIZE: usize = 1 << 20;

/// Keys are file names.
pub(super) fn validate_keys(data: &At<'_>, errors: &mut FieldErrors) {
    for (key, value) in data.entries() {
        crate::at::check_text(&value.path, key, meta::config_map_key, errors);
    }
}

/// Bytes of a base64 text once decoded.
pub(super) fn decoded_size(value: &At<'_>) -> usize {
    let text = value.text();
    let padding = text.bytes().rev().take_while(|byte| *byte == b'=').count();
    (text.len() / 4 * 3).saturating_sub(padding)
}

/// Once `immutable` is set, it and the data stay as they are.
pub(super) fn validate_frozen(
    new: &Object,
    old: &Object,
    fields: &[&str],
    errors: &mut FieldErrors,
) {
    if old.get("immutable").and_then(Value::as_bool) != Some(true) {
        return;
    }
    let detail = "field is immutable when `immutable` is set";
    let immutable = At::root(new, "immutable");
    if !immutable.flag() {
        errors.push(immutable.forbidden(detail));
    }
    for field in fields {
        let at = At::root(new, field);
        if !same(Some(at.value), old.get(*field)) {
            errors.push(at.forbidden(detail));
        }
    }
}
