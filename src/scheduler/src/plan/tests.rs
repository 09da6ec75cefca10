//! Whole diagnoses: what a user reads when a pod stays Pending.

use std::sync::Arc;

use expect_test::{Expect, expect};
use serde_json::{Value, json};

use super::{Decision, enough, plan};
use crate::plugins::DEFAULT;
use crate::pod::PodInfo;
use crate::snapshot::Snapshot;
use crate::testing::{node, pod, requests, snapshot};

fn check(snapshot: &Snapshot, spec: &Value, expected: &Expect) {
    let shown = match plan(&DEFAULT, snapshot, &pod("incoming", spec), 0).decision {
        Decision::Place { node, steps } => format!("{node}: {steps:?}"),
        Decision::Reject {
            diagnosis,
            nominating,
        } => format!("{diagnosis}\n{:?}\n{nominating:?}", diagnosis.plugins),
    };
    expected.assert_eq(&shown);
}

fn busy(name: &str, cpu: &str, priority: i32) -> Arc<PodInfo> {
    let mut spec = requests(&json!({"cpu": cpu}));
    spec["priority"] = priority.into();
    pod(name, &spec)
}

fn named(names: &[&str]) -> Value {
    let field = json!({"key": "metadata.name", "operator": "In", "values": names});
    json!({"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution":
        {"nodeSelectorTerms": [{"matchFields": [field]}]}}}})
}

#[test]
fn a_pod_that_fits_is_bound_by_the_default_binder() {
    let snapshot = snapshot([node("a", &json!({}))], []);
    check(
        &snapshot,
        &json!({}),
        &expect![[r#"a: [Bind { node: "a" }]"#]],
    );
}

#[test]
fn no_nodes_are_said_so() {
    check(
        &Snapshot::default(),
        &json!({}),
        &expect![[r#"
        no nodes available to schedule pods
        {}
        Clear"#]],
    );
}

#[test]
fn a_full_node_without_victims() {
    let snapshot = snapshot([node("a", &json!({}))], [("a", busy("old", "4", 0))]);
    check(
        &snapshot,
        &requests(&json!({"cpu": "1"})),
        &expect![[r#"
            0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod.
            {"NodeResourcesFit"}
            Clear"#]],
    );
}

#[test]
fn reasons_are_counted_over_nodes() {
    let tainted = json!({"taints": [{"key": "k", "effect": "NoSchedule"}]});
    let nodes = [
        node("a", &json!({})),
        node("b", &json!({})),
        node("c", &tainted),
        node("d", &json!({"unschedulable": true})),
    ];
    let snapshot = snapshot(
        nodes,
        [("a", busy("old-a", "4", 0)), ("b", busy("old-b", "1", 0))],
    );
    check(
        &snapshot,
        &requests(&json!({"cpu": "4", "memory": "4Gi"})),
        &expect![[r#"
            0/4 nodes are available: 1 node(s) had untolerated taint(s), 1 node(s) were unschedulable, 2 Insufficient cpu. no new claims to deallocate, preemption: 0/4 nodes are available: 2 No preemption victims found for incoming pod, 2 Preemption is not helpful for scheduling.
            {"NodeResourcesFit", "NodeUnschedulable", "TaintToleration"}
            Clear"#]],
    );
}

#[test]
fn what_exceeds_the_node_cannot_be_helped() {
    let snapshot = snapshot([node("a", &json!({}))], [("a", busy("old", "4", -1))]);
    check(
        &snapshot,
        &requests(&json!({"cpu": "5"})),
        &expect![[r#"
            0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.
            {"NodeResourcesFit"}
            Clear"#]],
    );
}

#[test]
fn preemption_never_is_respected() {
    let snapshot = snapshot([node("a", &json!({}))], [("a", busy("old", "4", 0))]);
    let mut spec = requests(&json!({"cpu": "1"}));
    spec["priority"] = 10.into();
    spec["preemptionPolicy"] = "Never".into();
    check(
        &snapshot,
        &spec,
        &expect![[r#"
        0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: not eligible due to preemptionPolicy=Never.
        {"NodeResourcesFit"}
        Keep"#]],
    );
}

#[test]
fn evicting_everybody_may_not_be_enough() {
    let snapshot = snapshot(
        [node("a", &json!({}))],
        [("a", busy("high", "2", 100)), ("a", busy("low", "2", 0))],
    );
    let mut spec = requests(&json!({"cpu": "3"}));
    spec["priority"] = 10.into();
    check(
        &snapshot,
        &spec,
        &expect![[r#"
        0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: 0/1 nodes are available: 1 Insufficient cpu.
        {"NodeResourcesFit"}
        Clear"#]],
    );
}

#[test]
fn only_named_nodes_are_looked_at() {
    let nodes = ["a", "b", "c"].map(|name| node(name, &json!({})));
    let snapshot = snapshot(nodes, [("b", busy("old", "4", 0))]);
    check(
        &snapshot,
        &named(&["c"]),
        &expect![[r#"c: [Bind { node: "c" }]"#]],
    );
    let mut spec = named(&["b"]);
    spec["containers"] = requests(&json!({"cpu": "1"}))["containers"].clone();
    check(
        &snapshot,
        &spec,
        &expect![[r#"
        0/3 nodes are available: 1 Insufficient cpu, 2 node(s) didn't satisfy plugin(s) [NodeAffinity]. no new claims to deallocate, preemption: 0/3 nodes are available: 1 No preemption victims found for incoming pod, 2 Preemption is not helpful for scheduling.
        {"NodeAffinity", "NodeResourcesFit"}
        Clear"#]],
    );
    check(
        &snapshot,
        &named(&["elsewhere"]),
        &expect![[r#"
        0/3 nodes are available: 3 node(s) didn't satisfy plugin(s) [NodeAffinity]. no new claims to deallocate, preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling.
        {"NodeAffinity"}
        Clear"#]],
    );
}

#[test]
fn devices_are_nowhere() {
    let snapshot = snapshot([node("a", &json!({}))], [("a", busy("old", "1", -1))]);
    check(
        &snapshot,
        &json!({"resourceClaims": [{"name": "gpu"}]}),
        &expect![[r#"
            0/1 nodes are available: 1 cannot allocate all claims. still not schedulable, preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.
            {"DynamicResources"}
            Clear"#]],
    );
}

#[test]
fn conflicting_terms_stop_before_any_node() {
    let snapshot = snapshot([node("a", &json!({}))], []);
    let field = |name: &str| json!({"key": "metadata.name", "operator": "In", "values": [name]});
    let mut spec = named(&[]);
    spec["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
        [0]["matchFields"] = json!([field("a"), field("b")]);
    check(
        &snapshot,
        &spec,
        &expect![[r#"
        0/1 nodes are available: pod affinity terms conflict. not found
        {"NodeAffinity"}
        Keep"#]],
    );
}

#[test]
fn room_is_kept_for_a_nominated_pod() {
    let mut snapshot = snapshot([node("a", &json!({}))], []);
    snapshot.nominate(&busy("waiting", "4", 5), "a");
    check(
        &snapshot,
        &requests(&json!({"cpu": "1"})),
        &expect![[r#"
            0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod.
            {"NodeResourcesFit"}
            Clear"#]],
    );
    let mut above = requests(&json!({"cpu": "1"}));
    above["priority"] = 6.into();
    check(&snapshot, &above, &expect![[r#"a: [Bind { node: "a" }]"#]]);
}

#[test]
fn equal_nodes_take_turns() {
    let mut snapshot = snapshot(["a", "b", "c"].map(|name| node(name, &json!({}))), []);
    let mut start = 0;
    let mut order = Vec::new();
    for n in 0..6 {
        let incoming = pod(&format!("p{n}"), &json!({}));
        let plan = plan(&DEFAULT, &snapshot, &incoming, start);
        start = plan.next_start;
        if let Decision::Place { node, .. } = plan.decision {
            snapshot.place(incoming, &node, true);
            order.push(node.to_string());
        }
    }
    assert_eq!(order, ["a", "b", "c", "a", "b", "c"]);
}

#[test]
fn looks_at_fewer_nodes_the_more_there_are() {
    let rows = [
        (1, 100),
        (100, 100),
        (500, 230),
        (1000, 420),
        (5000, 500),
        (6000, 300),
    ];
    for (nodes, expected) in rows {
        assert_eq!(enough(nodes), expected, "{nodes}");
    }
}
