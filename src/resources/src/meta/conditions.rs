//! Rules of `metav1.Condition`.

use std::collections::BTreeSet;

use apimachinery::{FieldError, FieldErrors};

use super::formats;
use crate::at::At;

const REASON: &str = "a condition reason must start with alphabetic character, optionally followed by a string of alphanumeric characters or '_,:', and must end with an alphanumeric character or '_' (e.g. 'my_name',  or 'MY_NAME',  or 'MyName',  or 'ReasonA,ReasonB',  or 'ReasonA:ReasonB', regex used for validation is '[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?')";
const REASON_SIZE: usize = 1024;
const MESSAGE_SIZE: usize = 32 * 1024;

pub(crate) fn validate_conditions(conditions: &At<'_>, errors: &mut FieldErrors) {
    let mut seen = BTreeSet::new();
    for condition in conditions.items() {
        let kind = condition.child("type");
        if !seen.insert(kind.text()) {
            errors.push(kind.duplicate());
        }
        validate_condition(&condition, errors);
    }
}

fn validate_condition(condition: &At<'_>, errors: &mut FieldErrors) {
    condition
        .child("type")
        .check(formats::qualified_name, errors);
    let status = condition.child("status");
    status.one_of(&["False", "True", "Unknown"], errors);
    let generation = condition.child("observedGeneration");
    if generation.int().is_some_and(|generation| generation < 0) {
        errors.push(generation.invalid("must be greater than or equal to zero"));
    }
    let (changed, reason) = (
        condition.child("lastTransitionTime"),
        condition.child("reason"),
    );
    for at in [&changed, &reason] {
        if at.text().is_empty() {
            errors.push(at.required("must be set"));
        }
    }
    if !reason.text().is_empty() && !is_reason(reason.text()) {
        errors.push(reason.invalid(REASON));
    }
    for (at, size) in [
        (reason, REASON_SIZE),
        (condition.child("message"), MESSAGE_SIZE),
    ] {
        if at.text().len() > size {
            errors.push(FieldError::too_long(&at.path, size));
        }
    }
}

fn is_reason(text: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|byte| word(byte) || b",:".contains(&byte))
        && text.bytes().last().is_some_and(word)
}
