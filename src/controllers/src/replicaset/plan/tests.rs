use super::*;
use expect_test::{Expect, expect};
use serde_json::{Value, json};

const NOW: &str = "2026-01-01T01:00:00Z";

fn now() -> Timestamp {
    NOW.parse().expect("a time")
}

fn set(more: &Value) -> ReplicaSet {
    let mut set = json!({
        "metadata": {"name": "web-1", "namespace": "n", "uid": "u", "generation": 2},
        "spec": {"replicas": 2, "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web", "tier": "x"}}}},
        "status": {"replicas": 0},
    });
    put(&mut set, more);
    ReplicaSet::decode(set.to_string().as_bytes()).expect("a replica set")
}

fn put(object: &mut Value, more: &Value) {
    for (pointer, value) in more.as_object().expect("pointers") {
        let (parent, field) = pointer.rsplit_once('/').expect("a pointer");
        object.pointer_mut(parent).expect("a parent")[field] = value.clone();
    }
}

fn pod(name: &str, more: &Value) -> Pod {
    let mut pod = json!({
        "metadata": {"name": name, "namespace": "n", "uid": name,
            "labels": {"app": "web", "tier": "x"},
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-1",
                "uid": "u", "controller": true}]},
        "spec": {"nodeName": "n1", "containers": []},
        "status": {"phase": "Running", "conditions": [{
            "type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:59:50Z"}]},
    });
    put(&mut pod, more);
    Pod::decode(pod.to_string().as_bytes()).expect("a pod")
}

fn check(set: &ReplicaSet, pods: Vec<Pod>, expected: &Expect) {
    let plan = plan(Snapshot {
        set,
        selector: &LabelSelector::parse("app=web").expect("valid"),
        pods,
        crowds: BTreeMap::new(),
        now: now(),
    });
    let names = |pods: &[Pod]| pods.iter().map(Kind::name).collect::<Vec<_>>().join(" ");
    let mut out = String::new();
    let mut line = |what: &str, of: &str| {
        if !of.is_empty() {
            out.push_str(&format!("{what}: {of}\n"));
        }
    };
    line("adopt", &names(&plan.adopt));
    line("release", &names(&plan.release));
    match &plan.work {
        Work::Nothing => {}
        Work::Create(count) => line("create", &count.to_string()),
        Work::Delete(pods) => line("delete", &names(pods)),
    }
    line("counts", &format!("{:?}", plan.counts));
    line(
        "again",
        &plan.again.map(|d| format!("{d:?}")).unwrap_or_default(),
    );
    expected.assert_eq(&out);
}

#[test]
fn missing_pods_are_created() {
    let pods = vec![pod("a", &json!({"/status/phase": "Failed"}))];
    check(
        &set(&json!({})),
        pods,
        &expect![[r#"
            create: 2
            counts: Counts { active: 0, labeled: 0, ready: 0, available: 0, terminating: 0 }
        "#]],
    );
    check(
        &set(&json!({"/spec/replicas": 1000})),
        vec![],
        &expect![[r#"
            create: 500
            counts: Counts { active: 0, labeled: 0, ready: 0, available: 0, terminating: 0 }
        "#]],
    );
}

#[test]
fn surplus_pods_are_deleted_in_order() {
    let pods = vec![
        pod("a", &json!({})),
        pod("b", &json!({})),
        pod("unready", &json!({"/status/conditions": []})),
        pod(
            "pending",
            &json!({"/status/phase": "Pending", "/spec/nodeName": null}),
        ),
        pod("going", &json!({"/metadata/deletionTimestamp": NOW})),
    ];
    check(
        &set(&json!({})),
        pods,
        &expect![[r#"
            delete: pending unready
            counts: Counts { active: 4, labeled: 4, ready: 3, available: 3, terminating: 1 }
        "#]],
    );
}

#[test]
fn pods_are_claimed_by_selector_and_uid() {
    let pods = vec![
        pod("orphan", &json!({"/metadata/ownerReferences": []})),
        pod("strange", &json!({"/metadata/labels": {"app": "db"}})),
        pod("plain", &json!({"/metadata/labels": {"app": "web"}})),
    ];
    check(
        &set(&json!({})),
        pods,
        &expect![[r#"
            adopt: orphan
            release: strange
            counts: Counts { active: 2, labeled: 1, ready: 2, available: 2, terminating: 0 }
        "#]],
    );
}

#[test]
fn a_set_being_deleted_only_counts() {
    let set = set(&json!({"/metadata/deletionTimestamp": NOW, "/spec/replicas": 5}));
    check(
        &set,
        vec![pod("a", &json!({}))],
        &expect![[r#"
            counts: Counts { active: 1, labeled: 1, ready: 1, available: 1, terminating: 0 }
        "#]],
    );
}

#[test]
fn min_ready_seconds_names_the_next_look() {
    let set = set(&json!({"/spec/minReadySeconds": 30}));
    let early = json!([{"type": "Ready", "status": "True",
        "lastTransitionTime": "2026-01-01T00:59:00Z"}]);
    let pods = vec![
        pod("a", &json!({})),
        pod("b", &json!({"/status/conditions": early})),
    ];
    check(
        &set,
        pods,
        &expect![[r#"
            counts: Counts { active: 2, labeled: 2, ready: 2, available: 1, terminating: 0 }
            again: 20s
        "#]],
    );
}

#[test]
fn status_keeps_the_first_failure_until_a_success() {
    let counts = Counts {
        active: 1,
        ready: 1,
        ..Counts::default()
    };
    let failed = with_status(&set(&json!({})), &counts, Some("quota"), now());
    expect![[r#"{"conditions":[{"lastTransitionTime":"2026-01-01T01:00:00Z","message":"quota","reason":"FailedCreate","status":"True","type":"ReplicaFailure"}],"observedGeneration":2,"readyReplicas":1,"replicas":1,"terminatingReplicas":0}"#]]
    .assert_eq(&failed.encode()["status"].to_string());
    let again = with_status(&failed, &counts, Some("other"), now());
    assert_eq!(again, failed);
    let healed = with_status(&again, &counts, None, now());
    expect![[r#"{"conditions":[],"observedGeneration":2,"readyReplicas":1,"replicas":1,"terminatingReplicas":0}"#]]
        .assert_eq(&healed.encode()["status"].to_string());
}
