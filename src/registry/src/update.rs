//! Update and patch: read, change, check, write, and again when another writer was first.

use apimachinery::admission::{Attributes, Operation, Plugin};
use apimachinery::{Encoded, FieldError, FieldErrors, Object, Path, RequestCx, StatusError};
use resources::{Cx, Resource, Subresource, meta};
use store::{Expect, KeyValue};

use crate::commit::Committed;
use crate::error::from_store;
use crate::metadata::drop_repeated_owners;
use crate::options::WriteOptions;
use crate::{Registry, Target, codec, deletion, hooks, key, metadata};

/// Makes the new object from the stored one. Runs again, on the newer state, after a conflict.
pub type Change<'a> = dyn Fn(&Object) -> Result<Object, StatusError> + Send + Sync + 'a;

impl Registry {
    /// Changes an existing object. A resourceVersion in what `change` returns is a
    /// precondition; without one the change is applied to whatever is stored.
    ///
    /// # Errors
    /// NotFound, Conflict, Invalid, an admission plugin's refusal, or what the store says.
    pub async fn update(
        &self,
        row: &'static Resource,
        cx: &RequestCx,
        target: Target<'_>,
        change: &Change<'_>,
        options: &WriteOptions,
        admission: &dyn Plugin,
    ) -> Result<Encoded, StatusError> {
        let key = key::of(row, target);
        loop {
            let stored = self.store.get(&key, None).await.map_err(from_store)?;
            let Some(stored) = stored else {
                return Err(StatusError::not_found(&row.group_resource(), target.name));
            };
            let write = Write {
                registry: self,
                row,
                cx,
                target,
                options,
                admission,
            };
            match write.once(&key, stored, change).await? {
                Some(updated) => return Ok(updated),
                // Another writer was first and the client named no version: again.
                None => yield_once().await,
            }
        }
    }
}

/// Lets the writer that was first go on, without depending on a runtime's API.
async fn yield_once() {
    let mut yielded = false;
    std::future::poll_fn(|task| {
        if std::mem::replace(&mut yielded, true) {
            return std::task::Poll::Ready(());
        }
        task.waker().wake_by_ref();
        std::task::Poll::Pending
    })
    .await;
}

/// The unchanging part of one update.
struct Write<'a> {
    registry: &'a Registry,
    row: &'static Resource,
    cx: &'a RequestCx,
    target: Target<'a>,
    options: &'a WriteOptions,
    admission: &'a dyn Plugin,
}

impl Write<'_> {
    /// `None` when another writer was first and trying again may help.
    async fn once(
        &self,
        key: &str,
        stored: KeyValue,
        change: &Change<'_>,
    ) -> Result<Option<Encoded>, StatusError> {
        let modified = stored.modified;
        let current = codec::decode(stored.value, modified.0, self.cx.trace)?;
        let old = current.to_object().map_err(StatusError::internal)?;
        let mut new = change(&old)?;
        self.check_version(&new, &old)?;
        self.prepare(&mut new, &old).await?;

        if deletion::is_over(self.row, &new) {
            return self.finish_deletion(key, new, &old, modified).await;
        }
        let encoded = codec::canonical(self.row, &mut new, modified.0, self.cx.trace);
        if encoded.json() == current.json() {
            // Nothing changes: same revision, no event.
            return Ok(Some(current));
        }
        let mut side = Vec::new();
        hooks::before_commit(
            self.registry,
            self.row,
            Some(&old),
            Some(&mut new),
            &mut side,
        )
        .await?;
        let encoded = codec::canonical(self.row, &mut new, modified.0, self.cx.trace);
        if self.options.dry_run {
            return Ok(Some(encoded));
        }
        let expect = Expect::At(modified);
        match self
            .registry
            .commit(self.row, self.cx, key, &encoded, expect, side)
            .await?
        {
            Committed::Done(updated) => Ok(Some(updated)),
            // Again from the new state: a version that the client named no longer fits then.
            Committed::Outrun | Committed::SideLost => Ok(None),
        }
    }

    fn modified(&self) -> StatusError {
        StatusError::modified(&self.row.group_resource(), self.target.name)
    }

    /// The version and uid that the change is meant for must be the stored ones.
    fn check_version(&self, new: &Object, old: &Object) -> Result<(), StatusError> {
        if !new.uid().is_empty() && new.uid() != old.uid() {
            let why = format!(
                "Precondition failed: UID in precondition: {}, UID in object meta: {}",
                new.uid(),
                old.uid()
            );
            return Err(StatusError::conflict(
                &self.row.group_resource(),
                self.target.name,
                &why,
            ));
        }
        match new.resource_version() {
            "" | "0" if self.row.unconditional_update => Ok(()),
            "" | "0" => {
                let path = Path::new("metadata").child("resourceVersion");
                let error = FieldError::invalid(&path, 0, "must be specified for an update");
                let errors = FieldErrors(vec![error]);
                Err(StatusError::invalid(
                    &self.row.gvk(),
                    self.target.name,
                    &errors,
                ))
            }
            version if version == old.resource_version() => Ok(()),
            _ => Err(self.modified()),
        }
    }

    /// What a hook does to the spec (a binding names the node), or a status says of it, is no
    /// new wish of the client.
    fn counts_generation(&self) -> bool {
        let subresource = self.row.subresource(self.options.subresource);
        let no_wish = matches!(subresource, Some(Subresource::Create { .. } | Subresource::Status));
        self.row.generation && !no_wish
    }

    /// Everything between the client's wish and the object to store.
    async fn prepare(&self, new: &mut Object, old: &Object) -> Result<(), StatusError> {
        let row = self.row;
        let cx = Cx {
            operation: Operation::Update,
            subresource: self.options.subresource,
            request: self.cx,
            now: self.registry.clock.wall(),
        };
        metadata::keep_server_owned(row, new, old);
        drop_repeated_owners(self.cx, new);
        keep_other_half(row, self.options.subresource, new, old);
        row.strategy.default(&cx, new);

        let (kind, resource) = (row.gvk(), row.gvr());
        let attributes = Attributes {
            operation: Operation::Update,
            kind: &kind,
            resource: &resource,
            subresource: self.options.subresource,
            namespace: self.target.namespace,
            name: self.target.name,
            cx: self.cx,
            old: Some(old),
            dry_run: self.options.dry_run,
        };
        self.admission.mutate(&attributes, new).await?;
        drop_repeated_owners(self.cx, new);
        row.strategy.prepare_for_update(&cx, new, old);
        if self.counts_generation() && row.strategy.starts_generation(new, old) {
            let generation = old.generation() + 1;
            new.metadata_mut()
                .insert("generation".into(), generation.into());
        }
        let mut errors = meta::validate_object_meta_update(row, new, old);
        errors.extend(row.strategy.validate_update(&cx, new, old));
        if !errors.is_empty() {
            return Err(StatusError::invalid(&kind, self.target.name, &errors));
        }
        self.admission.validate(&attributes, Some(new)).await?;
        for text in row.strategy.warnings(&cx, new) {
            self.cx.warn(text);
        }
        Ok(())
    }

    /// The last finalizer of a deleted object went: the object goes with it.
    async fn finish_deletion(
        &self,
        key: &str,
        mut new: Object,
        old: &Object,
        modified: store::Revision,
    ) -> Result<Option<Encoded>, StatusError> {
        let encoded = codec::canonical(self.row, &mut new, modified.0, self.cx.trace);
        if self.options.dry_run {
            return Ok(Some(encoded));
        }
        let removed = self
            .registry
            .remove(self.row, self.cx, key, old, modified)
            .await?;
        Ok(removed.then_some(encoded))
    }
}

/// The status rule: an update of the main resource keeps the status, one of `/status` keeps
/// everything else but metadata (where a kind is stricter, its strategy says so).
fn keep_other_half(row: &Resource, subresource: &str, new: &mut Object, old: &Object) {
    match subresource {
        "" if row.has_status() => match old.get("status") {
            Some(status) => {
                let status = status.clone();
                new.insert("status".into(), status);
            }
            None => {
                new.remove("status");
            }
        },
        "status" => {
            let status = new.remove("status");
            let metadata = new.remove("metadata");
            *new = old.clone();
            new.remove("status");
            new.extend(status.map(|status| ("status".to_owned(), status)));
            new.extend(metadata.map(|metadata| ("metadata".to_owned(), metadata)));
        }
        _ => {}
    }
}
