//! PriorityLevelConfiguration.

use apimachinery::{FieldErrors, Object};
use serde_json::{Value, json};

use super::{GROUP, NOT_YET};
use crate::at::{At, not_negative};
use crate::cells::{AGE, NAME, NONE, spec, text};
use crate::column::{Cell, Column};
use crate::json::{self, Fill, fill};
use crate::row::{COMMON, Resource, Scope, Subresource};
use crate::strategy::{Cx, Strategy};

pub static PRIORITY_LEVEL_CONFIGURATION: Resource = Resource {
    group: GROUP,
    kind: "PriorityLevelConfiguration",
    plural: "prioritylevelconfigurations",
    singular: "prioritylevelconfiguration",
    scope: Scope::Cluster,
    prefix: "prioritylevelconfigurations",
    subresources: &[Subresource::Status],
    generation: true,
    not_yet: NOT_YET,
    columns: COLUMNS,
    strategy: &PriorityLevel,
    ..COMMON
};

const COLUMNS: &[Column] = &[
    NAME,
    text("Type", "Limited or not.", |cell| {
        json::text(spec(cell.object), "type").into()
    }),
    text(
        "NominalConcurrencyShares",
        "Its part of what is served at once.",
        |cell| number(cell, "/spec/limited/nominalConcurrencyShares"),
    ),
    text("Queues", "How many queues it has.", |cell| {
        number(cell, "/spec/limited/limitResponse/queuing/queues")
    }),
    text("HandSize", "Queues that one flow may use.", |cell| {
        number(cell, "/spec/limited/limitResponse/queuing/handSize")
    }),
    text("QueueLengthLimit", "Requests that wait in one.", |cell| {
        number(cell, "/spec/limited/limitResponse/queuing/queueLengthLimit")
    }),
    AGE,
];

fn number(cell: &Cell<'_>, pointer: &str) -> Value {
    let found = cell.object.at(pointer).filter(|value| value.is_i64());
    found.cloned().unwrap_or_else(|| NONE.into())
}

const SHARES: &[(&str, Fill)] = &[
    ("nominalConcurrencyShares", Fill::Number(30)),
    ("lendablePercent", Fill::Number(0)),
];
const EXEMPT: &[(&str, Fill)] = &[
    ("nominalConcurrencyShares", Fill::Number(0)),
    ("lendablePercent", Fill::Number(0)),
];
const QUEUING: &[(&str, Fill)] = &[
    ("handSize", Fill::NonZero(8)),
    ("queues", Fill::NonZero(64)),
    ("queueLengthLimit", Fill::NonZero(50)),
];

struct PriorityLevel;

impl Strategy for PriorityLevel {
    fn default(&self, _cx: &Cx<'_>, object: &mut Object) {
        let spec = object.map_mut("spec");
        if json::text(spec, "type") == "Exempt" {
            fill(spec, &[("exempt", Fill::Empty)]);
        }
        if let Some(exempt) = json::map_mut(spec, "exempt") {
            fill(exempt, EXEMPT);
        }
        if let Some(limited) = json::map_mut(spec, "limited") {
            fill(limited, SHARES);
            json::each_mut(limited, &["limitResponse", "queuing"], &mut |queuing| {
                fill(queuing, QUEUING);
            });
        }
    }

    fn prepare_for_create(&self, _cx: &Cx<'_>, object: &mut Object) {
        object.insert("status".into(), json!({}));
    }

    fn validate(&self, _cx: &Cx<'_>, object: &Object) -> FieldErrors {
        let mut errors = FieldErrors::new();
        let spec = At::root(object, "spec");
        let kind = spec.child("type");
        let is_exempt = object.name() == "exempt";
        if is_exempt != (kind.text() == "Exempt") {
            errors.push(kind.invalid("type must be 'Exempt' if and only if name is 'exempt'"));
        }
        let limited = spec.child("limited");
        match kind.text() {
            "Exempt" if limited.is_present() => {
                errors.push(limited.forbidden("must be nil if the type is not Limited"))
            }
            "Exempt" => {}
            "Limited" if !limited.is_present() => {
                errors.push(limited.required("must not be empty when type is Limited"))
            }
            "Limited" => validate_limited(&limited, &mut errors),
            _ => kind.one_of(&["Exempt", "Limited"], &mut errors),
        }
        errors
    }

    fn validate_update(&self, cx: &Cx<'_>, new: &Object, _old: &Object) -> FieldErrors {
        match cx.subresource {
            "status" => FieldErrors::new(),
            _ => self.validate(cx, new),
        }
    }
}

fn validate_limited(limited: &At<'_>, errors: &mut FieldErrors) {
    not_negative(&limited.child("nominalConcurrencyShares"), errors);
    let lendable = limited.child("lendablePercent");
    if lendable
        .int()
        .is_some_and(|percent| !(0..=100).contains(&percent))
    {
        errors.push(lendable.invalid("must be between 0 and 100, inclusive"));
    }
    let response = limited.child("limitResponse");
    let (kind, queuing) = (response.child("type"), response.child("queuing"));
    match kind.text() {
        "Reject" if queuing.is_present() => {
            errors.push(
                queuing.forbidden("must be nil if limited.limitResponse.type is not Limited"),
            );
        }
        "Reject" => {}
        "Queue" if !queuing.is_present() => {
            errors.push(
                queuing.required("must not be empty if limited.limitResponse.type is Limited"),
            );
        }
        "Queue" => validate_queuing(&queuing, errors),
        _ => kind.one_of(&["Queue", "Reject"], errors),
    }
}

fn validate_queuing(queuing: &At<'_>, errors: &mut FieldErrors) {
    for field in ["queueLengthLimit", "queues", "handSize"] {
        let at = queuing.child(field);
        if at.int().unwrap_or(0) <= 0 {
            errors.push(at.invalid("must be positive"));
        }
    }
    let (hand, queues) = (queuing.child("handSize"), queuing.child("queues"));
    let number = queues.int().unwrap_or(0);
    if hand.int().is_some_and(|hand| hand > number) {
        errors.push(hand.invalid(format!("should not be greater than queues ({number})")));
    }
}
