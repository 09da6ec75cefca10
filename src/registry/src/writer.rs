//! What the steps of every write share.

use apimachinery::admission::{Attributes, Operation, Plugin};
use apimachinery::{GroupVersionKind, GroupVersionResource, Object, RequestCx, StatusError};
use resources::{Cx, Resource, Served, Strategy};
use store::KeyValue;

use crate::error::from_store;
use crate::{Registry, Target};

/// Writes to one kind, on behalf of one request and past one admission chain.
#[derive(Clone, Copy)]
pub struct Writer<'a> {
    pub(crate) registry: &'a Registry,
    /// What the request is about: clients' objects are of this version.
    pub(crate) served: Served,
    /// The row that objects are stored under.
    pub(crate) row: &'static Resource,
    pub(crate) cx: &'a RequestCx,
    pub(crate) admission: &'a dyn Plugin,
}

impl Registry {
    /// The writes to a kind, in one of its versions; `admission` has the last say on each.
    pub fn writer<'a>(
        &'a self,
        served: impl Into<Served>,
        cx: &'a RequestCx,
        admission: &'a dyn Plugin,
    ) -> Writer<'a> {
        let served = served.into();
        Writer {
            registry: self,
            served,
            row: served.row.stored_row(),
            cx,
            admission,
        }
    }
}

/// The kind's names, which admission attributes borrow.
pub(crate) struct Names {
    kind: GroupVersionKind,
    resource: GroupVersionResource,
}

/// What admission sees of a write beside the object and its kind.
pub(crate) struct Admitted<'a> {
    pub operation: Operation,
    pub subresource: &'a str,
    pub target: Target<'a>,
    pub old: Option<&'a Object>,
    pub dry_run: bool,
}

impl<'a> Writer<'a> {
    pub(crate) fn names(&self) -> Names {
        Names {
            kind: self.served.gvk(),
            resource: self.served.gvr(),
        }
    }

    pub(crate) fn attributes<'b>(
        &'b self,
        names: &'b Names,
        admitted: &Admitted<'b>,
    ) -> Attributes<'b> {
        Attributes {
            operation: admitted.operation,
            kind: &names.kind,
            resource: &names.resource,
            subresource: admitted.subresource,
            namespace: admitted.target.namespace,
            name: admitted.target.name,
            cx: self.cx,
            old: admitted.old,
            dry_run: admitted.dry_run,
        }
    }

    /// What is to be changed.
    pub(crate) async fn stored(&self, key: &str, name: &str) -> Result<KeyValue, StatusError> {
        let stored = self.registry.store.get(key, None).await;
        let stored = stored.map_err(from_store)?;
        stored.ok_or_else(|| StatusError::not_found(&self.row.group_resource(), name))
    }

    /// The rules of the kind as it was asked for: two kinds that share their storage may differ.
    pub(crate) fn strategy(&self) -> &'static dyn Strategy {
        self.served.row.strategy
    }

    /// The circumstances that a strategy is told.
    pub(crate) fn strategy_cx<'b>(&'b self, operation: Operation, subresource: &'b str) -> Cx<'b> {
        Cx {
            operation,
            subresource,
            version: self.served.version.name,
            request: self.cx,
            now: self.registry.clock.wall(),
        }
    }
}
