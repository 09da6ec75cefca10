//! Which nodes pods may go to because of other pods.

use std::sync::Arc;

use expect_test::expect;
use serde_json::{Value, json};

use crate::pod::PodInfo;
use crate::selector::Labels;
use crate::snapshot::Snapshot;
use crate::testing::{HOST, check_verdicts, labelled, snapshot, with, zoned};

mod hint;
mod score;

/// Pods of an app, and how near is near.
fn app(name: &str, key: &str) -> Value {
    json!({"labelSelector": {"matchLabels": {"app": name}}, "topologyKey": key})
}

fn affinity(kind: &str, terms: &[Value]) -> Value {
    json!({"affinity": {kind: {"requiredDuringSchedulingIgnoredDuringExecution": terms}}})
}

fn near(terms: &[Value]) -> Value {
    affinity("podAffinity", terms)
}

fn apart(terms: &[Value]) -> Value {
    affinity("podAntiAffinity", terms)
}

fn of_app(name: &str, app: &str, spec: &Value) -> Arc<PodInfo> {
    labelled(name, &json!({"app": app}), spec)
}

/// `web` in zone a; `db` in zone b, which wants no `cache` there; a `web` of namespace `other`.
fn cluster() -> Snapshot {
    let mut snapshot = snapshot(
        zoned(),
        [
            ("a1", of_app("web", "web", &json!({}))),
            ("b1", of_app("db", "db", &apart(&[app("cache", "zone")]))),
            ("b1", of_app("other/web", "web", &json!({}))),
        ],
    );
    for (name, team) in [("default", "blue"), ("other", "red")] {
        let labels = [("team".to_owned(), team.to_owned())];
        snapshot.put_namespace(name, Labels::from(labels));
    }
    snapshot
}

#[test]
fn affinity_finds_pods_in_domains() {
    let pod = |spec: Value| of_app("incoming", "incoming", &spec);
    let absent = json!({"matchExpressions": [{"key": "tier", "operator": "DoesNotExist"}]});
    let pods = [
        ("near web's zone", pod(near(&[app("web", "zone")]))),
        ("near web's host", pod(near(&[app("web", HOST)]))),
        (
            "near one pod that is web and db",
            pod(near(&[app("web", "zone"), app("db", "zone")])),
        ),
        (
            "near web, by zone and host",
            pod(near(&[app("web", "zone"), app("web", HOST)])),
        ),
        (
            "near pods without a tier",
            pod(near(&[with(app("", "zone"), "labelSelector", absent)])),
        ),
        (
            "near no pods at all",
            pod(near(&[json!({"topologyKey": "zone"})])),
        ),
        ("first of its group", pod(near(&[app("incoming", "zone")]))),
        (
            "near a group that is not there",
            pod(near(&[app("new", "zone")])),
        ),
    ];
    check_verdicts(
        &cluster(),
        &pods,
        &expect![[r#"
        near web's zone
          a1 fits
          a2 fits
          b1 U: node(s) didn't match pod affinity rules
          bare U: node(s) didn't match pod affinity rules
        near web's host
          a1 fits
          a2 U: node(s) didn't match pod affinity rules
          b1 U: node(s) didn't match pod affinity rules
          bare U: node(s) didn't match pod affinity rules
        near one pod that is web and db
          a1 U: node(s) didn't match pod affinity rules
          a2 U: node(s) didn't match pod affinity rules
          b1 U: node(s) didn't match pod affinity rules
          bare U: node(s) didn't match pod affinity rules
        near web, by zone and host
          a1 fits
          a2 U: node(s) didn't match pod affinity rules
          b1 U: node(s) didn't match pod affinity rules
          bare U: node(s) didn't match pod affinity rules
        near pods without a tier
          a1 fits
          a2 fits
          b1 fits
          bare U: node(s) didn't match pod affinity rules
        near no pods at all
          a1 U: node(s) didn't match pod affinity rules
          a2 U: node(s) didn't match pod affinity rules
          b1 U: node(s) didn't match pod affinity rules
          bare U: node(s) didn't match pod affinity rules
        first of its group
          a1 fits
          a2 fits
          b1 fits
          bare U: node(s) didn't match pod affinity rules
        near a group that is not there
          a1 U: node(s) didn't match pod affinity rules
          a2 U: node(s) didn't match pod affinity rules
          b1 U: node(s) didn't match pod affinity rules
          bare U: node(s) didn't match pod affinity rules
    "#]],
    );
}

#[test]
fn the_second_of_a_group_follows_the_first() {
    let mut snapshot = cluster();
    let member = |name: &str| of_app(name, "group", &near(&[app("group", "zone")]));
    snapshot.place(member("first"), "b1", true);
    check_verdicts(
        &snapshot,
        &[("second", member("second"))],
        &expect![[r#"
        second
          a1 U: node(s) didn't match pod affinity rules
          a2 U: node(s) didn't match pod affinity rules
          b1 fits
          bare U: node(s) didn't match pod affinity rules
    "#]],
    );
}

#[test]
fn anti_affinity_goes_both_ways() {
    let pod = |spec: Value| of_app("incoming", "incoming", &spec);
    let pods = [
        ("apart from web, by zone", pod(apart(&[app("web", "zone")]))),
        ("apart from web, by host", pod(apart(&[app("web", HOST)]))),
        (
            "apart from web or db",
            pod(apart(&[app("web", HOST), app("db", "zone")])),
        ),
        ("apart from nobody", pod(apart(&[app("new", "zone")]))),
        ("refused by db", of_app("incoming", "cache", &json!({}))),
        (
            "of another namespace than db means",
            of_app("other/incoming", "cache", &json!({})),
        ),
        (
            "apart from db that refuses it",
            of_app("incoming", "cache", &apart(&[app("db", HOST)])),
        ),
    ];
    check_verdicts(
        &cluster(),
        &pods,
        &expect![[r#"
        apart from web, by zone
          a1 node(s) didn't match pod anti-affinity rules
          a2 node(s) didn't match pod anti-affinity rules
          b1 fits
          bare fits
        apart from web, by host
          a1 node(s) didn't match pod anti-affinity rules
          a2 fits
          b1 fits
          bare fits
        apart from web or db
          a1 node(s) didn't match pod anti-affinity rules
          a2 fits
          b1 node(s) didn't match pod anti-affinity rules
          bare fits
        apart from nobody
          a1 fits
          a2 fits
          b1 fits
          bare fits
        refused by db
          a1 fits
          a2 fits
          b1 node(s) didn't satisfy existing pods anti-affinity rules
          bare fits
        of another namespace than db means
          a1 fits
          a2 fits
          b1 fits
          bare fits
        apart from db that refuses it
          a1 fits
          a2 fits
          b1 node(s) didn't match pod anti-affinity rules
          bare fits
    "#]],
    );
}

#[test]
fn namespaces_are_named_or_selected() {
    let pod = |field: &str, value: Value| {
        let term = with(app("web", "zone"), field, value);
        of_app("incoming", "incoming", &near(&[term]))
    };
    let team = |team: &str| json!({"matchLabels": {"team": team}});
    let pods = [
        ("named", pod("namespaces", json!(["other"]))),
        ("all", pod("namespaceSelector", json!({}))),
        ("red", pod("namespaceSelector", team("red"))),
        ("green", pod("namespaceSelector", team("green"))),
    ];
    check_verdicts(
        &cluster(),
        &pods,
        &expect![[r#"
        named
          a1 U: node(s) didn't match pod affinity rules
          a2 U: node(s) didn't match pod affinity rules
          b1 fits
          bare U: node(s) didn't match pod affinity rules
        all
          a1 fits
          a2 fits
          b1 fits
          bare U: node(s) didn't match pod affinity rules
        red
          a1 U: node(s) didn't match pod affinity rules
          a2 U: node(s) didn't match pod affinity rules
          b1 fits
          bare U: node(s) didn't match pod affinity rules
        green
          a1 U: node(s) didn't match pod affinity rules
          a2 U: node(s) didn't match pod affinity rules
          b1 U: node(s) didn't match pod affinity rules
          bare U: node(s) didn't match pod affinity rules
    "#]],
    );

    let term = with(app("web", "zone"), "namespaceSelector", team("red"));
    let mut snapshot = snapshot(zoned(), [("a1", of_app("picky", "db", &apart(&[term])))]);
    let red = Labels::from([("team".to_owned(), "red".to_owned())]);
    assert!(snapshot.put_namespace("other", red.clone()));
    assert!(!snapshot.put_namespace("other", red));
    let pods = [
        (
            "of a namespace that is refused",
            of_app("other/in", "web", &json!({})),
        ),
        ("of another", of_app("in", "web", &json!({}))),
    ];
    check_verdicts(
        &snapshot,
        &pods,
        &expect![[r#"
        of a namespace that is refused
          a1 node(s) didn't satisfy existing pods anti-affinity rules
          a2 node(s) didn't satisfy existing pods anti-affinity rules
          b1 fits
          bare fits
        of another
          a1 fits
          a2 fits
          b1 fits
          bare fits
    "#]],
    );
}

#[test]
fn leaving_pods_still_count() {
    let leaving = PodInfo {
        terminating: true,
        ..PodInfo::clone(&of_app("web", "web", &json!({})))
    };
    let snapshot = snapshot(zoned(), [("a1", Arc::new(leaving))]);
    let pod = of_app("incoming", "incoming", &apart(&[app("web", HOST)]));
    check_verdicts(
        &snapshot,
        &[("apart", pod)],
        &expect![[r#"
        apart
          a1 node(s) didn't match pod anti-affinity rules
          a2 fits
          b1 fits
          bare fits
    "#]],
    );
}

#[test]
fn nominated_pods_are_avoided_but_not_counted_on() {
    let mut snapshot = snapshot(zoned(), []);
    let waiting = of_app("waiting", "web", &apart(&[app("cache", "zone")]));
    snapshot.nominate(&waiting, "a1");
    let pods = [
        ("near", of_app("in", "in", &near(&[app("web", "zone")]))),
        ("apart", of_app("in", "in", &apart(&[app("web", "zone")]))),
        ("refused", of_app("in", "cache", &json!({}))),
    ];
    check_verdicts(
        &snapshot,
        &pods,
        &expect![[r#"
        near
          a1 U: node(s) didn't match pod affinity rules
          a2 U: node(s) didn't match pod affinity rules
          b1 U: node(s) didn't match pod affinity rules
          bare U: node(s) didn't match pod affinity rules
        apart
          a1 node(s) didn't match pod anti-affinity rules
          a2 fits
          b1 fits
          bare fits
        refused
          a1 node(s) didn't satisfy existing pods anti-affinity rules
          a2 fits
          b1 fits
          bare fits
    "#]],
    );
}
