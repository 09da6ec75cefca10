//! PodDisruptionBudget.

use apimachinery::{FieldErrors, Object};
use serde_json::{Value, json};

use crate::at::{At, not_negative};
use crate::cells::{AGE, NAME, int_or_text, integer, number, text};
use crate::column::{Cell, Column};
use crate::meta::{validate_conditions, validate_label_selector};
use crate::portion::{at_most_all, int_or_percent};
use crate::row::{COMMON, Resource, Subresource};
use crate::strategy::{Cx, Strategy};

pub static POD_DISRUPTION_BUDGET: Resource = Resource {
    group: "policy",
    kind: "PodDisruptionBudget",
    plural: "poddisruptionbudgets",
    singular: "poddisruptionbudget",
    short_names: &["pdb"],
    prefix: "poddisruptionbudgets",
    subresources: &[Subresource::Status],
    generation: true,
    unconditional_update: false,
    not_yet: Some("no disruption controller"),
    columns: COLUMNS,
    strategy: &PodDisruptionBudget,
    ..COMMON
};

const COLUMNS: &[Column] = &[
    NAME,
    text("Min Available", "Pods that must stay.", |cell| {
        bound(cell, "/spec/minAvailable")
    }),
    text("Max Unavailable", "Pods that may be missing.", |cell| {
        bound(cell, "/spec/maxUnavailable")
    }),
    integer("Allowed Disruptions", "Pods that may go now.", |cell| {
        number(cell.object, "/status/disruptionsAllowed").into()
    }),
    AGE,
];

fn bound(cell: &Cell<'_>, pointer: &str) -> Value {
    match cell.object.at(pointer) {
        None | Some(Value::Null) => "N/A".into(),
        Some(value) => int_or_text(value).into(),
    }
}

struct PodDisruptionBudget;

impl Strategy for PodDisruptionBudget {
    fn prepare_for_create(&self, _cx: &Cx<'_>, object: &mut Object) {
        object.insert("status".into(), json!({
            "currentHealthy": 0, "desiredHealthy": 0, "disruptionsAllowed": 0, "expectedPods": 0,
        }));
    }

    fn validate(&self, _cx: &Cx<'_>, object: &Object) -> FieldErrors {
        let mut errors = FieldErrors::new();
        let spec = At::root(object, "spec");
        let bounds = ["minAvailable", "maxUnavailable"].map(|field| spec.child(field));
        if bounds.iter().all(At::is_present) {
            errors.push(spec.invalid("minAvailable and maxUnavailable cannot be both set"));
        }
        for bound in bounds.iter().filter(|bound| bound.is_present()) {
            int_or_percent(bound, &mut errors);
            at_most_all(bound, &mut errors);
        }
        validate_label_selector(&spec.child("selector"), &mut errors);
        let policy = spec.child("unhealthyPodEvictionPolicy");
        if policy.is_present() {
            policy.one_of(&["AlwaysAllow", "IfHealthyBudget"], &mut errors);
        }
        errors
    }

    fn validate_update(&self, cx: &Cx<'_>, new: &Object, _old: &Object) -> FieldErrors {
        if cx.subresource != "status" {
            return self.validate(cx, new);
        }
        let mut errors = FieldErrors::new();
        let status = At::root(new, "status");
        validate_conditions(&status.child("conditions"), &mut errors);
        for field in [
            "disruptionsAllowed",
            "currentHealthy",
            "desiredHealthy",
            "expectedPods",
        ] {
            not_negative(&status.child(field), &mut errors);
        }
        errors
    }
}
