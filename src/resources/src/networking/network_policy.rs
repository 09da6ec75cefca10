//! NetworkPolicy.

use apimachinery::{FieldError, FieldErrors, Object};
use serde_json::json;

use super::GROUP;
use crate::at::At;
use crate::cells::{AGE, NAME, selector_cell, text};
use crate::column::Column;
use crate::json::{self, Fill, Json, fill};
use crate::meta::{
    cidr, is_strictly_inside, parse_cidr, port_name, port_number, validate_label_selector,
};
use crate::row::{COMMON, Resource};
use crate::strategy::{Cx, Strategy};

pub static NETWORK_POLICY: Resource = Resource {
    group: GROUP,
    kind: "NetworkPolicy",
    plural: "networkpolicies",
    singular: "networkpolicy",
    short_names: &["netpol"],
    prefix: "networkpolicies",
    generation: true,
    not_yet: Some("nobody enforces it"),
    columns: COLUMNS,
    strategy: &NetworkPolicy,
    ..COMMON
};

const COLUMNS: &[Column] = &[
    NAME,
    text("Pod-Selector", "The pods it is about.", |cell| {
        selector_cell(cell.object, "/spec/podSelector")
    }),
    AGE,
];

struct NetworkPolicy;

impl Strategy for NetworkPolicy {
    fn default(&self, _cx: &Cx<'_>, object: &mut Object) {
        let spec = object.map_mut("spec");
        fill(spec, &[("podSelector", Fill::Empty)]);
        let mut protocol = |port: &mut Json| fill(port, &[("protocol", Fill::TextIfAbsent("TCP"))]);
        for direction in ["ingress", "egress"] {
            json::each_mut(spec, &[direction, "ports"], &mut protocol);
        }
        if json::list(spec, "policyTypes").is_empty() {
            let types = match json::list(spec, "egress").is_empty() {
                true => json!(["Ingress"]),
                false => json!(["Ingress", "Egress"]),
            };
            spec.insert("policyTypes".into(), types);
        }
    }

    fn validate(&self, _cx: &Cx<'_>, object: &Object) -> FieldErrors {
        let mut errors = FieldErrors::new();
        let spec = At::root(object, "spec");
        validate_label_selector(&spec.child("podSelector"), &mut errors);
        for (direction, peers) in [("ingress", "from"), ("egress", "to")] {
            for rule in spec.child(direction).items() {
                for port in rule.child("ports").items() {
                    validate_port(&port, &mut errors);
                }
                for peer in rule.child(peers).items() {
                    validate_peer(&peer, &mut errors);
                }
            }
        }
        let types = spec.child("policyTypes");
        if types.items().count() > 2 {
            errors.push(types.invalid("may not specify more than two policyTypes"));
            return errors;
        }
        for kind in types.items() {
            kind.one_of(&["Ingress", "Egress"], &mut errors);
        }
        errors
    }
}

fn validate_port(port: &At<'_>, errors: &mut FieldErrors) {
    let protocol = port.child("protocol");
    if protocol.is_present() {
        protocol.one_of(&["TCP", "UDP", "SCTP"], errors);
    }
    let (at, end) = (port.child("port"), port.child("endPort"));
    let number = |at: &At<'_>, errors: &mut FieldErrors| {
        if let Some(Err(detail)) = at.int().map(port_number) {
            errors.push(at.invalid(detail));
        }
    };
    let misplaced = match at.value {
        serde_json::Value::Null => Some("may not be specified when `port` is not specified"),
        serde_json::Value::String(_) => Some("may not be specified when `port` is non-numeric"),
        _ => None,
    };
    if let Some(detail) = misplaced {
        if end.is_present() {
            errors.push(end.invalid(detail));
        }
        if at.is_present() {
            at.check(port_name, errors);
        }
        return;
    }
    number(&at, errors);
    if end
        .int()
        .zip(at.int())
        .is_some_and(|(end, start)| end < start)
    {
        // The value is the other port.
        let detail = "must be greater than or equal to `port`";
        errors.push(FieldError::invalid(&end.path, at.value.clone(), detail));
    }
    number(&end, errors);
}

fn validate_peer(peer: &At<'_>, errors: &mut FieldErrors) {
    let mut count = 0;
    for field in ["podSelector", "namespaceSelector"] {
        let selector = peer.child(field);
        if selector.is_present() {
            count += 1;
            validate_label_selector(&selector, errors);
        }
    }
    let block = peer.child("ipBlock");
    if block.is_present() {
        validate_block(&block, errors);
        if count > 0 {
            errors.push(peer.forbidden("may not specify both ipBlock and another peer"));
        }
    } else if count == 0 {
        errors.push(peer.required("must specify a peer"));
    }
}

fn validate_block(block: &At<'_>, errors: &mut FieldErrors) {
    let whole = block.child("cidr");
    whole.check_required(cidr, errors);
    let Some(outer) = parse_cidr(whole.text()) else {
        return;
    };
    for except in block.child("except").items() {
        match parse_cidr(except.text()) {
            None => except.check(cidr, errors),
            Some(inner) if !is_strictly_inside(inner, outer) => {
                errors.push(except.invalid("must be a strict subset of `cidr`"));
            }
            Some(_) => {}
        }
    }
}
