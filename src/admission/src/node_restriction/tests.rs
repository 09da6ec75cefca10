use std::sync::Arc;

use apimachinery::UserInfo;

use super::*;
use crate::request::MIRROR;
use crate::testing::{Cluster, Request};
use expect_test::expect;
use serde_json::json;

fn plugin() -> NodeRestriction {
    let token = |audience: &str| json!({"serviceAccountToken": {"audience": audience}});
    let pod = |name: &str, node: &str, volumes: Value| {
        json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"namespace": "ns", "name": name, "uid": name},
            "spec": {"nodeName": node, "volumes": volumes},
        })
    };
    let cluster = Cluster::of([
        json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1", "uid": "u"}}),
        pod("elsewhere", "n2", json!([])),
        pod("none", "n1", json!([])),
        pod(
            "own",
            "n1",
            json!([{"projected": {"sources": [token("")]}}]),
        ),
        pod(
            "vault",
            "n1",
            json!([{"projected": {"sources": [token("vault")]}}]),
        ),
        pod(
            "csi",
            "n1",
            json!([{"name": "a", "csi": {"driver": "d.io"}}]),
        ),
        pod(
            "claim",
            "n1",
            json!([{"name": "a", "persistentVolumeClaim": {"claimName": "c"}}]),
        ),
        pod(
            "made",
            "n1",
            json!([{"name": "a", "ephemeral": {"volumeClaimTemplate": {}}}]),
        ),
        json!({
            "apiVersion": "storage.k8s.io/v1", "kind": "CSIDriver", "metadata": {"name": "d.io"},
            "spec": {"tokenRequests": [{"audience": "cloud"}]},
        }),
        json!({
            "apiVersion": "v1", "kind": "PersistentVolumeClaim",
            "metadata": {"namespace": "ns", "name": "c"}, "spec": {"volumeName": "v"},
        }),
        json!({
            "apiVersion": "v1", "kind": "PersistentVolumeClaim",
            "metadata": {"namespace": "ns", "name": "made-a"}, "spec": {},
        }),
        json!({
            "apiVersion": "v1", "kind": "PersistentVolume",
            "metadata": {"name": "v"}, "spec": {"csi": {"driver": "d.io"}},
        }),
    ]);
    let cluster = Arc::new(cluster);
    NodeRestriction::new(cluster.clone(), cluster)
}

async fn answer(request: Request, object: Value) -> String {
    let plugin = plugin();
    let admitted = request.by(UserInfo::node("n1")).admit(&plugin, object);
    admitted
        .await
        .map_or_else(|error| error.to_string(), |_| "admitted".into())
}

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
    let leases = || Request::create("leases", "kube-node-lease", "").group("coordination.k8s.io");
    let nodes = || Request::create("nodes", "", "n1");
    let slices = || Request::create("resourceslices", "", "s").group("resource.k8s.io");
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
            "a role",
            nodes(),
            node(
                "n1",
                json!({"node-role.kubernetes.io/etcd": "true"}),
                json!([]),
            ),
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
            "new owner",
            nodes().update(plain()),
            json!({"metadata": {"name": "n1", "ownerReferences": [owner]}}),
        ),
        (
            "own CSINode",
            Request::create("csinodes", "", "").group("storage.k8s.io"),
            json!({"metadata": {"name": "n1"}}),
        ),
        (
            "another CSINode",
            Request::create("csinodes", "", "").group("storage.k8s.io"),
            json!({"metadata": {"name": "n2"}}),
        ),
        (
            "own slice",
            slices(),
            json!({"metadata": {"name": "s"}, "spec": {"nodeName": "n1"}}),
        ),
        (
            "another slice",
            slices(),
            json!({"metadata": {"name": "s"}, "spec": {"nodeName": "n2"}}),
        ),
        ("deleted slice", slices().delete(), json!({})),
        ("deleted pod", pods().delete(), json!({})),
        (
            "taints",
            nodes().update(plain()),
            node("n1", json!({}), json!([{"key": "a"}])),
        ),
    ];
    let mut shown = String::new();
    for (what, request, object) in rows {
        shown += &format!("{what}: {}\n", answer(request, object).await);
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
        new label: nodes "n1" is forbidden: node "n1" is not allowed to set the following labels: a.node-restriction.kubernetes.io/x
        a role: nodes "n1" is forbidden: node "n1" is not allowed to set the following labels: node-role.kubernetes.io/etcd
        lost label: nodes "n1" is forbidden: is not allowed to modify labels: a.node-restriction.kubernetes.io/x
        kept label: admitted
        new owner: nodes "n1" is forbidden: node "n1" is not allowed to modify ownerReferences
        own CSINode: admitted
        another CSINode: csinodes.storage.k8s.io is forbidden: can only access CSINode with the same name as the requesting node
        own slice: admitted
        another slice: resourceslices.resource.k8s.io "s" is forbidden: can only create ResourceSlice with the same NodeName as the requesting node
        deleted slice: resourceslices.resource.k8s.io "s" is forbidden: can only delete ResourceSlice with the same NodeName as the requesting node
        deleted pod: pods "web" is forbidden: node "n1" can only delete pods with spec.nodeName set to itself
        taints: nodes "n1" is forbidden: node "n1" is not allowed to modify taints
    "#]].assert_eq(&shown);
}

#[tokio::test]
async fn others_are_not_judged() {
    let request = Request::create("pods", "ns", "web");
    let admitted = request.admit(&plugin(), json!({"spec": {}})).await;
    admitted.expect("not a node");
}

/// Whatever a pod can refer to, a mirror pod of a kubelet cannot: it could read it then.
#[tokio::test]
async fn mirror_pods_refer_to_nothing() {
    let container = |field: &str, value: Value| json!([{"name": "c", field: value}]);
    let env = |source: &str| container("env", json!([{"valueFrom": {source: {"name": "x"}}}]));
    let from = |source: &str| container("envFrom", json!([{source: {"name": "x"}}]));
    let volume = |source: Value| json!([source]);
    let secret = |kind: &str| volume(json!({kind: {"secretRef": {"name": "x"}}}));
    let rows = [
        ("imagePullSecrets", json!([{"name": "x"}]), "secrets"),
        ("containers", env("secretKeyRef"), "secrets"),
        ("initContainers", env("configMapKeyRef"), "configmaps"),
        ("containers", from("secretRef"), "secrets"),
        ("ephemeralContainers", from("configMapRef"), "configmaps"),
        ("volumes", secret("cephfs"), "secrets"),
        ("volumes", secret("flexVolume"), "secrets"),
        (
            "volumes",
            volume(json!({"azureFile": {"secretName": "x"}})),
            "secrets",
        ),
        (
            "volumes",
            volume(json!({"csi": {"nodePublishSecretRef": {"name": "x"}}})),
            "secrets",
        ),
        (
            "volumes",
            volume(json!({"projected": {"sources": [{"secret": {"name": "x"}}]}})),
            "secrets",
        ),
        (
            "volumes",
            volume(json!({"projected": {"sources": [{"clusterTrustBundle": {}}]}})),
            "clustertrustbundles",
        ),
        (
            "volumes",
            volume(json!({"persistentVolumeClaim": {"claimName": "x"}})),
            "persistentvolumeclaims",
        ),
        (
            "resourceClaims",
            json!([{"name": "a", "resourceClaimName": "x"}]),
            "resourceclaims",
        ),
        (
            "resourceClaims",
            json!([{"name": "a", "resourceClaimTemplateName": "x"}]),
            "resourceclaims",
        ),
    ];
    for (field, value, what) in rows {
        let pod = mirror_with("/spec", field, value.clone());
        let expected = format!(
            "pods \"web\" is forbidden: node \"n1\" can not create pods that reference {what}"
        );
        let answer = answer(Request::create("pods", "ns", "web"), pod).await;
        assert_eq!(answer, expected, "{field}: {value}");
    }
}

#[tokio::test]
async fn tokens_are_for_own_pods_and_their_audiences() {
    let refused = "serviceaccounts \"robot\" is forbidden: ";
    let rows: [(&str, &str, &[&str], &str); 13] = [
        ("own", "own", &[], ""),
        ("vault", "vault", &["vault"], ""),
        ("csi", "csi", &["cloud"], ""),
        ("claim", "claim", &["cloud"], ""),
        ("none", "none", &["granted"], ""),
        (
            "made",
            "made",
            &["cloud"],
            "audience \"cloud\" not found in pod spec volume, system:node:n1 is not authorized to \
             request tokens for this audience",
        ),
        (
            "vault",
            "vault",
            &[],
            "audience \"\" not found in pod spec volume, system:node:n1 is not authorized to \
             request tokens for this audience",
        ),
        (
            "vault",
            "vault",
            &["vault", "b"],
            "node may only request 0 or 1 audiences",
        ),
        ("", "u", &[], "node requested token not bound to a pod"),
        (
            "own",
            "",
            &[],
            "node requested token with a pod binding without a uid",
        ),
        (
            "own",
            "u",
            &[],
            "the UID in the bound object reference (u) does not match the UID in record. The \
             object might have been deleted and then recreated",
        ),
        (
            "elsewhere",
            "elsewhere",
            &[],
            "node requested token bound to a pod scheduled on a different node",
        ),
        ("gone", "gone", &[], "pods \"gone\" not found"),
    ];
    for (name, uid, audiences, why) in rows {
        let bound = json!({"apiVersion": "v1", "kind": "Pod", "name": name, "uid": uid});
        let asked = json!({"spec": {"audiences": audiences, "boundObjectRef": bound}});
        let request = Request::create("serviceaccounts", "ns", "robot").subresource("token");
        let expected = match why {
            "" => "admitted".to_owned(),
            why if name == "gone" => why.to_owned(),
            why => format!("{refused}{why}"),
        };
        assert_eq!(
            answer(request, asked).await,
            expected,
            "{name} {audiences:?}"
        );
    }
    let node = json!({"apiVersion": "v1", "kind": "Node", "name": "n1", "uid": "u"});
    for bound in [node, Value::Null] {
        let request = Request::create("serviceaccounts", "ns", "robot").subresource("token");
        let asked = json!({"spec": {"boundObjectRef": bound}});
        let expected = format!("{refused}node requested token not bound to a pod");
        assert_eq!(answer(request, asked).await, expected);
    }
}

#[tokio::test]
async fn a_pods_status_steers_nobody() {
    let pod = |metadata: Value, status: Value| json!({"metadata": metadata, "spec": {"nodeName": "n1"}, "status": status});
    let claims = json!({"resourceClaimStatuses": [{"name": "a", "resourceClaimName": "x"}]});
    let extended = json!({"extendedResourceClaimStatus": {"resourceClaimName": "x"}});
    let elsewhere = json!({"spec": {"nodeName": "n2"}});
    let plain = || pod(json!({}), json!({}));
    let rows = [
        (plain(), pod(json!({}), json!({"phase": "Running"})), ""),
        (
            plain(),
            pod(json!({"labels": {"a": "b"}}), json!({})),
            "cannot update labels through pod status",
        ),
        (
            plain(),
            pod(json!({}), claims),
            "cannot update resource claim statues",
        ),
        (
            plain(),
            pod(json!({}), extended),
            "cannot update extended resource claim status",
        ),
        (
            elsewhere,
            plain(),
            "can only update pod status for pods with spec.nodeName set to itself",
        ),
    ];
    for (old, new, why) in rows {
        let request = Request::create("pods", "ns", "web").subresource("status");
        let expected = match why {
            "" => "admitted".to_owned(),
            why => format!("pods \"web\" is forbidden: node \"n1\" {why}"),
        };
        assert_eq!(answer(request.update(old), new).await, expected);
    }
}

#[tokio::test]
async fn of_a_claims_status_only_the_size_is_its_own() {
    let claim = || {
        json!({
            "metadata": {"name": "c", "labels": {"a": "b"}, "resourceVersion": "7"},
            "spec": {"volumeName": "v"}, "status": {"phase": "Bound"},
        })
    };
    let size = json!({"storage": "2Gi"});
    let rows = [
        ("/metadata", "resourceVersion", json!("8"), ""),
        ("/metadata", "managedFields", json!([{}]), ""),
        ("/metadata", "finalizers", json!([]), ""),
        ("/status", "capacity", size.clone(), ""),
        ("/status", "allocatedResources", size.clone(), ""),
        (
            "/status",
            "allocatedResourceStatuses",
            json!({"storage": "NodeResizePending"}),
            "",
        ),
        ("/status", "conditions", json!([{"type": "Resizing"}]), ""),
        ("/status", "phase", json!("Lost"), "status.phase"),
        ("/metadata", "labels", json!({}), "metadata.labels"),
        (
            "/metadata",
            "finalizers",
            json!(["x/y"]),
            "metadata.finalizers",
        ),
        ("", "spec", json!({"volumeName": "w"}), "spec.volumeName"),
    ];
    for (pointer, field, value, changed) in rows {
        let mut new = claim();
        new.pointer_mut(pointer).expect("there")[field] = value;
        let request = Request::create("persistentvolumeclaims", "ns", "c").subresource("status");
        let expected = match changed {
            "" => "admitted".to_owned(),
            changed => format!(
                "persistentvolumeclaims \"c\" is forbidden: node \"n1\" is not allowed to update \
                 fields other than status.capacity and status.conditions: {changed}"
            ),
        };
        let answer = answer(request.update(claim()), new).await;
        assert_eq!(answer, expected, "{pointer}/{field}");
    }
}
