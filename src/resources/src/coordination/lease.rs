//! Lease.

use crate::cells::{AGE, NAME, spec, text};
use crate::column::Column;
use crate::json;
use crate::row::{COMMON, Resource};
use crate::strategy::Strategy;

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

impl Strategy for Lease {}
