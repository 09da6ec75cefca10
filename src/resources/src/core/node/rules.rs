//! Rules of Nodes.

use std::collections::BTreeSet;

use apimachinery::{FieldError, FieldErrors, Object, Path};

use crate::at::At;
use crate::json::{self, same};
use crate::meta;
use crate::podspec::validate_quantity;

pub(super) fn validate_node(node: &Object) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let (spec, status) = (At::root(node, "spec"), At::root(node, "status"));
    // Upstream's paths say metadata here.
    let taints = At {
        path: Path::new("metadata").child("taints"),
        value: spec.child("taints").value,
    };
    validate_taints(&taints, &mut errors);
    for list in ["capacity", "allocatable"] {
        for (name, quantity) in status.child(list).entries() {
            crate::at::check_text(&quantity.path, name, meta::qualified_name, &mut errors);
            validate_quantity(name, &quantity, &mut errors);
        }
    }
    validate_cidrs(&spec.child("podCIDRs"), &mut errors);
    errors
}

fn validate_taints(taints: &At<'_>, errors: &mut FieldErrors) {
    let mut seen = BTreeSet::new();
    for taint in taints.items() {
        let (key, effect) = (taint.child("key"), taint.child("effect"));
        key.check(meta::qualified_name, errors);
        let value = taint.child("value");
        if let Err(details) = meta::label_value(value.text()) {
            let detail = details.lines().collect::<Vec<_>>().join(";");
            errors.push(value.invalid(detail));
        }
        if effect.text().is_empty() {
            errors.push(effect.required(""));
        } else {
            effect.one_of(&["NoSchedule", "PreferNoSchedule", "NoExecute"], errors);
        }
        if !seen.insert((key.text(), effect.text())) {
            let mut error = taint.duplicate();
            "taints must be unique by key and effect pair".clone_into(&mut error.detail);
            errors.push(error);
        }
    }
}

fn validate_cidrs(cidrs: &At<'_>, errors: &mut FieldErrors) {
    let mut families = Vec::new();
    for cidr in cidrs.items() {
        cidr.check(meta::cidr, errors);
        families.extend(meta::parse_cidr(cidr.text()).map(|(ip, _)| ip.is_ipv4()));
    }
    let four = families.iter().filter(|is_v4| **is_v4).count();
    if four > 1 || families.len() - four > 1 {
        errors.push(cidrs.invalid("may specify no more than one CIDR for each IP family"));
    }
}

pub(super) fn validate_change(new: &Object, old: &Object) -> FieldErrors {
    let mut errors = validate_node(new);
    let (spec, before) = (At::root(new, "spec"), At::root(old, "spec"));
    let mut seen = BTreeSet::new();
    for address in At::root(new, "status").child("addresses").items() {
        let key = (
            address.child("type").text(),
            address.child("address").text(),
        );
        if !seen.insert(key) {
            errors.push(FieldError::duplicate(&address.path, address.value.clone()));
        }
    }
    for (field, shown) in [("podCIDRs", "podCIDR"), ("providerID", "providerID")] {
        let (now, then) = (spec.child(field), before.child(field));
        if !json::is_zero(Some(then.value)) && !same(Some(now.value), Some(then.value)) {
            errors.push(now.forbidden(&format!(
                "node updates may not change {shown} except from \"\" to valid"
            )));
        }
    }
    errors
}
