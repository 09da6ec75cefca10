//! All rows, and how to find one.

use crate::row::Resource;
use crate::{apps, coordination, core};

/// Every served kind, in discovery order.
pub static RESOURCES: &[&Resource] = &[
    &core::CONFIG_MAP,
    &core::EVENT,
    &core::NAMESPACE,
    &core::NODE,
    &core::POD,
    &core::SECRET,
    &core::SERVICE,
    &core::SERVICE_ACCOUNT,
    &apps::DEPLOYMENT,
    &apps::REPLICA_SET,
    &coordination::LEASE,
];

/// The row served at `/apis/<group>/<version>/…/<plural>`.
#[must_use]
pub fn by_resource(group: &str, version: &str, plural: &str) -> Option<&'static Resource> {
    RESOURCES.iter().copied().find(|row| {
        row.group == group
            && row.plural == plural
            && row.versions.iter().any(|served| served.name == version)
    })
}

/// The row of a kind.
#[must_use]
pub fn by_kind(group: &str, kind: &str) -> Option<&'static Resource> {
    RESOURCES
        .iter()
        .copied()
        .find(|row| row.group == group && row.kind == kind)
}
