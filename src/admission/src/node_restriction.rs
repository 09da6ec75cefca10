//! A kubelet writes what is its own: the half of the Node authorizer that needs the body.

use apimachinery::admission::{Attributes, Operation, Plugin};
use apimachinery::{Object, StatusError, UserInfo};
use futures::future::BoxFuture;
use serde_json::Value;

use crate::request::{MIRROR, forbidden, is_about, items, text};

/// Labels under this prefix are the administrator's, to keep workloads off a node that has been
/// broken into.
const RESTRICTED_LABELS: &str = "node-restriction.kubernetes.io";

/// Judges users in `system:nodes` only. Other labels of the kubernetes.io domain, which upstream
/// refuses here too, are let through: the kubelet of rk3s sets its own roles.
#[derive(Clone, Copy, Debug)]
pub struct NodeRestriction;

impl Plugin for NodeRestriction {
    fn name(&self) -> &'static str {
        "NodeRestriction"
    }

    fn validate<'a>(
        &'a self,
        attributes: &'a Attributes<'a>,
        object: Option<&'a Object>,
    ) -> BoxFuture<'a, Result<(), StatusError>> {
        let answer = match (node_of(&attributes.cx.user), object) {
            (Some(node), Some(object)) => judge(node, attributes, object),
            _ => Ok(()),
        };
        let answer = answer.map_err(|why| forbidden(attributes, &why));
        Box::pin(std::future::ready(answer))
    }
}

fn node_of(user: &UserInfo) -> Option<&str> {
    let node = user.name.strip_prefix("system:node:")?;
    user.in_group("system:nodes").then_some(node)
}

fn judge(node: &str, attributes: &Attributes<'_>, object: &Object) -> Result<(), String> {
    let about = |group, resource| is_about(attributes, group, resource);
    match attributes.operation {
        Operation::Create if about("", "pods") => mirror_pod(node, object),
        Operation::Create if about("coordination.k8s.io", "leases") => lease(node, object),
        // `/status` carries metadata too.
        Operation::Create | Operation::Update if is_of("", "nodes", attributes) => {
            own_node(node, attributes, object)
        }
        _ => Ok(()),
    }
}

/// About the resource or any of its subresources.
fn is_of(group: &str, resource: &str, attributes: &Attributes<'_>) -> bool {
    attributes.resource.group == group && attributes.resource.resource == resource
}

/// All that a kubelet creates are copies of its static pods, which open nothing to it.
fn mirror_pod(node: &str, pod: &Object) -> Result<(), String> {
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
    let owners = pod.owner_references();
    let own = |owner: &apimachinery::OwnerReference| {
        owner.api_version == "v1" && owner.kind == "Node" && owner.name == node
    };
    if owners.len() > 1 {
        return Err(format!(
            "node {node:?} can only create pods with a single owner reference set to itself"
        ));
    }
    if !owners.iter().all(own) || owners.is_empty() {
        return Err(format!(
            "node {node:?} can only create pods with an owner reference set to itself"
        ));
    }
    if !text(pod, "/spec/serviceAccountName").is_empty() {
        return Err(format!(
            "node {node:?} can not create pods that reference a service account"
        ));
    }
    match opened_volume(pod) {
        Some(what) => Err(format!(
            "node {node:?} can not create pods that reference {what}"
        )),
        None => Ok(()),
    }
}

fn opened_volume(pod: &Object) -> Option<&'static str> {
    let sources = [
        ("secret", "secrets"),
        ("configMap", "configmaps"),
        ("persistentVolumeClaim", "persistentvolumeclaims"),
        ("ephemeral", "persistentvolumeclaims"),
        ("projected", "projected volumes"),
    ];
    items(pod, "/spec/volumes").find_map(|volume| {
        let mut sources = sources.iter();
        let found = sources.find(|(field, _)| volume.get(field).is_some_and(|v| !v.is_null()));
        found.map(|(_, what)| *what)
    })
}

fn lease(node: &str, lease: &Object) -> Result<(), String> {
    if lease.name() == node {
        return Ok(());
    }
    Err("can only access node lease with the same name as the requesting node".into())
}

fn own_node(node: &str, attributes: &Attributes<'_>, object: &Object) -> Result<(), String> {
    if object.name() != node {
        return Err(format!(
            "node {node:?} is not allowed to modify node {:?}",
            object.name()
        ));
    }
    let old = attributes.old;
    let changed = restricted_labels(object, old);
    if !changed.is_empty() {
        let verb = if old.is_some() {
            "modify"
        } else {
            "set the following"
        };
        return Err(format!("is not allowed to {verb} labels: {changed}"));
    }
    let taints = |node: &Object| -> Vec<Value> { items(node, "/spec/taints").cloned().collect() };
    if old.is_some_and(|old| taints(old) != taints(object)) {
        return Err(format!("node {node:?} is not allowed to modify taints"));
    }
    Ok(())
}

/// The restricted labels that differ, in order.
fn restricted_labels(new: &Object, old: Option<&Object>) -> String {
    let keys = |object: &Object| -> Vec<String> {
        let labels = object.at("/metadata/labels").and_then(Value::as_object);
        labels.into_iter().flat_map(|l| l.keys().cloned()).collect()
    };
    let mut all = keys(new);
    all.extend(old.into_iter().flat_map(keys));
    all.retain(|key| {
        let prefix = key.split_once('/').map_or("", |(prefix, _)| prefix);
        let restricted =
            prefix == RESTRICTED_LABELS || prefix.ends_with(&format!(".{RESTRICTED_LABELS}"));
        restricted && new.label(key) != old.and_then(|old| old.label(key))
    });
    all.sort();
    all.dedup();
    all.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Request;
    use expect_test::expect;
    use serde_json::json;

    fn mirror() -> Value {
        json!({
            "metadata": {
                "annotations": {MIRROR: "x"},
                "ownerReferences": [
                    {"apiVersion": "v1", "kind": "Node", "name": "n1", "uid": "u", "controller": true},
                ],
            },
            "spec": {"nodeName": "n1", "volumes": [{"name": "a", "hostPath": {"path": "/"}}]},
        })
    }

    fn node(name: &str, labels: Value, taints: Value) -> Value {
        json!({"metadata": {"name": name, "labels": labels}, "spec": {"taints": taints}})
    }

    /// A mirror pod with one value changed.
    fn mirror_with(pointer: &str, field: &str, value: Value) -> Value {
        let mut pod = mirror();
        pod.pointer_mut(pointer).expect("there")[field] = value;
        pod
    }

    #[tokio::test]
    async fn refusals_read_as_upstreams() {
        let pods = || Request::create("pods", "ns", "web");
        let leases =
            || Request::create("leases", "kube-node-lease", "").group("coordination.k8s.io");
        let nodes = || Request::create("nodes", "", "n1");
        let plain = || node("n1", json!({}), json!([]));
        let restricted = json!({"a.node-restriction.kubernetes.io/x": "y", "free": "z"});
        let owner = json!({"apiVersion": "v1", "kind": "Node", "name": "n2", "uid": "u"});
        let two = json!([owner, owner]);
        let rows = [
            ("mirror pod", pods(), mirror()),
            ("plain pod", pods(), json!({"spec": {"nodeName": "n1"}})),
            (
                "elsewhere",
                pods(),
                mirror_with("/spec", "nodeName", json!("n2")),
            ),
            (
                "no owner",
                pods(),
                mirror_with("/metadata", "ownerReferences", json!([])),
            ),
            (
                "two owners",
                pods(),
                mirror_with("/metadata", "ownerReferences", two),
            ),
            (
                "another owner",
                pods(),
                mirror_with("/metadata", "ownerReferences", json!([owner])),
            ),
            (
                "account",
                pods(),
                mirror_with("/spec", "serviceAccountName", json!("robot")),
            ),
            (
                "secret",
                pods(),
                mirror_with("/spec/volumes/0", "secret", json!({})),
            ),
            (
                "claim",
                pods(),
                mirror_with("/spec/volumes/0", "ephemeral", json!({})),
            ),
            ("own lease", leases(), json!({"metadata": {"name": "n1"}})),
            (
                "another lease",
                leases(),
                json!({"metadata": {"name": "n2"}}),
            ),
            (
                "own node",
                nodes(),
                node("n1", json!({"kubernetes.io/os": "linux"}), json!([])),
            ),
            ("another node", nodes(), node("n2", json!({}), json!([]))),
            (
                "new label",
                nodes(),
                node("n1", restricted.clone(), json!([])),
            ),
            (
                "lost label",
                nodes().update(node("n1", restricted.clone(), json!([]))),
                plain(),
            ),
            (
                "kept label",
                nodes().update(node("n1", restricted.clone(), json!([]))),
                node("n1", restricted, json!([])),
            ),
            (
                "taints",
                nodes().update(plain()),
                node("n1", json!({}), json!([{"key": "a"}])),
            ),
        ];
        let mut shown = String::new();
        for (what, request, object) in rows {
            let admitted = request
                .by(UserInfo::node("n1"))
                .admit(&NodeRestriction, object)
                .await;
            let answer = admitted.map_or_else(|error| error.to_string(), |_| "admitted".into());
            shown += &format!("{what}: {answer}\n");
        }
        expect![[r#"
            mirror pod: admitted
            plain pod: pods "web" is forbidden: pod does not have "kubernetes.io/config.mirror" annotation, node "n1" can only create mirror pods
            elsewhere: pods "web" is forbidden: node "n1" can only create pods with spec.nodeName set to itself
            no owner: pods "web" is forbidden: node "n1" can only create pods with an owner reference set to itself
            two owners: pods "web" is forbidden: node "n1" can only create pods with a single owner reference set to itself
            another owner: pods "web" is forbidden: node "n1" can only create pods with an owner reference set to itself
            account: pods "web" is forbidden: node "n1" can not create pods that reference a service account
            secret: pods "web" is forbidden: node "n1" can not create pods that reference secrets
            claim: pods "web" is forbidden: node "n1" can not create pods that reference persistentvolumeclaims
            own lease: admitted
            another lease: leases.coordination.k8s.io is forbidden: can only access node lease with the same name as the requesting node
            own node: admitted
            another node: nodes "n1" is forbidden: node "n1" is not allowed to modify node "n2"
            new label: nodes "n1" is forbidden: is not allowed to set the following labels: a.node-restriction.kubernetes.io/x
            lost label: nodes "n1" is forbidden: is not allowed to modify labels: a.node-restriction.kubernetes.io/x
            kept label: admitted
            taints: nodes "n1" is forbidden: node "n1" is not allowed to modify taints
        "#]].assert_eq(&shown);
    }

    #[tokio::test]
    async fn others_are_not_judged() {
        let request = Request::create("pods", "ns", "web");
        let admitted = request.admit(&NodeRestriction, json!({"spec": {}})).await;
        admitted.expect("not a node");
    }
}
