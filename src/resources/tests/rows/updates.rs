//! What may not change: a change of the stored fixture, and the exact text.

mod limits;
mod pod_status;
mod pods;
mod policy;
mod rbac;
mod volumes;
mod workloads;

use expect_test::{Expect, expect};
use resources::Resource;
use serde_json::{Value, json};

use crate::harness::{create, fixture, line, row, set, update};
use apimachinery::Object;

pub fn stored(row: &Resource, before: &[(&str, Value)]) -> Object {
    let mut object = fixture(row);
    for (pointer, value) in before {
        set(&mut object, pointer, value.clone());
    }
    create(row, object).0
}

/// Each row changes the stored fixture; a line of the answer is a row's error text.
fn check(
    kind: &str,
    subresource: &str,
    before: &[(&str, Value)],
    rows: &[(&str, Value)],
    expected: Expect,
) {
    let row = row(kind);
    let old = stored(row, before);
    let mut out = String::new();
    for (pointer, value) in rows {
        let mut new = old.clone();
        set(&mut new, pointer, value.clone());
        let (_, errors) = update(row, subresource, new, &old);
        out.push_str(&line(pointer, value, &errors));
    }
    expected.assert_eq(&out);
}

#[test]
fn metadata() {
    check(
        "ConfigMap",
        "",
        &[
            ("/metadata/deletionTimestamp", json!("2026-01-10T12:00:00Z")),
            ("/metadata/generation", json!(2)),
        ],
        &[
            ("/metadata/name", json!("other")),
            ("/metadata/uid", json!("1")),
            ("/metadata/generation", json!(1)),
            ("/metadata/finalizers", json!(["example.com/a"])),
        ],
        expect![[r#"
            /metadata/name = "other"
              metadata.name: Invalid value: "other": field is immutable
            /metadata/uid = "1"
              metadata.uid: Invalid value: "1": field is immutable
            /metadata/generation = 1
              metadata.generation: Invalid value: 1: must not be decremented
            /metadata/finalizers = ["example.com/a"]
              metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{"example.com/a"}
        "#]],
    );
}

#[test]
fn pods() {
    check(
        "Pod",
        "",
        &[
            ("/spec/activeDeadlineSeconds", json!(10)),
            (
                "/spec/tolerations",
                json!([{"key": "a", "operator": "Exists"}]),
            ),
        ],
        &[
            ("/spec/containers/0/image", json!("nginx:2")),
            ("/spec/containers/0/image", json!("")),
            ("/spec/containers/-", json!({"name": "more", "image": "x"})),
            ("/spec/containers/0/env/0/value", json!("2")),
            ("/spec/nodeName", json!("node-2")),
            ("/spec/activeDeadlineSeconds", json!(5)),
            ("/spec/activeDeadlineSeconds", json!(20)),
            ("/spec/activeDeadlineSeconds", json!(null)),
            (
                "/spec/tolerations/-",
                json!({"key": "b", "operator": "Exists"}),
            ),
            ("/spec/tolerations", json!([])),
            ("/spec/schedulingGates", json!([{"name": "x"}])),
            ("/spec/terminationGracePeriodSeconds", json!(1)),
            ("/metadata/labels/more", json!("x")),
        ],
        expect![[r#"
            /spec/containers/0/image = "nginx:2"
              nothing is wrong
            /spec/containers/0/image = ""
              spec.containers[0].image: Required value
            /spec/containers/- = {"image":"x","name":"more"}
              spec.containers: Forbidden: pod updates may not add or remove containers
            /spec/containers/0/env/0/value = "2"
              spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)
            spec.containers is different
            /spec/nodeName = "node-2"
              spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)
            spec.nodeName is different
            /spec/activeDeadlineSeconds = 5
              nothing is wrong
            /spec/activeDeadlineSeconds = 20
              spec.activeDeadlineSeconds: Invalid value: 20: must be less than or equal to previous value
            /spec/activeDeadlineSeconds = null
              spec.activeDeadlineSeconds: Invalid value: null: must not update from a positive integer to nil value
            /spec/tolerations/- = {"key":"b","operator":"Exists"}
              nothing is wrong
            /spec/tolerations = []
              spec.tolerations: Forbidden: existing toleration can not be modified except its tolerationSeconds
            /spec/schedulingGates = [{"name":"x"}]
              spec.schedulingGates[0].name: Forbidden: only deletion is allowed, but found new scheduling gate 'x'
            /spec/terminationGracePeriodSeconds = 1
              spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)
            spec.terminationGracePeriodSeconds is different
            /metadata/labels/more = "x"
              nothing is wrong
        "#]],
    );
}

#[test]
fn workloads() {
    let rows = [
        ("/spec/selector/matchLabels", json!({})),
        ("/spec/replicas", json!(5)),
    ];
    check(
        "ReplicaSet",
        "",
        &[],
        &rows,
        expect![[r#"
            /spec/selector/matchLabels = {}
              spec.selector: Invalid value: {"matchExpressions":[{"key":"tier","operator":"In","values":["b","a"]}],"matchLabels":{}}: field is immutable
            /spec/replicas = 5
              nothing is wrong
        "#]],
    );
    check(
        "Deployment",
        "status",
        &[],
        &[
            ("/status/readyReplicas", json!(1)),
            (
                "/status",
                json!({"replicas": 2, "availableReplicas": 2, "readyReplicas": 1}),
            ),
            ("/status/collisionCount", json!(-1)),
        ],
        expect![[r#"
            /status/readyReplicas = 1
              status.readyReplicas: Invalid value: 1: cannot be greater than status.replicas
            /status = {"availableReplicas":2,"readyReplicas":1,"replicas":2}
              status.availableReplicas: Invalid value: 2: cannot be greater than readyReplicas
            /status/collisionCount = -1
              status.collisionCount: Invalid value: -1: must be greater than or equal to 0
        "#]],
    );
}

#[test]
fn frozen_data_and_types() {
    let frozen = [("/immutable", json!(true))];
    check(
        "ConfigMap",
        "",
        &frozen,
        &[
            ("/immutable", json!(false)),
            ("/data/b", json!("2")),
            ("/metadata/labels", json!({"a": "b"})),
        ],
        expect![[r#"
            /immutable = false
              immutable: Forbidden: field is immutable when `immutable` is set
            /data/b = "2"
              data: Forbidden: field is immutable when `immutable` is set
            /metadata/labels = {"a":"b"}
              nothing is wrong
        "#]],
    );
    check(
        "Secret",
        "",
        &frozen,
        &[
            ("/type", json!("example.com/x")),
            ("/data/user", json!("YQ==")),
        ],
        expect![[r#"
            /type = "example.com/x"
              type: Invalid value: "example.com/x": field is immutable
            /data/user = "YQ=="
              data: Forbidden: field is immutable when `immutable` is set
        "#]],
    );
}

#[test]
fn nodes_namespaces_services() {
    check(
        "Node",
        "",
        &[("/spec/providerID", json!("rk3s://node-1"))],
        &[
            ("/spec/podCIDR", json!("10.99.0.0/24")),
            ("/spec/providerID", json!("x")),
            ("/spec/unschedulable", json!(null)),
        ],
        expect![[r#"
            /spec/podCIDR = "10.99.0.0/24"
              spec.podCIDRs: Forbidden: node updates may not change podCIDR except from "" to valid
            /spec/providerID = "x"
              spec.providerID: Forbidden: node updates may not change providerID except from "" to valid
            /spec/unschedulable = null
              nothing is wrong
        "#]],
    );
    check(
        "Namespace",
        "status",
        &[],
        &[("/status/phase", json!("Terminating"))],
        expect![[r#"
            /status/phase = "Terminating"
              status.Phase: Invalid value: "Terminating": may only be 'Active' if `deletionTimestamp` is empty
        "#]],
    );
    check(
        "Service",
        "",
        &[],
        &[
            ("/spec/clusterIPs", json!(["10.43.0.8"])),
            ("/spec/ipFamilies", json!(["IPv6"])),
            ("/spec/clusterIP", json!(null)),
            ("/spec/clusterIP", json!("10.43.0.8")),
            ("/spec/ports/0/nodePort", json!(null)),
        ],
        expect![[r#"
            /spec/clusterIPs = ["10.43.0.8"]
              [spec.clusterIPs: Invalid value: ["10.43.0.8"]: first value must match `clusterIP`, spec.clusterIPs[0]: Invalid value: ["10.43.0.8"]: may not change once set]
            /spec/ipFamilies = ["IPv6"]
              [spec.clusterIPs[0]: Invalid value: "10.43.0.7": expected an IPv6 value as indicated by `ipFamilies[0]`, spec.ipFamilies[0]: Invalid value: ["IPv6"]: may not change once set]
            /spec/clusterIP = null
              nothing is wrong
            /spec/clusterIP = "10.43.0.8"
              spec.clusterIPs[0]: Invalid value: ["10.43.0.8"]: may not change once set
            /spec/ports/0/nodePort = null
              nothing is wrong
        "#]],
    );
}
