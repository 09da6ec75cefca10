//! Rules of ResourceQuotas.

use std::collections::BTreeMap;
use std::iter::repeat_n;

use apimachinery::{FieldError, FieldErrors, Object};
use serde_json::{Value, json};

use crate::at::{At, SHOWN_LISTS};
use crate::podspec::{STANDARD_RESOURCES, is_native, validate_quantity, validate_resource_name};

/// Counted resources that are whole numbers.
const WHOLE: [&str; 9] = [
    "configmaps",
    "persistentvolumeclaims",
    "pods",
    "replicationcontrollers",
    "resourcequotas",
    "secrets",
    "services",
    "services.loadbalancers",
    "services.nodeports",
];
/// What running pods use.
const COMPUTE: [&str; 6] = [
    "cpu",
    "limits.cpu",
    "limits.memory",
    "memory",
    "requests.cpu",
    "requests.memory",
];
const SCOPES: [&str; 7] = [
    "BestEffort",
    "CrossNamespacePodAffinity",
    "NotBestEffort",
    "NotTerminating",
    "PriorityClass",
    "Terminating",
    "VolumeAttributesClass",
];
const OPPOSITES: [[&str; 2]; 2] = [
    ["BestEffort", "NotBestEffort"],
    ["Terminating", "NotTerminating"],
];
const ONLY_EXISTS: &str = "must be 'Exist' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity";

pub(super) fn validate_quota(quota: &Object) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let spec = At::root(quota, "spec");
    validate_amounts(&spec.child("hard"), &mut errors);
    validate_scopes(&spec, &mut errors);
    validate_selector(&spec, &mut errors);
    errors
}

pub(super) fn validate_status(quota: &Object) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let status = At::root(quota, "status");
    for list in ["hard", "used"] {
        validate_amounts(&status.child(list), &mut errors);
    }
    errors
}

pub(super) fn refuse_new_scopes(quota: &Object, errors: &mut FieldErrors) {
    let scopes = At::root(quota, "spec").child("scopes");
    errors.push(scopes.invalid("field is immutable"));
}

fn is_counted(name: &str) -> bool {
    let plain = name.strip_prefix("requests.").unwrap_or(name);
    // A claim's storage is counted as what it requests.
    (name != "storage" && STANDARD_RESOURCES.contains(&name)) || plain.starts_with("hugepages-")
}

fn validate_amounts(list: &At<'_>, errors: &mut FieldErrors) {
    for (name, quantity) in list.entries() {
        validate_resource_name(name, &quantity.path, errors);
        if !name.contains('/') && !is_counted(name) {
            errors.push(FieldError::invalid(
                &quantity.path,
                name,
                "must be a standard resource for quota",
            ));
        }
        validate_amount(name, &quantity, errors);
    }
}

/// A quota of huge pages need not be a multiple of their size, so only part of a container's
/// rules applies.
fn validate_amount(name: &str, quantity: &At<'_>, errors: &mut FieldErrors) {
    let counted = if name.contains('/') && !is_native(name) {
        name
    } else {
        "cpu"
    };
    validate_quantity(counted, quantity, errors);
    let amount = quantity.text().parse::<apimachinery::Quantity>();
    if WHOLE.contains(&name) && amount.is_ok_and(|amount| amount.milli() % 1000 != 0) {
        errors.push(quantity.invalid("must be an integer"));
    }
}

fn is_scope(scope: &str) -> bool {
    SCOPES.contains(&scope)
}

/// Whether a resource can be counted for part of the objects only.
fn fits(scope: &str, resource: &str) -> bool {
    let is_pods = resource == "pods";
    match scope {
        "BestEffort" => is_pods,
        "VolumeAttributesClass" => {
            matches!(resource, "persistentvolumeclaims" | "requests.storage")
        }
        scope if is_scope(scope) => is_pods || COMPUTE.contains(&resource),
        _ => true,
    }
}

/// How many counted resources each scope does not fit. An unknown one fits them all.
fn misfits(spec: &At<'_>) -> BTreeMap<&'static str, usize> {
    let hard = spec.child("hard");
    let of = |scope: &'static str| {
        let counted = hard.entries().filter(|(name, _)| is_counted(name));
        (
            scope,
            counted.filter(|(name, _)| !fits(scope, name)).count(),
        )
    };
    SCOPES.into_iter().map(of).collect()
}

fn conflicts(scopes: &[&str]) -> usize {
    let conflicting = OPPOSITES
        .iter()
        .filter(|pair| pair.iter().all(|scope| scopes.contains(scope)));
    conflicting.count()
}

fn validate_scopes(spec: &At<'_>, errors: &mut FieldErrors) {
    let at = spec.child("scopes");
    let scopes: Vec<&str> = at
        .items()
        .map(|scope| scope.value.as_str().unwrap_or(""))
        .collect();
    let misfits = misfits(spec);
    let of_each = scopes.iter().flat_map(|scope| {
        let unknown = (!is_scope(scope)).then_some("unsupported scope");
        let count = misfits.get(scope).copied().unwrap_or(0);
        let misfits = repeat_n("unsupported scope applied to resource", count);
        unknown.into_iter().chain(misfits)
    });
    let of_pairs = repeat_n("conflicting scopes", conflicts(&scopes));
    for why in of_each.chain(of_pairs).take(SHOWN_LISTS) {
        errors.push(at.invalid(why));
    }
}

/// Upstream's paths leave the index out.
fn validate_selector(spec: &At<'_>, errors: &mut FieldErrors) {
    let selector = spec.child("scopeSelector");
    let expressions = selector.child("matchExpressions");
    let misfits = misfits(spec);
    let (mut scopes, mut untold) = (Vec::new(), SHOWN_LISTS);
    for expression in expressions.items() {
        let expression = At {
            path: expressions.path.clone(),
            value: expression.value,
        };
        let scope = expression.child("scopeName");
        if !is_scope(scope.text()) {
            errors.push(FieldError::invalid(
                &scope.path,
                scope.text(),
                "unsupported scope",
            ));
        }
        let misfits = misfits.get(scope.text()).copied().unwrap_or(0);
        let told = misfits.min(untold);
        untold -= told;
        for _ in 0..told {
            errors.push(FieldError::invalid(
                &expressions.path,
                selector_value(&selector),
                "unsupported scope applied to resource",
            ));
        }
        validate_operator(&expression, scope.text(), errors);
        scopes.push(scope.text());
    }
    for _ in 0..conflicts(&scopes) {
        // The value is the other list of scopes.
        let shown = spec.child("scopes").value.clone();
        errors.push(FieldError::invalid(
            &expressions.path,
            shown,
            "conflicting scopes",
        ));
    }
}

/// The internal form, which has no JSON names.
fn selector_value(selector: &At<'_>) -> Value {
    let expressions = selector.child("matchExpressions");
    let expressions: Vec<Value> = expressions
        .items()
        .map(|expression| {
            json!({
                "ScopeName": expression.child("scopeName").text(),
                "Operator": expression.child("operator").text(),
                "Values": expression.child("values").value,
            })
        })
        .collect();
    json!({ "MatchExpressions": expressions })
}

fn validate_operator(expression: &At<'_>, scope: &str, errors: &mut FieldErrors) {
    let (operator, values) = (expression.child("operator"), expression.child("values"));
    let has_values = !values.is_zero();
    let takes_values = matches!(scope, "PriorityClass" | "VolumeAttributesClass");
    if is_scope(scope) && !takes_values && operator.text() != "Exists" {
        errors.push(FieldError::invalid(
            &operator.path,
            operator.text(),
            ONLY_EXISTS,
        ));
    }
    match operator.text() {
        "In" | "NotIn" if !has_values => errors.push(values.required(
            "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector",
        )),
        "Exists" | "DoesNotExist" if has_values => errors.push(values.invalid(
            "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector",
        )),
        "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
        text => errors.push(FieldError::invalid(
            &operator.path,
            text,
            "not a valid selector operator",
        )),
    }
}
