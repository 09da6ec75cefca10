//! Readings of a request that several plugins need.

use apimachinery::admission::{Attributes, Operation};
use apimachinery::{Encoded, Object, StatusError};
use serde_json::{Map, Value};

/// Set on the API's copy of a static pod.
pub(crate) const MIRROR: &str = "kubernetes.io/config.mirror";

/// Whether the request is about this resource itself, not a subresource.
pub(crate) fn is_about(attributes: &Attributes<'_>, group: &str, resource: &str) -> bool {
    attributes.subresource.is_empty()
        && attributes.resource.group == group
        && attributes.resource.resource == resource
}

pub(crate) fn is_pod(attributes: &Attributes<'_>) -> bool {
    is_about(attributes, "", "pods")
}

pub(crate) fn creates_pod(attributes: &Attributes<'_>) -> bool {
    attributes.operation == Operation::Create && is_pod(attributes)
}

/// `pods "web" is forbidden: …`
pub(crate) fn forbidden(attributes: &Attributes<'_>, why: &str) -> StatusError {
    StatusError::forbidden(&attributes.resource.group_resource(), attributes.name, why)
}

/// A text at a JSON pointer; empty when absent, as in Go.
pub(crate) fn text<'a>(object: &'a Object, pointer: &str) -> &'a str {
    object.at(pointer).and_then(Value::as_str).unwrap_or("")
}

/// A stored object.
pub(crate) fn decoded(object: &Encoded) -> Result<Object, StatusError> {
    object.to_object().map_err(StatusError::internal)
}

/// The items of an array at a JSON pointer; none when absent.
pub(crate) fn items<'a>(object: &'a Object, pointer: &str) -> impl Iterator<Item = &'a Value> {
    let list = object.at(pointer).and_then(Value::as_array);
    list.into_iter().flatten()
}

/// Adds to the end of a list that may be absent or null.
pub(crate) fn append(
    map: &mut Map<String, Value>,
    field: &str,
    added: impl IntoIterator<Item = Value>,
) {
    let list = map.entry(field).or_insert(Value::Null);
    if !list.is_array() {
        *list = Value::Array(Vec::new());
    }
    list.as_array_mut()
        .expect("just made an array")
        .extend(added);
}
