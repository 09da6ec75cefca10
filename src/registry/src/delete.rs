//! Delete: at once, gracefully, or once the finalizers are gone.

use apimachinery::admission::Operation;
use apimachinery::{Encoded, Object, StatusError};
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt};
use store::{Expect, KeyValue};

use crate::commit::Committed;
use crate::deletion::{self, Step};
use crate::list::ListResult;
use crate::options::{DeleteOptions, ListOptions};
use crate::writer::Admitted;
use crate::{Target, Writer, codec, hooks, key, metadata};

/// Deletions of a collection that are under way at once.
const WORKERS: usize = 16;

/// What a delete came to.
pub enum Deleted {
    /// The object is gone; this was its last state, at the revision of its end.
    Gone(Encoded),
    /// The object is marked, and goes when its grace period or its finalizers end.
    Pending(Encoded),
}

impl Writer<'_> {
    /// Deletes one object, or marks it for deletion.
    ///
    /// # Errors
    /// NotFound, a failed precondition, an admission plugin's refusal, or what the store says.
    pub async fn delete(
        &self,
        target: Target<'_>,
        options: &DeleteOptions,
    ) -> Result<Deleted, StatusError> {
        let key = key::of(self.row, target);
        loop {
            let stored = self.stored(&key, target.name).await?;
            // When another writer was first: again, from what it left.
            if let Some(deleted) = self.delete_once(&key, target, stored, options).await? {
                return Ok(deleted);
            }
        }
    }

    async fn delete_once(
        &self,
        key: &str,
        target: Target<'_>,
        stored: KeyValue,
        options: &DeleteOptions,
    ) -> Result<Option<Deleted>, StatusError> {
        let (row, modified) = (self.row, stored.modified);
        let current = codec::decode(stored.value, modified.0, self.cx.trace)?;
        let old = current.to_object().map_err(StatusError::internal)?;
        metadata::check_preconditions(row, &old, &options.preconditions)?;
        self.admit_delete(target, &old, options).await?;
        let mut marked = match deletion::plan(row, &old, options, self.registry.clock.wall()) {
            Step::Wait => return Ok(Some(Deleted::Pending(current))),
            Step::Mark(marked) => marked,
            Step::Remove => {
                if options.dry_run {
                    return Ok(Some(Deleted::Gone(current)));
                }
                let gone = self.remove(key, &old, modified).await?;
                return Ok(gone.map(|at| Deleted::Gone(codec::at(&current, at))));
            }
        };
        let mut side = Vec::new();
        let (before, after) = (Some(&old), Some(&mut marked));
        hooks::before_commit(self.registry, row, before, after, &mut side).await?;
        let encoded = codec::canonical(row, &mut marked, modified.0, self.cx.trace);
        if options.dry_run || encoded.json() == current.json() {
            return Ok(Some(Deleted::Pending(encoded)));
        }
        let committed = self.commit(key, &encoded, Expect::At(modified), side);
        Ok(match committed.await? {
            Committed::Done(marked) => Some(Deleted::Pending(marked)),
            Committed::Outrun | Committed::SideLost => None,
        })
    }

    /// Deletes every object that the selectors match; gives the list of them, as they were.
    ///
    /// # Errors
    /// The first refusal; objects deleted before it stay deleted.
    pub async fn delete_collection(
        &self,
        namespace: Option<&str>,
        list: &ListOptions,
        options: &DeleteOptions,
    ) -> Result<ListResult, StatusError> {
        let found = self.registry.list(self.row, namespace, list).await?;
        let deletions: Vec<BoxFuture<'_, Result<(), StatusError>>> = found
            .items
            .iter()
            .map(|item| self.delete_item(item, options).boxed())
            .collect();
        let outcomes: Vec<Result<(), StatusError>> = futures::stream::iter(deletions)
            .buffered(WORKERS)
            .collect()
            .await;
        outcomes.into_iter().collect::<Result<(), _>>()?;
        Ok(found)
    }

    async fn delete_item(
        &self,
        item: &Encoded,
        options: &DeleteOptions,
    ) -> Result<(), StatusError> {
        let head = item.head().map_err(StatusError::internal)?;
        let target = Target {
            namespace: &head.metadata.namespace,
            name: &head.metadata.name,
        };
        match self.delete(target, options).await {
            // Another client deleted it first, which is what was asked for.
            Err(error) if error.is_not_found() => Ok(()),
            other => other.map(|_| ()),
        }
    }

    async fn admit_delete(
        &self,
        target: Target<'_>,
        old: &Object,
        options: &DeleteOptions,
    ) -> Result<(), StatusError> {
        let names = self.names();
        let attributes = self.attributes(
            &names,
            &Admitted {
                operation: Operation::Delete,
                subresource: "",
                target,
                old: Some(old),
                dry_run: options.dry_run,
            },
        );
        self.admission.validate(&attributes, None).await
    }
}
