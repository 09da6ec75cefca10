//! How pods are spread: what is refused, and what is preferred.

use std::sync::Arc;

use expect_test::expect;
use serde_json::{Value, json};

use super::PLUGIN;
use super::score::Evenness;
use crate::node::NodeInfo;
use crate::pod::PodInfo;
use crate::snapshot::Snapshot;
use crate::testing::{
    HOST, check_verdicts, labelled, node_object, node_with, scores, snapshot, verdicts, with, zoned,
};
use crate::wakeup::{ClusterEvent, EventKind};

fn constraint(action: &str, key: &str, max_skew: i32) -> Value {
    json!({
        "maxSkew": max_skew, "topologyKey": key, "whenUnsatisfiable": action,
        "labelSelector": {"matchLabels": {"app": "web"}},
    })
}

fn hard(key: &str, max_skew: i32) -> Value {
    constraint("DoNotSchedule", key, max_skew)
}

fn spread(constraints: &[Value]) -> Value {
    json!({"topologySpreadConstraints": constraints})
}

fn web(name: &str, spec: &Value) -> Arc<PodInfo> {
    labelled(name, &json!({"app": "web"}), spec)
}

fn plain(name: &str) -> Arc<PodInfo> {
    web(name, &json!({}))
}

/// Two pods in zone a, both on one node; one in zone b. Others do not count.
fn cluster() -> Snapshot {
    let leaving = PodInfo {
        terminating: true,
        ..PodInfo::clone(&plain("leaving"))
    };
    snapshot(
        zoned(),
        [
            ("a1", plain("web-1")),
            ("a1", plain("web-2")),
            ("b1", plain("web-3")),
            ("b1", plain("other/web-4")),
            ("b1", Arc::new(leaving)),
            ("b1", labelled("db", &json!({"app": "db"}), &json!({}))),
        ],
    )
}

#[test]
fn skew_is_kept_below_the_most() {
    let pod = |constraints: &[Value]| web("incoming", &spread(constraints));
    let unlike = labelled("unlike", &json!({"app": "db"}), &spread(&[hard("zone", 1)]));
    let nil = with(hard("zone", 1), "labelSelector", Value::Null);
    let pods = [
        ("zones, skew 1", pod(&[hard("zone", 1)])),
        ("zones, skew 2", pod(&[hard("zone", 2)])),
        ("hosts, skew 1", pod(&[hard(HOST, 1)])),
        ("zones and hosts", pod(&[hard("zone", 1), hard(HOST, 1)])),
        ("a pod that is not counted itself", unlike),
        ("no selector", pod(&[nil])),
        (
            "only a wish",
            pod(&[constraint("ScheduleAnyway", "zone", 1)]),
        ),
    ];
    check_verdicts(
        &cluster(),
        &pods,
        &expect![[r#"
        zones, skew 1
          a1 node(s) didn't match pod topology spread constraints
          a2 node(s) didn't match pod topology spread constraints
          b1 fits
          bare U: node(s) didn't match pod topology spread constraints (missing required label)
        zones, skew 2
          a1 fits
          a2 fits
          b1 fits
          bare U: node(s) didn't match pod topology spread constraints (missing required label)
        hosts, skew 1
          a1 node(s) didn't match pod topology spread constraints
          a2 fits
          b1 node(s) didn't match pod topology spread constraints
          bare fits
        zones and hosts
          a1 node(s) didn't match pod topology spread constraints
          a2 node(s) didn't match pod topology spread constraints
          b1 node(s) didn't match pod topology spread constraints
          bare U: node(s) didn't match pod topology spread constraints (missing required label)
        a pod that is not counted itself
          a1 fits
          a2 fits
          b1 fits
          bare U: node(s) didn't match pod topology spread constraints (missing required label)
        no selector
          a1 fits
          a2 fits
          b1 fits
          bare U: node(s) didn't match pod topology spread constraints (missing required label)
        only a wish
          a1 fits
          a2 fits
          b1 fits
          bare fits
    "#]],
    );
}

#[test]
fn too_few_domains_count_as_an_empty_one() {
    let pod = |domains: u32| {
        let constraint = with(hard("zone", 2), "minDomains", json!(domains));
        web("incoming", &spread(&[constraint]))
    };
    let pods = [("two are enough", pod(2)), ("three are wanted", pod(3))];
    check_verdicts(
        &cluster(),
        &pods,
        &expect![[r#"
        two are enough
          a1 fits
          a2 fits
          b1 fits
          bare U: node(s) didn't match pod topology spread constraints (missing required label)
        three are wanted
          a1 node(s) didn't match pod topology spread constraints
          a2 node(s) didn't match pod topology spread constraints
          b1 fits
          bare U: node(s) didn't match pod topology spread constraints (missing required label)
    "#]],
    );
}

#[test]
fn one_domain_is_always_even() {
    let mut snapshot = snapshot([node_with("only", &json!({}))], []);
    for n in 0..5 {
        let pod = web(&format!("web-{n}"), &spread(&[hard(HOST, 1)]));
        assert_eq!(verdicts(&snapshot, &pod), "  only fits\n");
        snapshot.place(pod, "only", true);
    }
}

#[test]
fn policies_say_which_nodes_are_domains() {
    let taint = json!({"taints": [{"key": "k", "effect": "NoSchedule"}]});
    let mut nodes = Vec::from(zoned());
    let tainted = node_object("c1", &taint, &json!({"zone": "c"}));
    nodes.push(NodeInfo::of(&tainted));
    let snapshot = snapshot(
        nodes,
        [
            ("a1", plain("web-1")),
            ("b1", plain("web-2")),
            ("b1", plain("web-3")),
        ],
    );
    let pod = |constraint: Value, more: Value| {
        let mut spec = spread(&[constraint]);
        for (key, value) in more.as_object().into_iter().flatten() {
            spec[key] = value.clone();
        }
        web("incoming", &spec)
    };
    let one = || hard("zone", 1);
    let in_b = || json!({"nodeSelector": {"zone": "b"}});
    let tolerating = json!({"tolerations": [{"operator": "Exists"}]});
    let pods = [
        ("the tainted zone is the emptiest", pod(one(), json!({}))),
        (
            "taints are honoured",
            pod(with(one(), "nodeTaintsPolicy", "Honor".into()), json!({})),
        ),
        (
            "taints are honoured, and tolerated",
            pod(with(one(), "nodeTaintsPolicy", "Honor".into()), tolerating),
        ),
        ("the selector leaves one zone", pod(one(), in_b())),
        (
            "the selector is ignored",
            pod(with(one(), "nodeAffinityPolicy", "Ignore".into()), in_b()),
        ),
    ];
    check_verdicts(
        &snapshot,
        &pods,
        &expect![[r#"
        the tainted zone is the emptiest
          a1 node(s) didn't match pod topology spread constraints
          a2 node(s) didn't match pod topology spread constraints
          b1 node(s) didn't match pod topology spread constraints
          bare U: node(s) didn't match pod topology spread constraints (missing required label)
          c1 U: node(s) had untolerated taint(s)
        taints are honoured
          a1 fits
          a2 fits
          b1 node(s) didn't match pod topology spread constraints
          bare U: node(s) didn't match pod topology spread constraints (missing required label)
          c1 U: node(s) had untolerated taint(s)
        taints are honoured, and tolerated
          a1 node(s) didn't match pod topology spread constraints
          a2 node(s) didn't match pod topology spread constraints
          b1 node(s) didn't match pod topology spread constraints
          bare U: node(s) didn't match pod topology spread constraints (missing required label)
          c1 fits
        the selector leaves one zone
          a1 U: node(s) didn't match Pod's node affinity/selector
          a2 U: node(s) didn't match Pod's node affinity/selector
          b1 fits
          bare U: node(s) didn't match Pod's node affinity/selector
          c1 U: node(s) had untolerated taint(s)
        the selector is ignored
          a1 U: node(s) didn't match Pod's node affinity/selector
          a2 U: node(s) didn't match Pod's node affinity/selector
          b1 node(s) didn't match pod topology spread constraints
          bare U: node(s) didn't match Pod's node affinity/selector
          c1 U: node(s) had untolerated taint(s)
    "#]],
    );
}

#[test]
fn nominated_pods_count_where_they_will_be() {
    let mut snapshot = cluster();
    for name in ["waiting-1", "waiting-2"] {
        snapshot.nominate(&plain(name), "b1");
    }
    let pod = web("incoming", &spread(&[hard("zone", 1)]));
    check_verdicts(
        &snapshot,
        &[("zones, skew 1", pod)],
        &expect![[r#"
            zones, skew 1
              a1 node(s) didn't match pod topology spread constraints
              a2 node(s) didn't match pod topology spread constraints
              b1 node(s) didn't match pod topology spread constraints
              bare U: node(s) didn't match pod topology spread constraints (missing required label)
        "#]],
    );
}

#[test]
fn the_emptiest_domain_is_preferred() {
    let wish = |key: &str, skew: i32| constraint("ScheduleAnyway", key, skew);
    let selected = with(
        wish("zone", 1),
        "labelSelector",
        json!({"matchLabels": {"app": "no"}}),
    );
    let rows = [
        ("none", vec![], "nothing to say"),
        ("hard only", vec![hard("zone", 1)], "nothing to say"),
        // ln(4) for each of two, and for one.
        (
            "zones",
            vec![wish("zone", 1)],
            "[3, 3, 1, -1] [33, 33, 100, 0]",
        ),
        // ln(6) for each.
        (
            "hosts",
            vec![wish(HOST, 1)],
            "[4, 0, 2, 0] [0, 100, 50, 100]",
        ),
        // ln(5) for each host, since one node has no zone.
        (
            "zones and hosts",
            vec![wish("zone", 1), wish(HOST, 1)],
            "[6, 3, 3, -1] [50, 100, 100, 0]",
        ),
        (
            "a larger skew waters down",
            vec![wish("zone", 5)],
            "[7, 7, 5, -1] [71, 71, 100, 0]",
        ),
        (
            "nothing to spread from",
            vec![selected],
            "[0, 0, 0, -1] [100, 100, 100, 0]",
        ),
    ];
    for (name, constraints, expected) in rows {
        let pod = web("incoming", &spread(&constraints));
        assert_eq!(scores(&Evenness, &cluster(), &pod), expected, "{name}");
    }
}

#[test]
fn wakes_for_what_may_help() {
    let pod = web("pod", &spread(&[hard("zone", 1)]));
    let honor = with(hard("zone", 1), "nodeTaintsPolicy", "Honor".into());
    let honoring = web("pod", &spread(&[honor]));
    let (counted, elsewhere) = (plain("other"), plain("far/other"));
    let db = labelled("other", &json!({"app": "db"}), &json!({}));
    let (add, delete) = (EventKind::AssignedPodAdd, EventKind::AssignedPodDelete);
    let zoned = node_with("n", &json!({"zone": "a"}));
    let bare = node_with("n", &json!({}));
    let rows = [
        (&pod, ClusterEvent::pod(add, &counted), true),
        (&pod, ClusterEvent::pod(delete, &counted), true),
        (&pod, ClusterEvent::pod(delete, &db), false),
        (&pod, ClusterEvent::pod(delete, &elsewhere), false),
        (&pod, ClusterEvent::relabelled(&db, &counted), true),
        (&pod, ClusterEvent::relabelled(&db, &db), false),
        (&pod, ClusterEvent::pod(EventKind::PodLabel, &pod), true),
        (
            &pod,
            ClusterEvent::pod(EventKind::PodTolerations, &pod),
            false,
        ),
        (
            &honoring,
            ClusterEvent::pod(EventKind::PodTolerations, &pod),
            true,
        ),
        (&pod, ClusterEvent::node(EventKind::NodeAdd, &zoned), true),
        (&pod, ClusterEvent::node(EventKind::NodeAdd, &bare), false),
        (
            &pod,
            ClusterEvent::node(EventKind::NodeDelete, &zoned),
            true,
        ),
        (&pod, ClusterEvent::node(EventKind::NodeLabel, &bare), true),
        (
            &pod,
            ClusterEvent::node(EventKind::NodeTaint, &zoned),
            false,
        ),
        (
            &honoring,
            ClusterEvent::node(EventKind::NodeTaint, &zoned),
            true,
        ),
        (
            &pod,
            ClusterEvent::node(EventKind::NodeAllocatable, &zoned),
            false,
        ),
        (&pod, ClusterEvent::namespace("default"), false),
    ];
    for (pod, event, expected) in rows {
        assert_eq!(PLUGIN.wakes(pod, &event), expected, "{event:?}");
    }
}
