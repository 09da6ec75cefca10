//! Which node loses whom.

use std::sync::Arc;

use api::Kind;
use api::policy::PodDisruptionBudget;
use informer::Key;
use serde_json::json;

use crate::budget::Budget;
use crate::plan::{Decision, Nominating, plan};
use crate::plugins::DEFAULT;
use crate::pod::PodInfo;
use crate::snapshot::Snapshot;
use crate::testing::{node, pod, requests, snapshot};

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
