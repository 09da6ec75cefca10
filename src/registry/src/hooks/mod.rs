//! Write hooks: what else happens in the transaction of a write, for the rows that name one.
//!
//! A hook only plans operations. It runs again when the write is retried, and does nothing
//! lasting on a dry run.

mod binding;
mod claims;
mod cluster_ip;
mod eviction;
pub(crate) mod namespace;
mod node_port;
pub(crate) mod quota;

use std::net::Ipv4Addr;
use std::ops::RangeInclusive;
use std::time::Duration;

use apimachinery::{Object, StatusError};
use resources::{Hook, Resource};
use serde_json::Value;
use store::Op;

use crate::Registry;

/// The ranges from which hooks allocate.
#[derive(Clone, Debug)]
pub struct Allocation {
    /// First address and prefix length of the Service network.
    pub service_network: (Ipv4Addr, u8),
    pub node_ports: RangeInclusive<u16>,
}

impl Default for Allocation {
    fn default() -> Self {
        Self {
            service_network: (Ipv4Addr::new(10, 43, 0, 0), 16),
            node_ports: 30_000..=32_767,
        }
    }
}

/// Lets the row's hooks add to the transaction that turns `old` into `new`; `None` is absence.
///
/// # Errors
/// When a hook refuses, as for an address that is taken.
pub(crate) async fn before_commit(
    registry: &Registry,
    row: &Resource,
    old: Option<&Object>,
    mut new: Option<&mut Object>,
    ops: &mut Vec<Op>,
) -> Result<(), StatusError> {
    for hook in row.hooks {
        let new = new.as_deref_mut();
        match hook {
            Hook::ClusterIp => cluster_ip::plan(registry, row, old, new, ops).await?,
            Hook::NodePort => node_port::plan(registry, row, old, new, ops).await?,
            Hook::NamespaceFinalize => match (old, new) {
                (Some(old), None) => quota::forget(old.name(), ops),
                (_, new) => namespace::mark(new),
            },
            Hook::Binding | Hook::Eviction | Hook::Token | Hook::Expires { .. } => {}
        }
    }
    Ok(())
}

/// Whether something still holds a deleted object back.
pub(crate) fn holds(row: &Resource, object: &Object) -> bool {
    let listed = |pointer| {
        let list = object.at(pointer).and_then(Value::as_array);
        list.is_some_and(|list| !list.is_empty())
    };
    listed("/metadata/finalizers")
        || (row.hooks.contains(&Hook::NamespaceFinalize) && listed("/spec/finalizers"))
}

/// How long an object of this kind lives.
pub(crate) fn ttl(row: &Resource) -> Option<Duration> {
    row.hooks.iter().find_map(|hook| match hook {
        Hook::Expires { after_seconds } => Some(Duration::from_secs(*after_seconds)),
        _ => None,
    })
}
