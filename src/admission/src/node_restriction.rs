//! A kubelet writes what is its own: the half of the Node authorizer that needs the body.

mod claim_status;
mod labels;
mod mirror_pod;
mod pod_status;
mod token;

use std::sync::Arc;

use apimachinery::admission::{Attributes, Operation, Pass, Plugin};
use apimachinery::{Object, StatusError};
use futures::future::BoxFuture;
use serde_json::Value;

use crate::request::{forbidden, is_about, items, text};
use crate::sources::{AudienceSource, ObjectSource};

/// Judges users in `system:nodes` only.
pub struct NodeRestriction {
    objects: Arc<dyn ObjectSource>,
    audiences: Arc<dyn AudienceSource>,
}

impl NodeRestriction {
    #[must_use]
    pub fn new(objects: Arc<dyn ObjectSource>, audiences: Arc<dyn AudienceSource>) -> Self {
        Self { objects, audiences }
    }

    async fn judge(
        &self,
        node: &str,
        attributes: &Attributes<'_>,
        object: Option<&Object>,
    ) -> Result<(), StatusError> {
        let refuse = |why: String| forbidden(attributes, &why);
        let Some(object) = object else {
            return removal(node, attributes).map_err(refuse);
        };
        let is_new = attributes.operation == Operation::Create;
        let (resource, subresource) = (attributes.resource, attributes.subresource);
        match (&*resource.group, &*resource.resource, subresource) {
            ("", "pods", "") if is_new => {
                mirror_pod::judge(node, object).map_err(refuse)?;
                self.owned_by_this_node(node, attributes, object).await
            }
            ("", "pods", "status") => pod_status::judge(node, attributes, object).map_err(refuse),
            ("", "serviceaccounts", "token") if is_new => {
                self.token(node, attributes, object).await
            }
            ("", "persistentvolumeclaims", "status") => {
                claim_status::judge(node, attributes, object).map_err(refuse)
            }
            // `/status` carries metadata too.
            ("", "nodes", _) => own_node(node, attributes, object).map_err(refuse),
            _ => named(node, attributes, object).map_err(refuse),
        }
    }
}

impl Plugin for NodeRestriction {
    fn name(&self) -> &'static str {
        "NodeRestriction"
    }

    fn handles(&self, pass: Pass, operation: Operation) -> bool {
        pass == Pass::Validate && operation != Operation::Connect
    }

    fn validate<'a>(
        &'a self,
        attributes: &'a Attributes<'a>,
        object: Option<&'a Object>,
    ) -> BoxFuture<'a, Result<(), StatusError>> {
        match attributes.cx.user.node_name() {
            Some(node) => Box::pin(self.judge(node, attributes, object)),
            None => Box::pin(std::future::ready(Ok(()))),
        }
    }
}

/// Of each object of a collection, too, of which the authorizer sees no name.
fn removal(node: &str, attributes: &Attributes<'_>) -> Result<(), String> {
    let own = attributes
        .old
        .is_some_and(|old| text(old, "/spec/nodeName") == node);
    if own {
        return Ok(());
    }
    if is_about(attributes, "", "pods") {
        let text = "can only delete pods with spec.nodeName set to itself";
        return Err(format!("node {node:?} {text}"));
    }
    if is_about(attributes, "resource.k8s.io", "resourceslices") {
        let text = "can only delete ResourceSlice with the same NodeName as the requesting node";
        return Err(text.to_owned());
    }
    Ok(())
}

/// Objects that say in the body whose they are.
fn named(node: &str, attributes: &Attributes<'_>, object: &Object) -> Result<(), String> {
    let is_new = attributes.operation == Operation::Create;
    let (own, why) = match (&*attributes.resource.group, &*attributes.resource.resource) {
        ("coordination.k8s.io", "leases") if attributes.namespace != "kube-node-lease" => (
            false,
            "can only access leases in the \"kube-node-lease\" system namespace",
        ),
        ("coordination.k8s.io", "leases") => (
            object.name() == node,
            "can only access node lease with the same name as the requesting node",
        ),
        ("storage.k8s.io", "csinodes") => (
            object.name() == node,
            "can only access CSINode with the same name as the requesting node",
        ),
        ("resource.k8s.io", "resourceslices") if is_new => (
            text(object, "/spec/nodeName") == node,
            "can only create ResourceSlice with the same NodeName as the requesting node",
        ),
        _ => return Ok(()),
    };
    if own { Ok(()) } else { Err(why.to_owned()) }
}

fn own_node(node: &str, attributes: &Attributes<'_>, object: &Object) -> Result<(), String> {
    if object.name() != node {
        return Err(format!(
            "node {node:?} is not allowed to modify node {:?}",
            object.name()
        ));
    }
    let Some(old) = attributes.old else {
        let set = labels::forbidden(object, None);
        let text = "is not allowed to set the following labels";
        return none(&set, || format!("node {node:?} {text}: {set}"));
    };
    let all = |node: &Object, list: &str| -> Vec<Value> { items(node, list).cloned().collect() };
    // Whoever owns it can have it collected, taints and all.
    for (list, what) in [
        ("/spec/taints", "taints"),
        ("/metadata/ownerReferences", "ownerReferences"),
    ] {
        if all(old, list) != all(object, list) {
            return Err(format!("node {node:?} is not allowed to modify {what}"));
        }
    }
    let changed = labels::forbidden(object, Some(old));
    none(&changed, || {
        format!("is not allowed to modify labels: {changed}")
    })
}

fn none(found: &str, otherwise: impl FnOnce() -> String) -> Result<(), String> {
    if found.is_empty() {
        Ok(())
    } else {
        Err(otherwise())
    }
}

#[cfg(test)]
mod tests;
