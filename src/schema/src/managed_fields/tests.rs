use apimachinery::GroupVersionKind;
use expect_test::{Expect, expect};

use super::*;
use crate::facts::Facts;

fn ty(group: &'static str, kind: &'static str) -> TypeRef<'static> {
    let gvk = GroupVersionKind::new(group, "v1", kind);
    Facts::builtin().kind(&gvk).expect("a built-in kind")
}

fn object(value: &Value) -> Object {
    Object::from_value(value.clone()).expect("an object")
}

fn by<'w>(manager: &'w str, time: &'static str) -> Write<'w> {
    Write {
        manager,
        api_version: "v1",
        time,
        subresource: "",
    }
}

/// Writes one state after another, and shows the entries.
#[track_caller]
fn check(kind: TypeRef<'_>, states: &[(&str, Value)], expected: Expect) {
    let mut old: Option<Object> = None;
    for (manager, state) in states {
        let mut new = object(state);
        let entries = record(
            old.as_ref(),
            &new,
            kind,
            by(manager, "2026-01-01T00:00:00Z"),
        );
        new.metadata_mut()
            .insert("managedFields".into(), entries.into());
        old = Some(new);
    }
    let old = old.expect("a state");
    let entries = old
        .metadata()
        .and_then(|metadata| metadata["managedFields"].as_array());
    let line = |entry: &Value| format!("{} {}\n", entry["manager"], entry["fieldsV1"]);
    let lines: String = entries.into_iter().flatten().map(line).collect();
    expected.assert_eq(&lines);
}

/// Maps, structs behind pointers and optional lists are fields themselves; structs by value and
/// required lists are not.
#[test]
fn a_new_object_is_its_makers() {
    check(
        ty("apps", "Deployment"),
        &[(
            "kubectl-create",
            json!({"apiVersion": "apps/v1", "kind": "Deployment",
                "metadata": {"name": "a", "uid": "u", "generation": 1, "labels": {"app": "a"}},
                "spec": {"replicas": 1, "selector": {"matchLabels": {"app": "a"}},
                    "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}},
                    "template": {"metadata": {"labels": {"app": "a"}}, "spec": {
                        "containers": [{"name": "c", "image": "i", "resources": {}, "args": ["x"],
                            "ports": [{"containerPort": 80, "protocol": "TCP"}]}],
                        "securityContext": {}}}}}),
        )],
        expect![[r#"
            "kubectl-create" {"f:metadata":{"f:labels":{".":{},"f:app":{}}},"f:spec":{"f:replicas":{},"f:selector":{},"f:strategy":{"f:rollingUpdate":{".":{},"f:maxSurge":{}},"f:type":{}},"f:template":{"f:metadata":{"f:labels":{".":{},"f:app":{}}},"f:spec":{"f:containers":{"k:{\"name\":\"c\"}":{".":{},"f:args":{},"f:image":{},"f:name":{},"f:ports":{".":{},"k:{\"containerPort\":80,\"protocol\":\"TCP\"}":{".":{},"f:containerPort":{},"f:protocol":{}}},"f:resources":{}}},"f:securityContext":{}}}}}
        "#]],
    );
}

#[test]
fn a_change_takes_fields_over() {
    let state = |image: &str, labels: Value, finalizers: Value| {
        json!({"metadata": {"name": "a", "labels": labels, "finalizers": finalizers},
            "spec": {"containers": [{"name": "c", "image": image}, {"name": "d", "image": "e"}]}})
    };
    check(
        ty("", "Pod"),
        &[
            ("a", state("i:1", json!({"x": "1", "y": "1"}), json!(["f"]))),
            (
                "b",
                state("i:2", json!({"x": "1", "y": "1"}), json!(["f", "g"])),
            ),
            ("c", state("i:2", json!({"x": "2"}), json!(["g"]))),
            ("d", state("i:2", json!({"x": "2"}), json!(["g"]))),
        ],
        expect![[r#"
            "a" {"f:metadata":{"f:finalizers":{},"f:labels":{}},"f:spec":{"f:containers":{"k:{\"name\":\"c\"}":{".":{},"f:name":{}},"k:{\"name\":\"d\"}":{".":{},"f:image":{},"f:name":{}}}}}
            "b" {"f:metadata":{"f:finalizers":{"v:\"g\"":{}}},"f:spec":{"f:containers":{"k:{\"name\":\"c\"}":{"f:image":{}}}}}
            "c" {"f:metadata":{"f:labels":{"f:x":{}}}}
        "#]],
    );
}

#[test]
fn what_was_never_recorded_stays_so() {
    let old = object(&json!({"metadata": {"name": "a"}}));
    let new = object(&json!({"metadata": {"name": "a", "labels": {"a": "b"}}}));
    assert_eq!(
        record(Some(&old), &new, ty("", "Pod"), by("a", "")),
        Vec::<Value>::new()
    );
}

#[test]
fn managers_are_few() {
    let kind = ty("", "ConfigMap");
    let mut data = Map::new();
    let mut old: Option<Object> = None;
    for n in 0..30 {
        data.insert(format!("k{n}"), "v".into());
        let mut new = object(&json!({"metadata": {"name": "a"}, "data": data}));
        let entries = record(
            old.as_ref(),
            &new,
            kind,
            by(&format!("m{n}"), "2026-01-01T00:00:00Z"),
        );
        assert!(entries.len() <= MAX_MANAGERS);
        new.metadata_mut()
            .insert("managedFields".into(), entries.into());
        old = Some(new);
    }
    let old = old.expect("a state");
    let entries = old
        .metadata()
        .and_then(|m| m["managedFields"].as_array())
        .expect("entries");
    let all = entries
        .iter()
        .fold(Fields::new(), |all, entry| union(all, &fields(entry)));
    assert_eq!(all, field_set(&old, kind));
    assert!(entries.iter().any(|entry| entry["manager"] == ANCIENT));
}

#[test]
fn user_agents_name_managers() {
    let rows = [
        (
            "kubectl/v1.35.0 (linux/amd64) kubernetes/66452049",
            "kubectl",
        ),
        ("curl", "curl"),
        ("", ""),
        ("a\u{7}b/1", "ab"),
    ];
    for (agent, expected) in rows {
        assert_eq!(manager(agent), expected);
    }
}
