//! Update and patch: read, change, check, write, and again when another writer was first.

use std::pin::pin;

use apimachinery::admission::Operation;
use apimachinery::{Encoded, FieldError, FieldErrors, Object, Path, StatusError};
use resources::{Resource, Subresource, meta};
use store::{Expect, KeyValue};

use crate::commit::Committed;
use crate::metadata::drop_repeated_owners;
use crate::options::WriteOptions;
use crate::writer::Admitted;
use crate::{
    Target, Writer, aside, codec, deletion, hooks, key, managed_fields, metadata, versions,
};

/// Makes the new object from the present one, both in the version of the writer. Runs again, on the newer state, after a conflict.
pub type Change<'a> = dyn Fn(&Object) -> Result<Object, StatusError> + Send + Sync + 'a;

impl Writer<'_> {
    /// Changes an existing object. A resourceVersion in what `change` returns is a
    /// precondition; without one the change is applied to whatever is stored.
    ///
    /// # Errors
    /// NotFound, Conflict, Invalid, an admission plugin's refusal, or what the store says.
    pub async fn update(
        &self,
        target: Target<'_>,
        change: &Change<'_>,
        options: &WriteOptions,
    ) -> Result<Encoded, StatusError> {
        let key = key::of(self.row, target);
        let update = Update {
            writer: *self,
            target,
            options,
        };
        loop {
            let mut stored = self.stored(&key, target.name).await?;
            let size = stored.value.len();
            let changed = pin!(async {
                if aside::is_large(size) {
                    // Others have changed it while this one waited for its turn.
                    stored = self.stored(&key, target.name).await?;
                }
                update.once(&key, stored, change).await
            });
            match self.registry.aside(size, changed).await? {
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
struct Update<'a> {
    writer: Writer<'a>,
    target: Target<'a>,
    options: &'a WriteOptions,
}

impl Update<'_> {
    /// `None` when another writer was first and trying again may help.
    async fn once(
        &self,
        key: &str,
        stored: KeyValue,
        change: &Change<'_>,
    ) -> Result<Option<Encoded>, StatusError> {
        let (writer, row, modified) = (&self.writer, self.writer.row, stored.modified);
        let current = codec::decode(stored.value, modified.0, writer.cx.trace)?;
        let old = current.to_object().map_err(StatusError::internal)?;
        let mut new = self.changed(&old, change)?;
        self.check_uid(&new, &old)?;
        self.prepare(&mut new, &old).await?;

        let encoded = codec::canonical(row, &mut new, modified.0, writer.cx.trace);
        if deletion::is_over(row, &new) {
            // The last finalizer of a deleted object went: the object goes with it.
            if self.options.dry_run {
                return Ok(Some(encoded));
            }
            let gone = writer.remove(key, &old, modified).await?;
            return Ok(gone.map(|at| codec::at(&encoded, at)));
        }
        if encoded.json() == current.json() {
            // Nothing changes: same revision, no event.
            return Ok(Some(current));
        }
        let mut side = Vec::new();
        let before = Some(&old);
        hooks::before_commit(writer.registry, row, before, Some(&mut new), &mut side).await?;
        let charge = writer.charge(self.options.subresource, before, &new, &mut side);
        let _turn = charge.await?;
        let encoded = if row.hooks.is_empty() {
            encoded
        } else {
            codec::canonical(row, &mut new, modified.0, writer.cx.trace)
        };
        if self.options.dry_run {
            return Ok(Some(encoded));
        }
        let committed = writer.commit(key, &encoded, Expect::At(modified), side);
        Ok(match committed.await? {
            Committed::Done(updated) => Some(updated),
            // Again from the new state: a version that the client named no longer fits then.
            Committed::Outrun | Committed::SideLost => None,
        })
    }

    /// What the client makes of the object, in the version that it speaks.
    fn changed(&self, old: &Object, change: &Change<'_>) -> Result<Object, StatusError> {
        let served = self.writer.served;
        if served.is_stored() {
            return change(old);
        }
        let mut shown = old.clone();
        versions::from_stored(served, &mut shown);
        let mut new = change(&shown)?;
        versions::to_stored(served, &mut new);
        Ok(new)
    }

    fn modified(&self) -> StatusError {
        StatusError::modified(&self.writer.row.group_resource(), self.target.name)
    }

    /// The uid that the change is meant for must be the stored one.
    fn check_uid(&self, new: &Object, old: &Object) -> Result<(), StatusError> {
        if !new.uid().is_empty() && new.uid() != old.uid() {
            let why = format!(
                "Precondition failed: UID in precondition: {}, UID in object meta: {}",
                new.uid(),
                old.uid()
            );
            return Err(StatusError::conflict(
                &self.writer.row.group_resource(),
                self.target.name,
                &why,
            ));
        }
        Ok(())
    }

    /// The version that the change is meant for must be the stored one. As upstream, who may not
    /// make the change at all is told that first.
    fn check_version(&self, new: &Object, old: &Object) -> Result<(), StatusError> {
        match new.resource_version() {
            "" | "0" if self.writer.served.row.unconditional_update => Ok(()),
            "" | "0" => {
                let path = Path::new("metadata").child("resourceVersion");
                let error = FieldError::invalid(&path, 0, "must be specified for an update");
                let errors = FieldErrors(vec![error]);
                Err(StatusError::invalid(
                    &self.writer.row.gvk(),
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
        let subresource = self.writer.row.subresource(self.options.subresource);
        let no_wish = matches!(
            subresource,
            Some(Subresource::Create { .. } | Subresource::Status)
        );
        self.writer.row.generation && !no_wish
    }

    /// Everything between the client's wish and the object to store.
    async fn prepare(&self, new: &mut Object, old: &Object) -> Result<(), StatusError> {
        let (writer, row, subresource) = (&self.writer, self.writer.row, self.options.subresource);
        let cx = writer.strategy_cx(Operation::Update, subresource);
        let strategy = writer.strategy();
        metadata::keep_server_owned(row, new, old);
        drop_repeated_owners(writer.cx, new);
        keep_other_half(row, subresource, new, old);
        strategy.default(&cx, new);

        let names = writer.names();
        let attributes = writer.attributes(
            &names,
            &Admitted {
                operation: Operation::Update,
                subresource,
                target: self.target,
                old: Some(old),
                dry_run: self.options.dry_run,
            },
        );
        writer.admission.mutate(&attributes, new).await?;
        self.check_version(new, old)?;
        drop_repeated_owners(writer.cx, new);
        managed_fields::settle(new, Some(old));
        strategy.prepare_for_update(&cx, new, old);
        if self.counts_generation() && strategy.starts_generation(new, old) {
            let generation = old.generation() + 1;
            new.metadata_mut()
                .insert("generation".into(), generation.into());
        }
        let mut errors = meta::validate_object_meta_update(row, new, old);
        errors.extend(strategy.validate_update(&cx, new, old));
        if !errors.is_empty() {
            return Err(StatusError::invalid(&row.gvk(), self.target.name, &errors));
        }
        writer.admission.validate(&attributes, Some(new)).await?;
        for text in strategy.warnings(&cx, new) {
            writer.cx.warn(text);
        }
        Ok(())
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
