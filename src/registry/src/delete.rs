//! Delete: at once, gracefully, or once the finalizers are gone.

use apimachinery::admission::{Attributes, Operation, Plugin};
use apimachinery::{Encoded, Object, RequestCx, StatusError, time};
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt};
use jiff::{SignedDuration, Timestamp};
use resources::{GcPolicy, Resource};
use serde_json::Value;
use store::{Expect, Op, Revision};

use crate::commit::Committed;
use crate::error::from_store;
use crate::options::{DeleteOptions, ListOptions, Propagation};
use crate::{Registry, Target, codec, hooks, key, metadata};

/// Makes the garbage collector orphan, or delete first, what the object owns.
const ORPHAN: &str = "orphan";
const FOREGROUND: &str = "foregroundDeletion";
/// Deletions of a collection that are under way at once.
const WORKERS: usize = 16;

/// What a delete came to.
pub enum Deleted {
    /// The object is gone; this was its last state.
    Gone(Encoded),
    /// The object is marked, and goes when its grace period or its finalizers end.
    Pending(Encoded),
}

impl Registry {
    /// Deletes one object, or marks it for deletion.
    ///
    /// # Errors
    /// NotFound, a failed precondition, an admission plugin's refusal, or what the store says.
    pub async fn delete(
        &self,
        row: &'static Resource,
        cx: &RequestCx,
        target: Target<'_>,
        options: &DeleteOptions,
        admission: &dyn Plugin,
    ) -> Result<Deleted, StatusError> {
        let key = key::of(row, target);
        loop {
            let stored = self.store.get(&key, None).await.map_err(from_store)?;
            let Some(stored) = stored else {
                return Err(StatusError::not_found(&row.group_resource(), target.name));
            };
            let modified = stored.modified;
            let current = codec::decode(stored.value, modified.0, cx.trace)?;
            let old = current.to_object().map_err(StatusError::internal)?;
            metadata::check_preconditions(row, &old, &options.preconditions)?;
            self.admit_delete(row, cx, target, &old, options, admission)
                .await?;

            let mut marked = old.clone();
            set_propagation(row, &mut marked, options.propagation);
            let grace = remaining_grace(row, &old, options.grace_period_seconds);
            if grace == 0 && !hooks::holds(row, &marked) {
                if options.dry_run || self.remove(row, cx, &key, &old, modified).await? {
                    return Ok(Deleted::Gone(current));
                }
                continue;
            }
            mark(&mut marked, &old, grace, self.clock.wall());
            let mut side = Vec::new();
            hooks::before_commit(self, row, Some(&old), Some(&mut marked), &mut side).await?;
            let encoded = codec::canonical(row, &mut marked, modified.0, cx.trace);
            if options.dry_run || encoded.json() == current.json() {
                return Ok(Deleted::Pending(encoded));
            }
            let expect = Expect::At(modified);
            match self.commit(row, cx, &key, &encoded, expect, side).await? {
                Committed::Done(marked) => return Ok(Deleted::Pending(marked)),
                Committed::Outrun | Committed::SideLost => {}
            }
        }
    }

    /// Deletes every object that the selectors match; gives their last states.
    ///
    /// # Errors
    /// The first refusal; objects deleted before it stay deleted.
    pub async fn delete_collection(
        &self,
        row: &'static Resource,
        cx: &RequestCx,
        namespace: Option<&str>,
        list: &ListOptions,
        options: &DeleteOptions,
        admission: &dyn Plugin,
    ) -> Result<Vec<Encoded>, StatusError> {
        let found = self.list(row, namespace, list).await?;
        let deletions: Vec<BoxFuture<'_, Result<(), StatusError>>> = found
            .items
            .iter()
            .map(|item| self.delete_item(row, cx, item, options, admission).boxed())
            .collect();
        let outcomes: Vec<Result<(), StatusError>> = futures::stream::iter(deletions)
            .buffered(WORKERS)
            .collect()
            .await;
        outcomes.into_iter().collect::<Result<(), _>>()?;
        Ok(found.items)
    }

    async fn delete_item(
        &self,
        row: &'static Resource,
        cx: &RequestCx,
        item: &Encoded,
        options: &DeleteOptions,
        admission: &dyn Plugin,
    ) -> Result<(), StatusError> {
        let head = item.head().map_err(StatusError::internal)?;
        let target = Target {
            namespace: &head.metadata.namespace,
            name: &head.metadata.name,
        };
        match self.delete(row, cx, target, options, admission).await {
            // Another client deleted it first, which is what was asked for.
            Err(error) if error.is_not_found() => Ok(()),
            other => other.map(|_| ()),
        }
    }

    async fn admit_delete(
        &self,
        row: &'static Resource,
        cx: &RequestCx,
        target: Target<'_>,
        old: &Object,
        options: &DeleteOptions,
        admission: &dyn Plugin,
    ) -> Result<(), StatusError> {
        let (kind, resource) = (row.gvk(), row.gvr());
        let attributes = Attributes {
            operation: Operation::Delete,
            kind: &kind,
            resource: &resource,
            subresource: "",
            namespace: target.namespace,
            name: target.name,
            cx,
            old: Some(old),
            dry_run: options.dry_run,
        };
        admission.validate(&attributes, None).await
    }

    /// Takes the object out of the store, with what its hooks had allocated. False when another
    /// writer was first.
    pub(crate) async fn remove(
        &self,
        row: &'static Resource,
        cx: &RequestCx,
        key: &str,
        old: &Object,
        modified: Revision,
    ) -> Result<bool, StatusError> {
        let mut ops = vec![Op::Delete {
            key: key.into(),
            expect: Expect::At(modified),
        }];
        hooks::before_commit(self, row, Some(old), None, &mut ops).await?;
        match self.store.txn(ops, cx.trace).await {
            Ok(_) => Ok(true),
            Err(store::Error::Conflict { .. }) => Ok(false),
            Err(error) => Err(from_store(error)),
        }
    }
}

/// How long the object may still live. A second delete can only shorten it.
fn remaining_grace(row: &Resource, old: &Object, requested: Option<i64>) -> i64 {
    let already = old
        .metadata()
        .and_then(|m| m.get("deletionGracePeriodSeconds"));
    let already = already.and_then(Value::as_i64);
    match (old.deletion_timestamp().and(already), requested) {
        (Some(already), None) => already,
        (Some(already), Some(_)) => row.strategy.grace_period(old, requested).min(already),
        (None, _) => row.strategy.grace_period(old, requested),
    }
}

/// Marks the object: when it may go, and that it changed. Repeating it changes nothing.
fn mark(marked: &mut Object, old: &Object, grace: i64, now: Timestamp) {
    let already = old
        .metadata()
        .and_then(|m| m.get("deletionGracePeriodSeconds"));
    if old.deletion_timestamp().is_some() && already.and_then(Value::as_i64) == Some(grace) {
        return;
    }
    let at = now
        .saturating_add(SignedDuration::from_secs(grace))
        .unwrap_or(now);
    let generation = old.generation();
    let metadata = marked.metadata_mut();
    metadata.insert("deletionTimestamp".into(), time::format(at).into());
    metadata.insert("deletionGracePeriodSeconds".into(), grace.into());
    if generation > 0 {
        metadata.insert("generation".into(), (generation + 1).into());
    }
}

/// Turns the propagation policy into the finalizer that the garbage collector acts on.
fn set_propagation(row: &Resource, object: &mut Object, policy: Option<Propagation>) {
    let policy = policy.or_else(|| {
        let has = |name: &str| object.finalizers().any(|f| f == name);
        if has(ORPHAN) {
            Some(Propagation::Orphan)
        } else if has(FOREGROUND) {
            Some(Propagation::Foreground)
        } else {
            (row.gc == GcPolicy::Orphan).then_some(Propagation::Orphan)
        }
    });
    let mut finalizers: Vec<String> = object
        .finalizers()
        .filter(|f| *f != ORPHAN && *f != FOREGROUND)
        .map(Into::into)
        .collect();
    match policy {
        Some(Propagation::Orphan) => finalizers.push(ORPHAN.into()),
        Some(Propagation::Foreground) => finalizers.push(FOREGROUND.into()),
        Some(Propagation::Background) | None => {}
    }
    if finalizers.is_empty() {
        object.metadata_mut().remove("finalizers");
    } else {
        object
            .metadata_mut()
            .insert("finalizers".into(), finalizers.into());
    }
}
