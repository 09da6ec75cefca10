//! Which node loses whom.

use std::sync::Arc;

use api::Kind;
use api::policy::PodDisruptionBudget;
use informer::Key;
use serde_json::{Value, json};

use crate::budget::Budget;
use crate::node::NodeInfo;
use crate::plan::{Decision, Nominating, plan};
use crate::plugins::DEFAULT;
use crate::pod::PodInfo;
use crate::snapshot::Snapshot;
use crate::testing::{HOST, labelled, node, node_object, node_with, pod, requests, snapshot};

fn busy(name: &str, cpu: &str, priority: i32) -> Arc<PodInfo> {
    let mut spec = requests(&json!({"cpu": cpu}));
    spec["priority"] = priority.into();
    let mut info = PodInfo::clone(&pod(name, &spec));
    info.labels.insert("app".to_owned(), name.to_owned());
    Arc::new(info)
}

fn since(pod: &Arc<PodInfo>, second: i64) -> Arc<PodInfo> {
    Arc::new(PodInfo {
        started: jiff::Timestamp::from_second(second).ok(),
        ..PodInfo::clone(pod)
    })
}

/// `node: victims`, or the text.
fn outcome(snapshot: &Snapshot, incoming: &PodInfo) -> String {
    match plan(&DEFAULT, snapshot, incoming, 0).decision {
        Decision::Place { node, .. } => format!("fits on {node}"),
        Decision::Reject {
            nominating: Nominating::Set(nomination),
            diagnosis,
        } => {
            assert_eq!(diagnosis.post_filter, "");
            let victims = nomination.victims.iter().map(|p| &*p.key.name);
            let victims: Vec<&str> = victims.collect();
            format!("{}: {}", nomination.node, victims.join(" "))
        }
        Decision::Reject { diagnosis, .. } => diagnosis.post_filter,
    }
}

fn nodes<const N: usize>(names: [&str; N]) -> [crate::node::NodeInfo; N] {
    names.map(|name| node(name, &json!({})))
}

#[test]
fn as_few_as_possible_go_and_the_least_important_first() {
    let snapshot = snapshot(
        nodes(["a"]),
        [
            ("a", busy("high", "1", 9)),
            ("a", since(&busy("old", "1", 1), 1)),
            ("a", since(&busy("young", "1", 1), 2)),
            ("a", busy("low", "1", 0)),
        ],
    );
    let rows = [
        ("1", 5, "a: low"),
        ("2", 5, "a: young low"),
        ("3", 5, "a: old young low"),
        ("4", 10, "a: high old young low"),
        (
            "4",
            5,
            "no new claims to deallocate, preemption: 0/1 nodes are available: 1 Insufficient cpu.",
        ),
    ];
    for (cpu, priority, expected) in rows {
        let incoming = busy("incoming", cpu, priority);
        assert_eq!(outcome(&snapshot, &incoming), expected);
    }
}

#[test]
fn the_cheapest_node_is_taken() {
    let rows = [
        // The least important of the most important victims.
        (busy("x", "4", 3), busy("y", "4", 2), "b: y"),
        // Then the later start: it has lost less work.
        (
            since(&busy("x", "4", 2), 1),
            since(&busy("y", "4", 2), 2),
            "b: y",
        ),
        (
            since(&busy("x", "4", 2), 2),
            since(&busy("y", "4", 2), 1),
            "a: x",
        ),
    ];
    for (on_a, on_b, expected) in rows {
        let snapshot = snapshot(nodes(["a", "b"]), [("a", on_a), ("b", on_b)]);
        assert_eq!(outcome(&snapshot, &busy("incoming", "4", 5)), expected);
    }
    let several = snapshot(
        nodes(["a", "b"]),
        [
            ("a", busy("x", "2", 1)),
            ("a", busy("y", "2", 1)),
            ("b", busy("z", "4", 1)),
        ],
    );
    assert_eq!(outcome(&several, &busy("incoming", "4", 5)), "b: z");
}

#[test]
fn budgets_are_spared_while_they_can_be() {
    let mut snapshot = snapshot(
        nodes(["a", "b"]),
        [("a", busy("x", "4", 0)), ("b", busy("y", "4", 1))],
    );
    let budget = json!({
        "metadata": {"name": "x", "namespace": "default"},
        "spec": {"selector": {"matchLabels": {"app": "x"}}},
        "status": {"disruptionsAllowed": 0, "currentHealthy": 1, "desiredHealthy": 1, "expectedPods": 1},
    });
    let budget = PodDisruptionBudget::decode(budget.to_string().as_bytes()).expect("a budget");
    snapshot.put_budget(Key::new("default", "x"), Budget::of(&budget));
    assert_eq!(outcome(&snapshot, &busy("incoming", "4", 5)), "b: y");
    snapshot.remove_node("b");
    assert_eq!(outcome(&snapshot, &busy("incoming", "4", 5)), "a: x");
}

#[test]
fn a_pod_waits_for_its_victims() {
    let victim = PodInfo {
        terminating: true,
        preempted: true,
        ..PodInfo::clone(&busy("victim", "4", 0))
    };
    let mut snapshot = snapshot(nodes(["a"]), [("a", Arc::new(victim))]);
    let incoming = busy("incoming", "4", 5);
    snapshot.nominate(&incoming, "a");
    assert_eq!(
        outcome(&snapshot, &incoming),
        "no new claims to deallocate, preemption: not eligible due to a terminating pod on the \
         nominated node."
    );
    snapshot.unplace("victim");
    assert_eq!(outcome(&snapshot, &incoming), "fits on a");
}

fn of_app(name: &str, priority: i32, spec: &Value) -> Arc<PodInfo> {
    let mut spec = spec.clone();
    spec["priority"] = priority.into();
    labelled(name, &json!({"app": name}), &spec)
}

fn pod_terms(kind: &str, app: &str, key: &str) -> Value {
    let term = json!({"labelSelector": {"matchLabels": {"app": app}}, "topologyKey": key});
    json!({"affinity": {kind: {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}})
}

#[test]
fn those_who_are_not_wanted_near_go() {
    let zoned = ["a", "b"].map(|name| node_with(name, &json!({"zone": "z"})));
    let avoids = |key: &str| of_app("incoming", 5, &pod_terms("podAntiAffinity", "web", key));
    let web = || of_app("web", 0, &json!({}));
    let refusing = of_app("web", 0, &pod_terms("podAntiAffinity", "incoming", "zone"));
    let important = of_app("web", 9, &json!({}));
    let bystander = || of_app("db", 0, &json!({}));
    let stuck = "no new claims to deallocate, preemption: 0/2 nodes are available: ";
    let hopeless = format!("{stuck}2 No preemption victims found for incoming pod.");
    let refused = format!(
        "{stuck}1 No preemption victims found for incoming pod, \
         1 node(s) didn't match pod anti-affinity rules."
    );
    let rows = [
        // Only the one that is in the way goes.
        (avoids("zone"), web(), "a: web"),
        (avoids(HOST), web(), "fits on b"),
        (of_app("incoming", 5, &json!({})), refusing, "a: web"),
        (avoids("zone"), important, refused.as_str()),
    ];
    for (incoming, on_a, expected) in rows {
        let snapshot = snapshot(zoned.clone(), [("a", on_a), ("a", bystander())]);
        assert_eq!(outcome(&snapshot, &incoming), expected);
    }
    // On two nodes of one zone: taking the pods of one away is not enough.
    let other = labelled("other", &json!({"app": "web"}), &json!({"priority": 9}));
    let both = snapshot(zoned.clone(), [("a", web()), ("b", other)]);
    assert_eq!(outcome(&both, &avoids("zone")), refused);
    let equal = snapshot(zoned, [("a", of_app("web", 5, &json!({})))]);
    assert_eq!(outcome(&equal, &avoids("zone")), hopeless);
}

#[test]
fn nobody_goes_where_affinity_finds_nobody() {
    let snapshot = snapshot(nodes(["a"]), [("a", of_app("db", 0, &json!({})))]);
    let incoming = of_app("incoming", 5, &pod_terms("podAffinity", "web", HOST));
    assert_eq!(
        outcome(&snapshot, &incoming),
        "no new claims to deallocate, preemption: 0/1 nodes are available: \
         1 Preemption is not helpful for scheduling."
    );
}

/// As upstream: whom a pod needs near should not be less important than the pod.
#[test]
fn no_node_is_searched_for_whom_to_spare() {
    let busy = |name: &str, priority: i32| {
        let mut spec = requests(&json!({"cpu": "2"}));
        spec["priority"] = priority.into();
        labelled(name, &json!({"app": name}), &spec)
    };
    let mut spec = requests(&json!({"cpu": "2"}));
    spec["affinity"] = pod_terms("podAffinity", "web", HOST)["affinity"].clone();
    spec["priority"] = 5.into();
    let snapshot = snapshot(nodes(["a"]), [("a", busy("web", 0)), ("a", busy("db", 1))]);
    let incoming = labelled("incoming", &json!({}), &spec);
    assert_eq!(
        outcome(&snapshot, &incoming),
        "no new claims to deallocate, preemption: 0/1 nodes are available: \
         1 node(s) didn't match pod affinity rules."
    );
}

#[test]
fn crowded_domains_are_thinned() {
    let constraint = json!([{
        "maxSkew": 1, "topologyKey": HOST, "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchExpressions": [{"key": "app", "operator": "Exists"}]},
    }]);
    let incoming = of_app(
        "incoming",
        5,
        &json!({
            "topologySpreadConstraints": constraint, "nodeSelector": {"disk": "ssd"},
        }),
    );
    let labels = json!({"disk": "ssd"});
    let nodes = [
        node_with("a", &labels),
        NodeInfo::of(&node_object("b", &json!({"unschedulable": true}), &labels)),
    ];
    let snapshot = snapshot(
        nodes,
        [
            ("a", since(&of_app("old", 0, &json!({})), 1)),
            ("a", since(&of_app("young", 0, &json!({})), 2)),
        ],
    );
    // With b empty, none may stay beside the incoming pod.
    assert_eq!(outcome(&snapshot, &incoming), "a: old young");
}

#[test]
fn the_nominated_node_is_tried_first() {
    let mut snapshot = snapshot(nodes(["a", "b"]), [("a", of_app("web", 9, &json!({})))]);
    let incoming = of_app("incoming", 5, &pod_terms("podAntiAffinity", "web", HOST));
    snapshot.nominate(&incoming, "a");
    assert_eq!(outcome(&snapshot, &incoming), "fits on b");
    snapshot.unplace("web");
    assert_eq!(outcome(&snapshot, &incoming), "fits on a");
}
