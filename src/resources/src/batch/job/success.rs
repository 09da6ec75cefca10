//! Rules of `successPolicy`.

use apimachinery::{FieldError, FieldErrors};

use super::failure::at_most;
use super::indexes::count_indexes;
use crate::at::{At, not_negative};

const MOST_RULES: usize = 20;
const INDEXES_SIZE: usize = 64 * 1024;

pub(super) fn validate_success_policy(spec: &At<'_>, policy: &At<'_>, errors: &mut FieldErrors) {
    let rules = policy.child("rules");
    if rules.is_zero() {
        errors.push(
            rules.required(
                "at least one rules must be specified when the successPolicy is specified",
            ),
        );
    }
    at_most(&rules, MOST_RULES, errors);
    // Whoever leaves completions out has been told already.
    let completions = spec.child("completions").int().unwrap_or(0);
    for rule in rules.items() {
        validate_rule(&rule, completions, errors);
    }
}

fn validate_rule(rule: &At<'_>, completions: i64, errors: &mut FieldErrors) {
    let (count, indexes) = (rule.child("succeededCount"), rule.child("succeededIndexes"));
    if !count.is_present() && !indexes.is_present() {
        errors.push(
            rule.required("at least one of succeededCount or succeededIndexes must be specified"),
        );
    }
    let mut total = 0;
    if indexes.is_present() {
        if indexes.text().len() > INDEXES_SIZE {
            errors.push(FieldError::too_long(&indexes.path, INDEXES_SIZE));
        }
        match count_indexes(indexes.text(), completions) {
            Ok(count) => total = count,
            Err(why) => {
                errors.push(indexes.invalid(format!("error parsing succeededIndexes: {why}")));
            }
        }
    }
    let Some(number) = count.int() else { return };
    not_negative(&count, errors);
    let mut limits = vec![(completions, "specified completions")];
    if indexes.is_present() {
        limits.push((total, "indexes in the specified succeededIndexes field"));
    }
    for (most, called) in limits {
        if number > most {
            errors.push(count.invalid(format!(
                "must be less than or equal to {most} (the number of {called})"
            )));
        }
    }
}
