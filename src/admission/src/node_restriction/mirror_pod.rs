//! What a kubelet creates are copies of its static pods, which open nothing to it.

use api::references::{Referent, references};
use apimachinery::admission::Attributes;
use apimachinery::{GroupResource, Object, OwnerReference, StatusError};

use super::NodeRestriction;
use crate::request::{MIRROR, forbidden, items, text};

pub(super) fn judge(node: &str, pod: &Object) -> Result<(), String> {
    if pod.annotation(MIRROR).is_none() {
        return Err(format!(
            "pod does not have {MIRROR:?} annotation, node {node:?} can only create mirror pods"
        ));
    }
    if text(pod, "/spec/nodeName") != node {
        return Err(format!(
            "node {node:?} can only create pods with spec.nodeName set to itself"
        ));
    }
    owner(node, &pod.owner_references())?;
    match referent(pod) {
        Some(what) => Err(format!(
            "node {node:?} can not create pods that reference {what}"
        )),
        None => Ok(()),
    }
}

fn owner(node: &str, owners: &[OwnerReference]) -> Result<(), String> {
    let needed = match owners {
        [] => "can only create pods with an owner reference set to itself",
        [owner] if owner.api_version != "v1" || owner.kind != "Node" || owner.name != node => {
            "can only create pods with an owner reference set to itself"
        }
        [owner] if owner.controller != Some(true) => {
            "can only create pods with a controller owner reference set to itself"
        }
        [owner] if owner.block_owner_deletion == Some(true) => {
            "must not set blockOwnerDeletion on an owner reference"
        }
        [_] => return Ok(()),
        _ => "can only create pods with a single owner reference set to itself",
    };
    Err(format!("node {node:?} {needed}"))
}

/// What the Node authorizer would open to the pod's node, were it not a mirror pod. References
/// without a name count, as in upstream's fields that are merely there.
fn referent(pod: &Object) -> Option<&'static str> {
    let found = references(pod);
    let order = [
        (Referent::ServiceAccount, "a service account"),
        (Referent::Secret, "secrets"),
        (Referent::ConfigMap, "configmaps"),
        (Referent::PersistentVolumeClaim, "persistentvolumeclaims"),
        (Referent::ResourceClaim, "resourceclaims"),
    ];
    let named = order
        .iter()
        .find(|(kind, _)| found.iter().any(|(referent, _)| referent == kind));
    named.map(|(_, what)| *what).or_else(|| unnamed(pod))
}

fn unnamed(pod: &Object) -> Option<&'static str> {
    let fields = [
        ("/secret", "secrets"),
        ("/configMap", "configmaps"),
        ("/persistentVolumeClaim", "persistentvolumeclaims"),
        ("/ephemeral", "persistentvolumeclaims"),
    ];
    let volumes = || items(pod, "/spec/volumes");
    let there = |value: Option<&serde_json::Value>| value.is_some_and(|value| !value.is_null());
    for (field, what) in fields {
        if volumes().any(|volume| there(volume.pointer(field))) {
            return Some(what);
        }
    }
    let mut sources = volumes()
        .filter_map(|volume| volume.pointer("/projected/sources")?.as_array())
        .flatten();
    if sources.any(|source| there(source.get("clusterTrustBundle"))) {
        return Some("clustertrustbundles");
    }
    let claims = items(pod, "/spec/resourceClaims").next();
    claims.map(|_| "resourceclaims")
}

impl NodeRestriction {
    /// Whether the owner is the Node that there is, not an earlier one of its name.
    pub(super) async fn owned_by_this_node(
        &self,
        node: &str,
        attributes: &Attributes<'_>,
        pod: &Object,
    ) -> Result<(), StatusError> {
        let found = self.objects.get("", "Node", "", node).await?;
        let nodes = GroupResource::new("", "nodes");
        let found = found.ok_or_else(|| StatusError::not_found(&nodes, node))?;
        let owners = pod.owner_references();
        let claimed = owners.first().map_or("", |owner| &owner.uid);
        if claimed == found.uid() {
            return Ok(());
        }
        let actual = found.uid();
        let why = format!("node {node} UID mismatch: expected {claimed} got {actual}");
        Err(forbidden(attributes, &why))
    }
}
