//! Between the form that is stored and the version that a request speaks.
//!
//! What the registry answers is the stored form; [`show`] makes the version's of it, on the way
//! out and no earlier, because Tables and selectors read the stored form.

use apimachinery::{Encoded, Object, StatusError};
use bytes::{BufMut, BytesMut};
use resources::Served;
use schema::Facts;

/// The object as the version shows it, at the same revision. Shares the bytes where that is the
/// stored form, and copies them where only apiVersion differs.
///
/// # Errors
/// When the stored object cannot be decoded.
pub fn show(served: Served, stored: &Encoded) -> Result<Encoded, StatusError> {
    if served.is_stored() {
        return Ok(stored.clone());
    }
    if let Some(renamed) = with_version(served, stored) {
        return Ok(renamed);
    }
    let mut object = stored.to_object().map_err(StatusError::internal)?;
    from_stored(served, &mut object);
    if let Some(facts) = Facts::builtin().kind(&served.gvk()) {
        schema::normalize(&mut object, facts);
    }
    let (_, place) = stored.parts();
    let shown = Encoded::from_object(&object, stored.revision(), stored.trace);
    let (json, splice) = shown.parts();
    // What no store has seen (a dry run) has no revision in any version.
    let splice = splice.filter(|_| place.is_some());
    Ok(Encoded::from_parts(
        json.clone(),
        splice,
        stored.revision(),
        stored.trace,
    ))
}

/// The same bytes with another apiVersion, which canonical JSON begins with. `None` where more
/// differs.
fn with_version(served: Served, stored: &Encoded) -> Option<Encoded> {
    if served.version.convert.is_some() || served.row.stored_as.is_some() {
        return None;
    }
    let head = |version: String| format!("{{\"apiVersion\":\"{version}\"");
    let was = head(served.row.gvk().group_version().to_string());
    let is = head(served.gvk().group_version().to_string());
    let (json, splice) = stored.parts();
    let rest = json.strip_prefix(was.as_bytes())?;
    let mut renamed = BytesMut::with_capacity(is.len() + rest.len());
    renamed.put_slice(is.as_bytes());
    renamed.put_slice(rest);
    let splice = splice.map(|at| at - was.len() + is.len());
    Some(Encoded::from_parts(
        renamed.freeze(),
        splice,
        stored.revision(),
        stored.trace,
    ))
}

/// Turns a stored object into the version's.
pub(crate) fn from_stored(served: Served, object: &mut Object) {
    if served.is_stored() {
        return;
    }
    if let Some(convert) = served.version.convert {
        convert.from_stored(object);
    }
    object.set_gvk(&served.gvk());
}

/// Turns what a client sent into the stored form.
pub(crate) fn to_stored(served: Served, object: &mut Object) {
    if served.is_stored() {
        return;
    }
    if let Some(convert) = served.version.convert {
        convert.to_stored(object);
    }
    object.set_gvk(&served.row.stored_row().gvk());
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::TraceId;
    use resources::{Resource, Version};
    use serde_json::json;

    static VERSIONS: [Version; 2] = [Version::plain("v1"), Version::plain("v1beta1")];

    fn stored() -> Encoded {
        let object = json!({"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "a", "uid": "u"}});
        let object = Object::from_value(object).expect("an object");
        Encoded::from_object(&object, 7, TraceId::NONE)
    }

    fn row() -> &'static Resource {
        resources::by_kind("", "ConfigMap").expect("a row of the table")
    }

    #[test]
    fn the_stored_version_shares_its_bytes() {
        let stored = stored();
        let shown = show(row().into(), &stored).expect("readable");
        assert_eq!(shown.json().as_ptr(), stored.json().as_ptr());
    }

    #[test]
    fn another_name_of_the_same_form_is_spliced_in() {
        let served = Served {
            row: row(),
            version: &VERSIONS[1],
        };
        let shown = show(served, &stored()).expect("readable");
        let expected = r#"{"apiVersion":"v1beta1","kind":"ConfigMap","metadata":{"name":"a","resourceVersion":"7","uid":"u"}}"#;
        assert_eq!(shown.to_bytes(), expected);
    }

    #[test]
    fn a_dry_run_has_no_revision_in_any_version() {
        let events = resources::by_resource("events.k8s.io", "v1", "events");
        let object = json!({"apiVersion": "v1", "kind": "Event", "metadata": {"name": "a"}});
        let object = Object::from_value(object).expect("an object");
        let encoded = Encoded::from_object(&object, 0, TraceId::NONE);
        let dry = Encoded::from_parts(encoded.json().clone(), None, 0, TraceId::NONE);
        let shown = show(events.expect("served"), &dry).expect("readable");
        let expected =
            r#"{"apiVersion":"events.k8s.io/v1","kind":"Event","metadata":{"name":"a"}}"#;
        assert_eq!(shown.to_bytes(), expected);
    }
}
