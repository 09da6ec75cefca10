//! Writes that several loops do in the same way.

use api::{Kind, owner};
use apimachinery::{Encoded, StatusError};
use client::{Client, ClientError, PatchKind, PatchOptions, WriteOptions};
use informer::{Key, ReconcileError};

use crate::owed::Owed;
use crate::view::Viewed;
use crate::{claim, diff};

/// What cannot be decoded stays so until it changes; the loop says it and tries again late.
pub(crate) fn unreadable(error: impl std::fmt::Display) -> ReconcileError {
    ReconcileError::Other(error.to_string())
}

/// Brings an object's status, and the annotations that go with it, from one state to another.
/// By an update of the whole object: upstream's roles let most loops do nothing else.
///
/// # Errors
/// Conflict when the cache is behind, among others.
pub(crate) async fn status<K: Kind>(
    client: &Client,
    owed: &Owed,
    key: &Key,
    before: &Viewed<K>,
    after: &K,
) -> Result<(), ReconcileError> {
    put(client, owed, key, before, after, "status").await
}

/// Brings an object from one state to another.
///
/// # Errors
/// Conflict when the cache is behind, among others.
pub(crate) async fn update<K: Kind>(
    client: &Client,
    owed: &Owed,
    key: &Key,
    before: &Viewed<K>,
    after: &K,
) -> Result<(), ReconcileError> {
    put(client, owed, key, before, after, "").await
}

/// Writes the object, or its subresource.
async fn put<K: Kind>(
    client: &Client,
    owed: &Owed,
    key: &Key,
    before: &Viewed<K>,
    after: &K,
    sub: &str,
) -> Result<(), ReconcileError> {
    let Some(object) = diff::changed(before, after) else {
        return Ok(());
    };
    let objects = client.typed::<K>().in_namespace(before.namespace());
    let (name, options) = (object.name(), WriteOptions::default());
    let written = objects
        .api()
        .update_subresource(name, sub, &object, &options);
    note(owed, key, written.await)
}

/// Makes `owner` the controller of some objects and no longer of others. Before adopting, asks
/// the server whether the owner still lives: the cache may not know yet that it is being deleted.
///
/// # Errors
/// The first refusal, except for objects that are gone.
pub(crate) async fn claim<O: Kind, K: Kind>(
    client: &Client,
    owed: &Owed,
    key: &Key,
    owner: &O,
    adopt: &[K],
    release: &[K],
) -> Result<(), ReconcileError> {
    if !adopt.is_empty() {
        still_lives(client, owner).await?;
    }
    let reference = owner::controller_reference(owner);
    let adopt = adopt.iter();
    let adopt = adopt.map(|object| (object, claim::adoption(object.metadata(), &reference)));
    let release = release.iter();
    let release = release.map(|object| (object, claim::release(object.metadata(), owner.uid())));
    for (object, patch) in adopt.chain(release) {
        let objects = client.typed::<K>().in_namespace(object.namespace());
        let (name, options) = (object.name(), PatchOptions::default());
        let written = objects
            .api()
            .patch(name, PatchKind::Merge, &patch, &options);
        let written = written.await;
        if !written.as_ref().is_err_and(ClientError::is_not_found) {
            note(owed, key, written)?;
        }
    }
    Ok(())
}

fn note(
    owed: &Owed,
    key: &Key,
    written: Result<Encoded, ClientError>,
) -> Result<(), ReconcileError> {
    // A write whose answer was lost needs no care: all of these ask for the version they were
    // made for, so doing one again is refused.
    owed.wrote(key, written?.revision());
    Ok(())
}

/// Asks the server whether an object is still the one in the cache and not being deleted.
///
/// # Errors
/// When it is not; or the request's failure.
async fn still_lives<K: Kind>(client: &Client, object: &K) -> Result<(), ReconcileError> {
    let objects = client.typed::<K>().in_namespace(object.namespace());
    let live = objects.get(object.name()).await?;
    if live.uid() == object.uid() && !live.is_terminating() {
        return Ok(());
    }
    let name = object.name();
    let why = "it is being deleted, or another object has its name";
    Err(StatusError::conflict(&K::GVR.group_resource(), name, why).into())
}

/// Whether a create was refused because its namespace is being deleted.
pub(crate) fn namespace_ends(error: &ClientError) -> bool {
    let details = error.status().and_then(|status| status.0.details.as_ref());
    details.is_some_and(|details| {
        let mut causes = details.causes.iter();
        causes.any(|cause| cause.reason.0 == "NamespaceTerminating")
    })
}
