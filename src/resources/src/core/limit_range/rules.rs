//! Rules of LimitRanges.

use std::collections::{BTreeMap, BTreeSet};

use apimachinery::{FieldError, FieldErrors, Object, Quantity};

use crate::at::At;
use crate::meta::qualified_name;
use crate::podspec::{is_native, validate_container_resource_name, validate_resource_name};

/// Lists of quantities, in the order of their errors.
const LISTS: [&str; 5] = [
    "max",
    "min",
    "default",
    "defaultRequest",
    "maxLimitRequestRatio",
];
const TYPES: [&str; 3] = ["Pod", "Container", "PersistentVolumeClaim"];

pub(super) fn validate_limit_range(range: &Object) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let mut seen = BTreeSet::new();
    let limits = At::root(range, "spec").child("limits");
    limits.each(&mut errors, |limit, errors| {
        let kind = limit.child("type");
        validate_type(&kind, errors);
        if !seen.insert(kind.text()) {
            errors.push(kind.duplicate());
        }
        validate_limit(&limit, kind.text(), errors);
    });
    errors
}

fn validate_type(kind: &At<'_>, errors: &mut FieldErrors) {
    let text = kind.text();
    let before = errors.0.len();
    crate::at::check_text(&kind.path, text, qualified_name, errors);
    if errors.0.len() == before && !text.contains('/') && !TYPES.contains(&text) {
        errors.push(kind.invalid("must be a standard limit type or fully qualified"));
    }
}

fn validate_limit(limit: &At<'_>, kind: &str, errors: &mut FieldErrors) {
    for list in LISTS {
        let at = limit.child(list);
        if kind == "Pod" && list.starts_with("default") {
            if !at.is_zero() {
                errors.push(at.forbidden("may not be specified when `type` is 'Pod'"));
            }
            continue;
        }
        for (name, quantity) in at.entries() {
            if TYPES[..2].contains(&kind) {
                validate_container_resource_name(name, &quantity, errors);
            } else {
                validate_resource_name(name, &quantity.path, errors);
            }
        }
        if kind == "PersistentVolumeClaim" && list == "defaultRequest" {
            let is_set = |list| limit.child(list).child("storage").is_present();
            if !is_set("min") && !is_set("max") {
                errors.push(limit.child("limits").required(
                    "either minimum or maximum storage value is required, but neither was provided",
                ));
            }
        }
    }
    let names: BTreeSet<&str> = LISTS
        .iter()
        .flat_map(|list| limit.child(list).entries().map(|(name, _)| name))
        .collect();
    for name in names {
        validate_order(limit, name, errors);
    }
}

/// Which of two lists may not be above which, where the error is, whose value it shows, and what
/// the text calls them.
type Order = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    [&'static str; 2],
);

const ORDERS: [Order; 6] = [
    ("min", "max", "min", "min", ["min value", "max value"]),
    (
        "min",
        "defaultRequest",
        "defaultRequest",
        "defaultRequest",
        ["min value", "default request value"],
    ),
    (
        "defaultRequest",
        "max",
        "defaultRequest",
        "defaultRequest",
        ["default request value", "max value"],
    ),
    (
        "defaultRequest",
        "default",
        "defaultRequest",
        "defaultRequest",
        ["default request value", "default limit value"],
    ),
    (
        "min",
        "default",
        "default",
        "min",
        ["min value", "default value"],
    ),
    (
        "default",
        "max",
        "default",
        "max",
        ["default value", "max value"],
    ),
];

/// How the quantities of one resource go together.
fn validate_order(limit: &At<'_>, name: &str, errors: &mut FieldErrors) {
    let is_pod = limit.child("type").text() == "Pod";
    let quantities: BTreeMap<&str, Quantity> = LISTS
        .iter()
        .filter(|list| !(is_pod && list.starts_with("default")))
        .filter_map(|list| {
            Some((
                *list,
                limit.value.get(*list)?.get(name)?.as_str()?.parse().ok()?,
            ))
        })
        .collect();
    let path = |list| limit.child(list).path.key(name);
    for (low, high, place, shown, [called_low, called_high]) in ORDERS {
        let (Some(less), Some(more)) = (quantities.get(low), quantities.get(high)) else {
            continue;
        };
        if less > more {
            let value = quantities[shown].to_string();
            let detail = format!("{called_low} {less} is greater than {called_high} {more}");
            errors.push(FieldError::invalid(&path(place), value, detail));
        }
    }
    if let Some(ratio) = quantities.get("maxLimitRequestRatio") {
        let bounds = quantities.get("min").zip(quantities.get("max"));
        for detail in wrong_ratio(*ratio, bounds) {
            let path = path("maxLimitRequestRatio");
            errors.push(FieldError::invalid(&path, ratio.to_string(), detail));
        }
    }
    // What cannot be promised twice is asked for as it is given.
    let may_overcommit = is_native(name) && !name.starts_with("hugepages-");
    if !may_overcommit
        && let (Some(given), Some(asked)) =
            (quantities.get("default"), quantities.get("defaultRequest"))
        && given != asked
    {
        let detail =
            format!("default value {given} must equal to defaultRequest value {asked} in {name}");
        errors.push(FieldError::invalid(
            &path("defaultRequest"),
            asked.to_string(),
            detail,
        ));
    }
}

/// What is wrong with a ratio of limit to request, between a least and a most if there are both.
fn wrong_ratio(ratio: Quantity, bounds: Option<(&Quantity, &Quantity)>) -> Vec<String> {
    let mut wrong = Vec::new();
    if ratio < Quantity::from_units(1) {
        wrong.push(format!("ratio {ratio} is less than 1"));
    }
    if let Some((least, most)) = bounds {
        let highest = as_float(*most) / as_float(*least);
        if as_float(ratio) > highest {
            wrong.push(format!(
                "ratio {ratio} is greater than max/min = {highest:.6}"
            ));
        }
    }
    wrong
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a ratio, printed with six digits"
)]
fn as_float(quantity: Quantity) -> f64 {
    // Upstream counts thousandths where they fit.
    match quantity.milli() {
        i64::MAX => quantity.units() as f64,
        milli => milli as f64 / 1000.0,
    }
}
