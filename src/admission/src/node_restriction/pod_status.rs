//! Of a pod's status, a kubelet writes what it sees, not what steers others.

use apimachinery::Object;
use apimachinery::admission::Attributes;
use serde_json::{Map, Value};

use crate::request::{items, text};

pub(super) fn judge(node: &str, attributes: &Attributes<'_>, pod: &Object) -> Result<(), String> {
    let Some(old) = attributes.old else {
        return Ok(());
    };
    let why = if text(old, "/spec/nodeName") != node {
        "can only update pod status for pods with spec.nodeName set to itself"
    } else if labels(old) != labels(pod) {
        "cannot update labels through pod status"
    } else if claims(old) != claims(pod) {
        // The spelling is upstream's.
        "cannot update resource claim statues"
    } else if extended(old) != extended(pod) {
        "cannot update extended resource claim status"
    } else {
        return Ok(());
    };
    Err(format!("node {node:?} {why}"))
}

fn labels(pod: &Object) -> Option<&Map<String, Value>> {
    let labels = pod.at("/metadata/labels").and_then(Value::as_object);
    labels.filter(|labels| !labels.is_empty())
}

fn claims(pod: &Object) -> Vec<&Value> {
    items(pod, "/status/resourceClaimStatuses").collect()
}

fn extended(pod: &Object) -> Option<&Value> {
    let status = pod.at("/status/extendedResourceClaimStatus");
    status.filter(|status| !status.is_null())
}
