//! Lease.

use apimachinery::{FieldErrors, Object};

use crate::at::{At, Rules, not_negative};
use crate::cells::{AGE, NAME, spec, text};
use crate::column::Column;
use crate::json;
use crate::row::{COMMON, Resource};
use crate::strategy::{Cx, Strategy};

pub static LEASE: Resource = Resource {
    group: "coordination.k8s.io",
    kind: "Lease",
    plural: "leases",
    singular: "lease",
    prefix: "leases",
    create_on_update: true,
    unconditional_update: false,
    columns: COLUMNS,
    strategy: &Lease,
    ..COMMON
};

const COLUMNS: &[Column] = &[
    NAME,
    text("Holder", "Who holds the lease.", |cell| {
        json::text(spec(cell.object), "holderIdentity").into()
    }),
    AGE,
];

struct Lease;

impl Strategy for Lease {
    fn validate(&self, _cx: &Cx<'_>, object: &Object) -> FieldErrors {
        let mut errors = FieldErrors::new();
        At::root(object, "spec").apply(SPEC, &mut errors);
        errors
    }
}

const SPEC: Rules = &[
    ("leaseDurationSeconds", |at, errors| {
        if at.int().is_some_and(|seconds| seconds <= 0) {
            errors.push(at.invalid("must be greater than 0"));
        }
    }),
    ("leaseTransitions", not_negative),
];
