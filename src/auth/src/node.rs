//! The Node authorizer: a kubelet reads what its pods need and writes what is its own.
//!
//! Upstream lets a kubelet write any Node and any pod's status here and narrows that down in the
//! NodeRestriction admission plugin. Where the request itself names the object, this one narrows
//! it down already, in NodeRestriction's words; what only the body tells (a pod or Node being
//! created) is left to admission.

use std::sync::Arc;

use apimachinery::{FieldSelector, UserInfo};

use crate::bootstrap::node_rules;
use crate::decision::{Authorizer, AuthzAttributes, Decision};
use crate::rule::Rule;
use crate::rules::Rules;

/// What may stand in relation to a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NodeObject {
    Pod,
    Secret,
    ConfigMap,
    ServiceAccount,
    PersistentVolumeClaim,
    PersistentVolume,
    VolumeAttachment,
    ResourceClaim,
    ResourceSlice,
}

/// Knows which objects a node's pods refer to.
pub trait NodeGraph: Send + Sync {
    /// Whether a pod bound to `node` is, or refers to, this object. `namespace` is empty for
    /// cluster-scoped kinds.
    fn relates(&self, node: &str, kind: NodeObject, namespace: &str, name: &str) -> bool;
}

/// Answers for users in `system:nodes`; has no opinion on all others.
pub struct NodeAuthorizer {
    graph: Arc<dyn NodeGraph>,
    /// What every node may do: the rules of the ClusterRole `system:node`.
    rules: Vec<Rule>,
}

/// Why not; empty when there is nothing to add.
type Verdict = Result<(), String>;

impl NodeAuthorizer {
    #[must_use]
    pub fn new(graph: Arc<dyn NodeGraph>) -> Self {
        let rules = node_rules();
        Self { graph, rules }
    }

    fn judge(&self, node: &str, asked: &AuthzAttributes<'_>) -> Verdict {
        match (asked.group, asked.resource) {
            ("", "secrets") => self.read(node, NodeObject::Secret, asked),
            ("", "configmaps") => self.read(node, NodeObject::ConfigMap, asked),
            ("", "persistentvolumeclaims") if asked.subresource == "status" => {
                one_of(
                    asked,
                    &["update", "patch"],
                    "can only get/update/patch this type",
                )?;
                self.related(node, NodeObject::PersistentVolumeClaim, asked)
            }
            ("", "persistentvolumeclaims") => {
                self.get(node, NodeObject::PersistentVolumeClaim, asked)
            }
            ("", "persistentvolumes") => self.get(node, NodeObject::PersistentVolume, asked),
            ("resource.k8s.io", "resourceclaims") => {
                self.get(node, NodeObject::ResourceClaim, asked)
            }
            ("storage.k8s.io", "volumeattachments") => {
                self.get(node, NodeObject::VolumeAttachment, asked)
            }
            ("", "serviceaccounts") => self.service_account(node, asked),
            ("coordination.k8s.io", "leases") => lease(node, asked),
            ("storage.k8s.io", "csinodes") => csi_node(node, asked),
            ("resource.k8s.io", "resourceslices") => self.resource_slice(node, asked),
            ("", "nodes") => own_node(node, asked),
            ("", "pods") => self.pod(node, asked),
            _ => self.by_rules(asked),
        }
    }

    fn by_rules(&self, asked: &AuthzAttributes<'_>) -> Verdict {
        when(self.rules.iter().any(|rule| rule.allows(asked)), "")
    }

    fn related(&self, node: &str, kind: NodeObject, asked: &AuthzAttributes<'_>) -> Verdict {
        when(!asked.name.is_empty(), "No Object name found")?;
        if self.graph.relates(node, kind, asked.namespace, asked.name) {
            return Ok(());
        }
        Err(format!(
            "no relationship found between node '{node}' and this object"
        ))
    }

    fn get(&self, node: &str, kind: NodeObject, asked: &AuthzAttributes<'_>) -> Verdict {
        one_of(
            asked,
            &["get"],
            "can only get individual resources of this type",
        )?;
        when(asked.subresource.is_empty(), "cannot get subresource")?;
        self.related(node, kind, asked)
    }

    /// Secrets and ConfigMaps are also listed and watched, one by one.
    fn read(&self, node: &str, kind: NodeObject, asked: &AuthzAttributes<'_>) -> Verdict {
        one_of(
            asked,
            &["get", "list", "watch"],
            "can only read resources of this type",
        )?;
        when(asked.subresource.is_empty(), "cannot read subresource")?;
        let text = "can only read namespaced object of this type";
        when(!asked.namespace.is_empty(), text)?;
        self.related(node, kind, asked)
    }

    /// The object itself (for image credentials) and tokens for it.
    fn service_account(&self, node: &str, asked: &AuthzAttributes<'_>) -> Verdict {
        if asked.subresource.is_empty() && asked.verb == "get" {
            return self.related(node, NodeObject::ServiceAccount, asked);
        }
        let text = "can only create tokens for individual service accounts";
        when(asked.verb == "create" && !asked.name.is_empty(), text)?;
        let text = "can only create token subresource of serviceaccount";
        when(asked.subresource == "token", text)?;
        self.related(node, NodeObject::ServiceAccount, asked)
    }

    fn pod(&self, node: &str, asked: &AuthzAttributes<'_>) -> Verdict {
        let own = |why: &str| {
            let pods = NodeObject::Pod;
            let own = self.graph.relates(node, pods, asked.namespace, asked.name);
            let text = format!("node {node:?} can only {why} with spec.nodeName set to itself");
            if own { Ok(()) } else { Err(text) }
        };
        match (asked.subresource, asked.verb) {
            ("", "get") => self.get(node, NodeObject::Pod, asked),
            ("", "list" | "watch") if selects(asked, "spec.nodeName", node) => Ok(()),
            ("", "list" | "watch") if !asked.name.is_empty() => {
                self.related(node, NodeObject::Pod, asked)
            }
            ("", "list" | "watch") => {
                Err("can only list/watch pods with spec.nodeName field selector".into())
            }
            // A mirror pod; admission sees the body.
            ("", "create") => Ok(()),
            ("", "delete") => own("delete pods"),
            ("status", "update" | "patch") => own("update pod status for pods"),
            ("eviction", "create") => own("evict pods"),
            _ => Err(String::new()),
        }
    }

    fn resource_slice(&self, node: &str, asked: &AuthzAttributes<'_>) -> Verdict {
        let text = "cannot authorize ResourceSlice subresources";
        when(asked.subresource.is_empty(), text)?;
        match asked.verb {
            // Admission compares the body's node.
            "create" => Ok(()),
            "get" | "update" | "patch" | "delete" => {
                self.related(node, NodeObject::ResourceSlice, asked)
            }
            "watch" | "list" | "deletecollection" => when(
                selects(asked, "spec.nodeName", node),
                "can only list/watch/deletecollection resourceslices with nodeName field selector",
            ),
            _ => Err(
                "only the following verbs are allowed for a ResourceSlice: get, watch, list, \
                 create, update, patch, delete, deletecollection"
                    .into(),
            ),
        }
    }
}

impl Authorizer for NodeAuthorizer {
    fn authorize(&self, attributes: &AuthzAttributes<'_>) -> Decision {
        let user = attributes.user;
        let Some(node) = user.node_name() else {
            return Decision::NoOpinion("".into());
        };
        if node.is_empty() {
            let text = format!("unknown node for user {:?}", user.name);
            return Decision::NoOpinion(text.into());
        }
        match self.judge(node, attributes) {
            Ok(()) => Decision::Allow("".into()),
            Err(why) => Decision::NoOpinion(why.into()),
        }
    }

    fn rules(&self, user: &UserInfo, _namespace: &str) -> Rules {
        let is_node = user.node_name().is_some();
        let text = "node authorizer does not support user rule resolution";
        Rules {
            rules: Vec::new(),
            incomplete: is_node,
            errors: is_node.then(|| text.to_owned()).into_iter().collect(),
        }
    }
}

fn when(holds: bool, otherwise: &str) -> Verdict {
    if holds { Ok(()) } else { Err(otherwise.into()) }
}

fn one_of(asked: &AuthzAttributes<'_>, verbs: &[&str], otherwise: &str) -> Verdict {
    when(verbs.contains(&asked.verb), otherwise)
}

/// Whether the request's field selector demands `field` to be `value`; one that cannot be parsed
/// demands nothing.
fn selects(asked: &AuthzAttributes<'_>, field: &str, value: &str) -> bool {
    FieldSelector::parse(asked.field_selector)
        .is_ok_and(|selector| selector.exact(field) == Some(value))
}

fn lease(node: &str, asked: &AuthzAttributes<'_>) -> Verdict {
    let verbs = ["get", "create", "update", "patch", "delete"];
    let text = "can only get, create, update, patch, or delete a node lease";
    one_of(asked, &verbs, text)?;
    let text = "can only access leases in the \"kube-node-lease\" system namespace";
    when(asked.namespace == "kube-node-lease", text)?;
    let text = "can only access node lease with the same name as the requesting node";
    own_name(node, asked, text)
}

fn csi_node(node: &str, asked: &AuthzAttributes<'_>) -> Verdict {
    let verbs = ["get", "create", "update", "patch", "delete"];
    let text = "can only get, create, update, patch, or delete a CSINode";
    one_of(asked, &verbs, text)?;
    let text = "cannot authorize CSINode subresources";
    when(asked.subresource.is_empty(), text)?;
    let text = "can only access CSINode with the same name as the requesting node";
    own_name(node, asked, text)
}

/// A create does not say the name: admission sees the body.
fn own_name(node: &str, asked: &AuthzAttributes<'_>, otherwise: &str) -> Verdict {
    when(asked.verb == "create" || asked.name == node, otherwise)
}

/// The name is compared, not looked up: a kubelet reads its Node before there is one.
fn own_node(node: &str, asked: &AuthzAttributes<'_>) -> Verdict {
    let name = asked.name;
    match (asked.subresource, asked.verb) {
        ("", "create") => Ok(()),
        ("", "get" | "list" | "watch") if name == node => Ok(()),
        // A watch of one object by its name is a watch of that object.
        ("", "list" | "watch") if selects(asked, "metadata.name", node) => Ok(()),
        ("", "get" | "list" | "watch") if name.is_empty() => Err(format!(
            "node '{node}' cannot read all nodes, only its own Node object"
        )),
        ("", "get" | "list" | "watch") => Err(format!(
            "node '{node}' cannot read '{name}', only its own Node object"
        )),
        ("" | "status", "update" | "patch") if name == node => Ok(()),
        ("" | "status", "update" | "patch") => Err(format!(
            "node {node:?} is not allowed to modify node {name:?}"
        )),
        _ => Err(String::new()),
    }
}

#[cfg(test)]
mod tests;
