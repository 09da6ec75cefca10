//! What the server alone decides in `metadata`.

use apimachinery::{GroupVersionKind, Object, RequestCx, StatusError, time};
use jiff::Timestamp;
use resources::{Resource, meta};

use crate::Target;
use crate::options::Preconditions;

/// Fields an update takes over from the stored object, whatever the client sends.
const SERVER_OWNED: [&str; 3] = [
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
];

/// Sets what a new object gets from the server.
pub fn fill_new(row: &Resource, object: &mut Object, namespace: &str, now: Timestamp) {
    object.set_gvk(&row.gvk());
    let metadata = object.metadata_mut();
    for field in [
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "selfLink",
        "generation",
    ] {
        metadata.remove(field);
    }
    metadata.insert("uid".into(), base::random::uuid().into());
    metadata.insert("creationTimestamp".into(), time::format(now).into());
    if row.generation {
        metadata.insert("generation".into(), 1.into());
    }
    object.set_meta("namespace", if row.namespaced() { namespace } else { "" });
}

/// Takes over what only the server changes, before the strategy sees an update.
pub fn keep_server_owned(row: &Resource, new: &mut Object, old: &Object) {
    new.set_gvk(&row.gvk());
    for field in SERVER_OWNED {
        keep(new, old, field);
    }
    // The strategy bumps it when the spec has changed.
    keep(new, old, "generation");
    new.metadata_mut().remove("selfLink");
    for field in ["uid", "name"] {
        if new.meta(field).is_empty() {
            new.set_meta(field, old.meta(field));
        }
    }
    if new.namespace().is_empty() || !row.namespaced() {
        new.set_meta("namespace", old.namespace());
    }
}

fn keep(new: &mut Object, old: &Object, field: &str) {
    match old.metadata().and_then(|m| m.get(field)) {
        Some(value) => {
            let value = value.clone();
            new.metadata_mut().insert(field.to_owned(), value);
        }
        None => {
            new.metadata_mut().remove(field);
        }
    }
}

/// Drops owner references that are there twice, and tells the client.
pub fn drop_repeated_owners(cx: &RequestCx, object: &mut Object) {
    if let Some(warning) = meta::dedup_owner_references(object) {
        cx.warn(warning);
    }
}

/// Checks uid and resourceVersion that the client requires of the stored object.
///
/// # Errors
/// Conflict, in upstream's words.
pub fn check_preconditions(
    row: &Resource,
    old: &Object,
    required: &Preconditions,
) -> Result<(), StatusError> {
    let mismatch = |what: &str, required: &Option<String>, actual: &str, tail: &str| {
        let required = required.as_deref()?;
        (required != actual).then(|| {
            let why = format!(
                "the {what} in the precondition ({required}) does not match the {what} in record \
                 ({actual}). The object might have been {tail}"
            );
            StatusError::conflict(&row.group_resource(), old.name(), &why)
        })
    };
    let uid = mismatch(
        "UID",
        &required.uid,
        old.uid(),
        "deleted and then recreated",
    );
    let version = &required.resource_version;
    let version = mismatch(
        "ResourceVersion",
        version,
        old.resource_version(),
        "modified",
    );
    uid.or(version).map_or(Ok(()), Err)
}

/// Checks that an object fits the path it was sent to.
///
/// # Errors
/// BadRequest, in upstream's words.
pub fn check_target(
    expected: &GroupVersionKind,
    object: &Object,
    target: Target<'_>,
) -> Result<(), StatusError> {
    let (name, namespace) = (object.name(), object.namespace());
    if !target.name.is_empty() && !name.is_empty() && name != target.name {
        return Err(StatusError::bad_request(format!(
            "the name of the object ({name}) does not match the name on the URL ({})",
            target.name
        )));
    }
    // A cluster-scoped object's namespace is dropped, not refused.
    let namespaced = !namespace.is_empty() && !target.namespace.is_empty();
    if namespaced && namespace != target.namespace {
        return Err(StatusError::bad_request(
            "the namespace of the provided object does not match the namespace sent on the request",
        ));
    }
    let sent = object.gvk();
    if sent.as_ref().is_some_and(|sent| sent != expected) {
        let sent = sent
            .map(|gvk| gvk.group_version().to_string())
            .unwrap_or_default();
        return Err(StatusError::bad_request(format!(
            "the API version in the data ({sent}) does not match the expected API version ({})",
            expected.group_version()
        )));
    }
    Ok(())
}
