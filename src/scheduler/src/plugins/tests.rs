//! A table of filters, a table of scores, and one look at every row.

use std::collections::BTreeSet;
use std::fmt::Write;

use expect_test::{Expect, expect};
use serde_json::{Value, json};

use super::{DEFAULT, PLUGINS};
use crate::framework::{CycleState, PreScored};
use crate::node::NodeInfo;
use crate::plan::{Decision, plan};
use crate::pod::PodInfo;
use crate::testing::{node, node_object, pod, requests, snapshot};

/// What the filters say to each pod, on each node: a line per pair. `U` marks what preemption
/// cannot help.
fn check(pods: &[(&str, Value)], nodes: &[NodeInfo], expected: &Expect) {
    let mut shown = String::new();
    for (name, spec) in pods {
        for node in nodes {
            let verdict = verdict(&pod("incoming", spec), node);
            writeln!(shown, "{name} on {}: {verdict}", node.name).expect("a string");
        }
    }
    expected.assert_eq(&shown);
}

fn verdict(pod: &PodInfo, node: &NodeInfo) -> String {
    match DEFAULT.filter(&CycleState::default(), pod, node) {
        Ok(()) => "fits".to_owned(),
        Err((plugin, why)) => {
            let unresolvable = if why.unresolvable { " U" } else { "" };
            format!("{plugin}{unresolvable}: {}", why.reasons.join(", "))
        }
    }
}

fn tolerating(toleration: &Value) -> Value {
    json!({"tolerations": [toleration]})
}

#[test]
fn taints_and_cordons_need_tolerations() {
    let taint = |effect: &str| json!({"taints": [{"key": "k", "value": "v", "effect": effect}]});
    let nodes = [
        node("cordoned", &json!({"unschedulable": true})),
        node("hard", &taint("NoSchedule")),
        node("evicting", &taint("NoExecute")),
        node("soft", &taint("PreferNoSchedule")),
    ];
    let pods = [
        ("plain", json!({})),
        ("all", tolerating(&json!({"operator": "Exists"}))),
        (
            "k=v:NoSchedule",
            tolerating(&json!({"key": "k", "value": "v", "effect": "NoSchedule"})),
        ),
    ];
    check(
        &pods,
        &nodes,
        &expect![[r#"
            plain on cordoned: NodeUnschedulable U: node(s) were unschedulable
            plain on hard: TaintToleration U: node(s) had untolerated taint(s)
            plain on evicting: TaintToleration U: node(s) had untolerated taint(s)
            plain on soft: fits
            all on cordoned: fits
            all on hard: fits
            all on evicting: fits
            all on soft: fits
            k=v:NoSchedule on cordoned: NodeUnschedulable U: node(s) were unschedulable
            k=v:NoSchedule on hard: fits
            k=v:NoSchedule on evicting: TaintToleration U: node(s) had untolerated taint(s)
            k=v:NoSchedule on soft: fits
        "#]],
    );
}

fn affinity(term: &Value) -> Value {
    json!({"affinity": {"nodeAffinity": {
        "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}}})
}

fn expression(key: &str, operator: &str, values: &[&str]) -> Value {
    let condition = [json!({"key": key, "operator": operator, "values": values})];
    affinity(&json!({"matchExpressions": condition}))
}

#[test]
fn affinity_follows_labels_and_names() {
    let nodes = ["a", "b"].map(|name| {
        let labels = json!({"disk": if name == "a" { "ssd" } else { "hdd" }, "speed": name.len()});
        let labels = json!({"disk": labels["disk"], "speed": labels["speed"].to_string()});
        NodeInfo::of(&node_object(name, &json!({}), &labels))
    });
    let by_name = |operator: &str| {
        let condition = json!({"key": "metadata.name", "operator": operator, "values": ["a"]});
        affinity(&json!({"matchFields": [condition]}))
    };
    let pods = [
        ("selector", json!({"nodeSelector": {"disk": "ssd"}})),
        ("In", expression("disk", "In", &["hdd", "tape"])),
        ("NotIn absent", expression("zone", "NotIn", &["z"])),
        ("Exists", expression("zone", "Exists", &[])),
        ("DoesNotExist", expression("zone", "DoesNotExist", &[])),
        ("Gt", expression("speed", "Gt", &["0"])),
        ("Lt", expression("speed", "Lt", &["1"])),
        ("name In", by_name("In")),
        ("name NotIn", by_name("NotIn")),
        ("empty term", affinity(&json!({}))),
        ("nodeName", json!({"nodeName": "b"})),
    ];
    check(
        &pods,
        &nodes,
        &expect![[r#"
            selector on a: fits
            selector on b: NodeAffinity U: node(s) didn't match Pod's node affinity/selector
            In on a: NodeAffinity U: node(s) didn't match Pod's node affinity/selector
            In on b: fits
            NotIn absent on a: fits
            NotIn absent on b: fits
            Exists on a: NodeAffinity U: node(s) didn't match Pod's node affinity/selector
            Exists on b: NodeAffinity U: node(s) didn't match Pod's node affinity/selector
            DoesNotExist on a: fits
            DoesNotExist on b: fits
            Gt on a: fits
            Gt on b: fits
            Lt on a: NodeAffinity U: node(s) didn't match Pod's node affinity/selector
            Lt on b: NodeAffinity U: node(s) didn't match Pod's node affinity/selector
            name In on a: fits
            name In on b: NodeAffinity U: node(s) didn't match Pod's node affinity/selector
            name NotIn on a: NodeAffinity U: node(s) didn't match Pod's node affinity/selector
            name NotIn on b: fits
            empty term on a: NodeAffinity U: node(s) didn't match Pod's node affinity/selector
            empty term on b: NodeAffinity U: node(s) didn't match Pod's node affinity/selector
            nodeName on a: NodeName U: node(s) didn't match the requested node name
            nodeName on b: fits
        "#]],
    );
}

#[test]
fn ports_conflict_by_address_and_protocol() {
    let port = |ip: &str, protocol: &str, port: u16| {
        let port =
            json!({"containerPort": 1, "hostPort": port, "hostIP": ip, "protocol": protocol});
        json!({"containers": [{"name": "c", "ports": [port]}]})
    };
    let mut one = node("one", &json!({}));
    one.add_pod(pod("old", &port("127.0.0.1", "TCP", 80)));
    let mut all = node("all", &json!({}));
    all.add_pod(pod("old", &port("", "TCP", 80)));
    let pods = [
        ("same", port("127.0.0.1", "TCP", 80)),
        ("other address", port("127.0.0.2", "TCP", 80)),
        ("every address", port("0.0.0.0", "", 80)),
        ("other protocol", port("127.0.0.1", "UDP", 80)),
        ("other port", port("127.0.0.1", "TCP", 81)),
    ];
    check(
        &pods,
        &[one, all],
        &expect![[r#"
            same on one: NodePorts: node(s) didn't have free ports for the requested pod ports
            same on all: NodePorts: node(s) didn't have free ports for the requested pod ports
            other address on one: fits
            other address on all: NodePorts: node(s) didn't have free ports for the requested pod ports
            every address on one: NodePorts: node(s) didn't have free ports for the requested pod ports
            every address on all: NodePorts: node(s) didn't have free ports for the requested pod ports
            other protocol on one: fits
            other protocol on all: fits
            other port on one: fits
            other port on all: fits
        "#]],
    );
}

#[test]
fn room_is_what_is_allocatable_less_what_is_requested() {
    let mut half = node("half", &json!({}));
    half.add_pod(pod("old", &requests(&json!({"cpu": "2", "memory": "2Gi"}))));
    let mut full = node("full", &json!({}));
    for n in 0..10 {
        full.add_pod(pod(&format!("old-{n}"), &json!({})));
    }
    let gpu = json!({"example.com/gpu": 1});
    let pods = [
        ("nothing", json!({})),
        ("exactly", requests(&json!({"cpu": "2", "memory": "2Gi"}))),
        ("more", requests(&json!({"cpu": "2001m", "memory": "3Gi"}))),
        ("never", requests(&json!({"cpu": "5"}))),
        ("gpu", requests(&gpu)),
        ("storage", requests(&json!({"ephemeral-storage": "1Gi"}))),
        ("claims", json!({"resourceClaims": [{"name": "gpu"}]})),
    ];
    check(
        &pods,
        &[half, full],
        &expect![[r#"
            nothing on half: fits
            nothing on full: NodeResourcesFit: Too many pods
            exactly on half: fits
            exactly on full: NodeResourcesFit: Too many pods
            more on half: NodeResourcesFit: Insufficient cpu, Insufficient memory
            more on full: NodeResourcesFit: Too many pods
            never on half: NodeResourcesFit U: Insufficient cpu
            never on full: NodeResourcesFit U: Too many pods, Insufficient cpu
            gpu on half: NodeResourcesFit U: Insufficient example.com/gpu
            gpu on full: NodeResourcesFit U: Too many pods, Insufficient example.com/gpu
            storage on half: NodeResourcesFit U: Insufficient ephemeral-storage
            storage on full: NodeResourcesFit U: Too many pods, Insufficient ephemeral-storage
            claims on half: DynamicResources U: cannot allocate all claims
            claims on full: NodeResourcesFit: Too many pods
        "#]],
    );
}

#[test]
fn leaving_pods_give_everything_back() {
    let mut used = node("a", &json!({}));
    let before = format!("{used:?}");
    let port = json!({"containers": [{"name": "c", "ports": [{"containerPort": 1, "hostPort": 1}],
        "resources": {"requests": {"cpu": "1", "example.com/gpu": 1}}}]});
    used.add_pod(pod("old", &port));
    used.add_pod(pod("old", &requests(&json!({"cpu": "2"}))));
    assert_eq!(used.requested.milli_cpu, 2000);
    used.remove_pod("old");
    assert_eq!(format!("{used:?}"), before);
}

/// The plugins' weighted scores of a pod, node by node, and the node that wins.
fn scores(spec: &Value, nodes: &[NodeInfo], expected: &Expect) {
    let incoming = pod("incoming", spec);
    let all: Vec<&NodeInfo> = nodes.iter().collect();
    let snapshot = snapshot(nodes.iter().cloned(), []);
    let mut shown = String::new();
    for plugin in PLUGINS {
        let Some(weighted) = plugin.score else {
            continue;
        };
        let mut state = CycleState::default();
        let before = plugin.pre_score;
        let before = before.map(|point| point.pre_score(&mut state, &incoming, &snapshot, &all));
        if before == Some(PreScored::Skip) {
            continue;
        }
        let each = all
            .iter()
            .map(|n| weighted.score.score(&state, &incoming, n));
        let mut each: Vec<i64> = each.collect();
        weighted.score.normalize(&mut each);
        writeln!(shown, "{} x{}: {each:?}", plugin.name, weighted.weight).expect("a string");
    }
    match plan(&DEFAULT, &snapshot, &incoming, 0).decision {
        Decision::Place { node, .. } => writeln!(shown, "goes to {node}").expect("a string"),
        Decision::Reject { diagnosis, .. } => panic!("{diagnosis}"),
    }
    expected.assert_eq(&shown);
}

#[test]
fn the_emptier_node_wins() {
    let mut nodes = ["a", "b"].map(|name| node(name, &json!({})));
    nodes[0].add_pod(pod("old", &requests(&json!({"cpu": "1", "memory": "1Gi"}))));
    scores(
        &requests(&json!({"cpu": "1", "memory": "1Gi"})),
        &nodes,
        &expect![[r#"
            TaintToleration x3: [100, 100]
            NodeAffinity x2: [0, 0]
            NodeResourcesFit x1: [50, 75]
            NodeResourcesBalancedAllocation x1: [100, 100]
            goes to b
        "#]],
    );
}

#[test]
fn preferences_outweigh_room() {
    let soft = json!({"taints": [{"key": "k", "effect": "PreferNoSchedule"}]});
    let mut nodes = [
        node("a", &soft),
        node("b", &json!({})),
        node("c", &json!({})),
    ];
    nodes[2].add_pod(pod("old", &requests(&json!({"cpu": "1"}))));
    let preferred = json!({"affinity": {"nodeAffinity": {
    "preferredDuringSchedulingIgnoredDuringExecution": [
        {"weight": 10, "preference": {"matchExpressions": [
            {"key": "kubernetes.io/hostname", "operator": "In", "values": ["a", "c"]}]}},
        {"weight": 10, "preference": {"matchExpressions": [
            {"key": "kubernetes.io/hostname", "operator": "In", "values": ["a"]}]}},
    ]}}});
    scores(
        &preferred,
        &nodes,
        &expect![[r#"
            TaintToleration x3: [0, 100, 100]
            NodeAffinity x2: [100, 0, 50]
            NodeResourcesFit x1: [96, 96, 81]
            NodeResourcesBalancedAllocation x1: [0, 0, 0]
            goes to c
        "#]],
    );
}

#[test]
fn every_row_serves_a_point_and_says_what_undoes_it() {
    let mut names = BTreeSet::new();
    for plugin in PLUGINS {
        assert!(names.insert(plugin.name), "{} is there twice", plugin.name);
        let rejects =
            plugin.pre_enqueue.is_some() || plugin.pre_filter.is_some() || plugin.filter.is_some();
        assert_eq!(
            rejects || plugin.post_filter.is_some(),
            !plugin.events.is_empty(),
            "{}",
            plugin.name
        );
        assert!(
            rejects
                || plugin.post_filter.is_some()
                || plugin.score.is_some()
                || plugin.bind.is_some(),
            "{} serves nothing",
            plugin.name
        );
    }
}
