//! ResourceQuotas: what a write costs its namespace is charged in the write's own transaction, so
//! that no number of clients can overrun a quota.
//!
//! A namespace that has ever had quotas has a marker key, which every new quota writes. Creates
//! check that it is as they found it, so that none slips past a quota that is just being made;
//! where there is none, they look no further.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::sync::Arc;

use api::quota::{self, Quota, Write};
use apimachinery::{Object, StatusError};
use base::TraceId;
use bytes::Bytes;
use resources::Resource;
use store::{Expect, KeyValue, Limit, Op};
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::error::from_store;
use crate::{Registry, Writer, codec, key};

/// How many namespaces with quotas can be written to at once; more share.
const TURNS: usize = 64;

/// Whose turn it is to charge a namespace. A quota changes with every charge, so that writers who
/// do not wait for one another would only repeat themselves.
pub struct Turns(Box<[Arc<Mutex<()>>]>);

impl Default for Turns {
    fn default() -> Self {
        Self((0..TURNS).map(|_| Arc::default()).collect())
    }
}

impl Turns {
    async fn take(&self, namespace: &str) -> Turn {
        let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(namespace);
        let at = usize::try_from(hash % TURNS as u64).expect("less than 64");
        Some(self.0[at].clone().lock_owned().await)
    }
}

/// Held until the commit is over; `None` where there are no quotas.
pub type Turn = Option<OwnedMutexGuard<()>>;

impl Writer<'_> {
    /// Charges a write to the quotas of its namespace.
    ///
    /// # Errors
    /// Forbidden, in upstream's words, when a quota does not allow it.
    pub(crate) async fn charge(
        &self,
        subresource: &str,
        old: Option<&Object>,
        new: &Object,
        ops: &mut Vec<Op>,
    ) -> Result<Turn, StatusError> {
        let (registry, resource) = (self.registry, self.row.group_resource());
        let Some(row) = resources::by_kind("", "ResourceQuota") else {
            return Ok(None);
        };
        let (namespace, creates) = (new.namespace(), old.is_none());
        let ignored = namespace.is_empty() || self.row.kind == "Event";
        if ignored || !quota::is_charged(&resource, subresource, creates) {
            return Ok(None);
        }
        let marker = marker(namespace);
        let (mut mark, mut turn) = (look(registry, &marker).await?, None);
        if mark.is_some() {
            turn = registry.turns.take(namespace).await;
            mark = look(registry, &marker).await?;
        }
        let makes_quota = creates && std::ptr::eq(self.row, row);
        ops.push(marked(&marker, mark.as_ref(), makes_quota));
        if mark.is_some() {
            let quotas = Quotas::read(registry, row, namespace).await?;
            let write = Write {
                resource: &resource,
                old,
                new,
                now: registry.clock.wall(),
            };
            let charged = quotas.charge(&write, self.cx.trace, ops);
            charged.map_err(|why| StatusError::forbidden(&resource, new.name(), &why))?;
        }
        Ok(turn)
    }
}

/// Takes the marker of a namespace away with it.
pub fn forget(namespace: &str, ops: &mut Vec<Op>) {
    ops.push(Op::Delete {
        key: marker(namespace).into(),
        expect: Expect::Any,
    });
}

fn marker(namespace: &str) -> String {
    key::allocated("quotas", namespace)
}

/// The marker must be as it was found; a quota that is made leaves its mark.
fn marked(marker: &str, found: Option<&KeyValue>, makes_quota: bool) -> Op {
    let key = marker.into();
    let expect = found.map_or(Expect::Absent, |found| Expect::At(found.modified));
    if makes_quota {
        let (value, ttl) = (Bytes::new(), None);
        Op::Put {
            key,
            value,
            expect,
            ttl,
        }
    } else {
        Op::Check { key, expect }
    }
}

async fn look(registry: &Registry, key: &str) -> Result<Option<KeyValue>, StatusError> {
    registry.store.get(key, None).await.map_err(from_store)
}

/// The quotas of a namespace, as stored and as read.
struct Quotas {
    row: &'static Resource,
    stored: Vec<(KeyValue, Object)>,
    read: Vec<Quota>,
}

impl Quotas {
    async fn read(
        registry: &Registry,
        row: &'static Resource,
        namespace: &str,
    ) -> Result<Self, StatusError> {
        let prefix = key::below(row, Some(namespace));
        let page = registry.store.list(&prefix, None, None, Limit::NONE).await;
        let mut stored = Vec::new();
        for item in page.map_err(from_store)?.items {
            let object = codec::decode(item.value.clone(), item.modified.0, TraceId::NONE)?;
            let object = object.to_object().map_err(StatusError::internal)?;
            stored.push((item, object));
        }
        let read = stored.iter().map(|(_, quota)| Quota::of(quota)).collect();
        Ok(Self { row, stored, read })
    }

    /// Adds the quotas' new states to the transaction.
    fn charge(&self, write: &Write<'_>, trace: TraceId, ops: &mut Vec<Op>) -> Result<(), String> {
        for (at, used) in quota::charge(write, &self.read)? {
            let (stored, object) = &self.stored[at];
            let mut object = object.clone();
            object
                .map_mut("status")
                .insert("used".into(), quota::print(&used));
            let encoded = codec::canonical(self.row, &mut object, 0, trace);
            ops.push(Op::Put {
                key: stored.key.clone(),
                value: codec::encode(&encoded),
                expect: Expect::At(stored.modified),
                ttl: None,
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
