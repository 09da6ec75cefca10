//! Numbers of pods, or percentages of them.

use apimachinery::{FieldErrors, IntOrString};
use serde_json::Value;

use crate::at::{At, not_negative};
use crate::meta;

/// As upstream reads either form where only zero counts.
pub(crate) fn scaled(value: &Value) -> i32 {
    let parsed = IntOrString::from_value(value);
    parsed
        .and_then(|value| value.scaled(100, true))
        .unwrap_or(0)
}

pub(crate) fn int_or_percent(at: &At<'_>, errors: &mut FieldErrors) {
    if at.value.is_string() {
        at.check(meta::percent, errors);
    } else {
        not_negative(at, errors);
    }
}

pub(crate) fn at_most_all(at: &At<'_>, errors: &mut FieldErrors) {
    let percent = at
        .text()
        .strip_suffix('%')
        .and_then(|text| text.parse::<i64>().ok());
    if percent.is_some_and(|percent| percent > 100) {
        errors.push(at.invalid("must not be greater than 100%"));
    }
}
