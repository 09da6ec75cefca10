//! Nodes and pods in few words, for tests.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::sync::Arc;

pub use api::wellknown::labels::HOSTNAME as HOST;
use api::{Kind, Node, Pod};
use base::TraceId;
use expect_test::Expect;
use serde_json::{Value, json};

use crate::framework::{CycleState, PreFiltered, PreScore, PreScored, Score};
use crate::node::NodeInfo;
use crate::plugins::DEFAULT;
use crate::pod::PodInfo;
use crate::snapshot::Snapshot;

/// A pod of `default` that is named, and identified, `name`.
pub fn pod_object(name: &str, spec: &Value) -> Pod {
    let mut pod = json!({
        "metadata": {"name": name, "namespace": "default", "uid": name, "generation": 1},
        "spec": {"schedulerName": "default-scheduler", "containers": [{"name": "c"}]},
    });
    merge(&mut pod["spec"], spec);
    Pod::decode(pod.to_string().as_bytes()).expect("a pod")
}

/// As [`pod_object`], as the scheduler keeps it.
pub fn pod(name: &str, spec: &Value) -> Arc<PodInfo> {
    Arc::new(PodInfo::of(pod_object(name, spec), TraceId::NONE))
}

/// As [`pod`], with labels; a name `namespace/name` puts it elsewhere.
pub fn labelled(name: &str, labels: &Value, spec: &Value) -> Arc<PodInfo> {
    let mut pod = pod_object(name, spec);
    pod.metadata.labels = serde_json::from_value(labels.clone()).expect("labels");
    if let Some((namespace, name)) = name.split_once('/') {
        pod.metadata.namespace = Some(namespace.to_owned());
        pod.metadata.name = Some(name.to_owned());
    }
    Arc::new(PodInfo::of(pod, TraceId::NONE))
}

/// The spec of a pod with one container that requests so much.
pub fn requests(amounts: &Value) -> Value {
    json!({"containers": [{"name": "c", "resources": {"requests": amounts}}]})
}

/// A node of 4 CPUs, 4 GiB and 10 pods, with its host name as a label.
pub fn node_object(name: &str, spec: &Value, labels: &Value) -> Node {
    let mut node = json!({
        "metadata": {"name": name, "labels": {HOST: name}},
        "spec": spec,
        "status": {"allocatable": {"cpu": "4", "memory": "4Gi", "pods": "10"}},
    });
    merge(&mut node["metadata"]["labels"], labels);
    Node::decode(node.to_string().as_bytes()).expect("a node")
}

/// As [`node_object`], as the scheduler keeps it.
pub fn node(name: &str, spec: &Value) -> NodeInfo {
    NodeInfo::of(&node_object(name, spec, &json!({})))
}

/// As [`node`], with labels.
pub fn node_with(name: &str, labels: &Value) -> NodeInfo {
    NodeInfo::of(&node_object(name, &json!({}), labels))
}

/// Two nodes in zone a, one in zone b, and one in none.
pub fn zoned() -> [NodeInfo; 4] {
    [
        node_with("a1", &json!({"zone": "a"})),
        node_with("a2", &json!({"zone": "a"})),
        node_with("b1", &json!({"zone": "b"})),
        node_with("bare", &json!({})),
    ]
}

/// A term or constraint with one more field.
pub fn with(mut value: Value, field: &str, more: Value) -> Value {
    value[field] = more;
    value
}

/// What the plugins say to a pod, node by node: a line for each. `U` marks what preemption
/// cannot help.
pub fn verdicts(snapshot: &Snapshot, pod: &PodInfo) -> String {
    let mut state = CycleState::default();
    for plugin in DEFAULT.plugins {
        let found = plugin
            .pre_filter
            .map(|point| point.pre_filter(&mut state, pod, snapshot));
        if found == Some(Ok(PreFiltered::Skip)) {
            state.skip(plugin.name);
        }
    }
    let verdicts = snapshot.nodes().iter().map(|node| {
        let verdict = match DEFAULT.filter_with_nominated(&state, pod, node, snapshot) {
            Ok(()) => "fits".to_owned(),
            Err((_, why)) => {
                let unresolvable = if why.unresolvable { "U: " } else { "" };
                format!("{unresolvable}{}", why.reasons.join(", "))
            }
        };
        format!("  {} {verdict}\n", node.name)
    });
    verdicts.collect()
}

/// Compares the [`verdicts`] on each pod, below what it is.
pub fn check_verdicts(snapshot: &Snapshot, pods: &[(&str, Arc<PodInfo>)], expected: &Expect) {
    let mut shown = String::new();
    for (name, pod) in pods {
        write!(shown, "{name}\n{}", verdicts(snapshot, pod)).expect("a string");
    }
    expected.assert_eq(&shown);
}

/// The scores of all nodes, as they are and normalized.
pub fn scores(point: &(impl PreScore + Score), snapshot: &Snapshot, pod: &PodInfo) -> String {
    let mut state = CycleState::default();
    let nodes: Vec<&NodeInfo> = snapshot.nodes().iter().collect();
    if point.pre_score(&mut state, pod, snapshot, &nodes) == PreScored::Skip {
        return "nothing to say".to_owned();
    }
    let scores = nodes.iter().map(|node| point.score(&state, pod, node));
    let mut scores: Vec<i64> = scores.collect();
    let raw = format!("{scores:?}");
    point.normalize(&mut scores);
    format!("{raw} {scores:?}")
}

/// These nodes, with these pods on them.
pub fn snapshot<const N: usize>(
    nodes: impl IntoIterator<Item = NodeInfo>,
    pods: [(&str, Arc<PodInfo>); N],
) -> Snapshot {
    let mut snapshot = Snapshot::default();
    for node in nodes {
        snapshot.put_node(node);
    }
    for (node, pod) in pods {
        snapshot.place(pod, node, false);
    }
    snapshot
}

/// Names of plugins.
pub fn names(plugins: &[&'static str]) -> BTreeSet<&'static str> {
    plugins.iter().copied().collect()
}

fn merge(target: &mut Value, more: &Value) {
    let (Some(target), Some(more)) = (target.as_object_mut(), more.as_object()) else {
        return;
    };
    for (key, value) in more {
        target.insert(key.clone(), value.clone());
    }
}
