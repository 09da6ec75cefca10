//! Lists as long as a body can make them cost no more than a moment: a rule that compares each item
//! with each takes minutes here. And what is told of them is bounded.

use serde_json::{Value, json};

use crate::harness::{create, fixture, row, set, text, update};
use crate::updates::stored;

const MANY: usize = 30_000;
/// Longer than any answer: a thousand errors with 4 KiB of names each.
const TEXT_SIZE: usize = 8 << 20;

fn many(item: impl Fn(usize) -> Value) -> Value {
    (0..MANY).map(item).collect()
}

#[test]
fn of_new_pods() {
    let claims = |what: &'static str| many(move |n| json!({"name": format!("{what}{n}")}));
    let rows = [
        vec![
            ("/spec/resourceClaims", claims("a")),
            ("/spec/containers/0/resources/claims", claims("b")),
        ],
        vec![
            (
                "/spec/containers/0/volumeMounts",
                many(|n| json!({"name": "v", "mountPath": format!("/{n}")})),
            ),
            (
                "/spec/containers/0/volumeDevices",
                many(|n| json!({"name": "w", "devicePath": format!("/dev/{n}")})),
            ),
        ],
        vec![(
            "/spec/topologySpreadConstraints",
            json!([{
                "maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": {"matchExpressions": many(|n| {
                    json!({"key": format!("x{n}"), "operator": "Exists"})
                })},
                "matchLabelKeys": many(|n| format!("a{n}").into()),
                "mismatchLabelKeys": many(|n| format!("b{n}").into()),
            }]),
        )],
    ];
    for values in rows {
        let row = row("Pod");
        let mut object = fixture(row);
        for (pointer, value) in &values {
            set(&mut object, pointer, value.clone());
        }
        let (_, errors) = create(row, object);
        assert!(text(&errors).len() < TEXT_SIZE, "{}", values[0].0);
    }
}

#[test]
fn of_changed_objects() {
    let finalizers = |what: &'static str| many(move |n| format!("example.com/{what}{n}").into());
    let deleted = || ("/metadata/deletionTimestamp", json!("2026-01-10T12:00:00Z"));
    let rows = [
        (
            "Pod",
            vec![(
                "/spec/tolerations",
                many(|n| json!({"key": format!("a{n}"), "operator": "Exists"})),
            )],
            ("/metadata/labels", json!({"a": "b"})),
        ),
        (
            "ConfigMap",
            vec![("/metadata/finalizers", finalizers("a")), deleted()],
            ("/metadata/finalizers", finalizers("b")),
        ),
    ];
    for (kind, before, (pointer, value)) in rows {
        let row = row(kind);
        let old = stored(row, &before);
        let mut new = old.clone();
        set(&mut new, pointer, value);
        let (_, errors) = update(row, "", new, &old);
        assert!(text(&errors).len() < TEXT_SIZE, "{kind}");
    }
}

#[test]
fn of_owners() {
    let mut object = fixture(row("ConfigMap"));
    let owner = |n| json!({"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": format!("{n}")});
    set(&mut object, "/metadata/ownerReferences", many(owner));
    assert_eq!(resources::meta::dedup_owner_references(&mut object), None);
    let (_, errors) = create(row("ConfigMap"), object.clone());
    assert_eq!(text(&errors), "");
    let left = object.at("/metadata/ownerReferences");
    assert_eq!(left.and_then(Value::as_array).map(Vec::len), Some(MANY));
}

/// Each error shows them all.
#[test]
fn of_controllers() {
    let mut object = fixture(row("ConfigMap"));
    let owner = |n| {
        json!({
            "apiVersion": "v1", "kind": "Pod", "name": "p", "uid": format!("{n}"),
            "controller": true,
        })
    };
    set(&mut object, "/metadata/ownerReferences", many(owner));
    let (_, errors) = create(row("ConfigMap"), object);
    assert_eq!(errors.0.len(), 10);
}

#[test]
fn of_scopes() {
    let mut object = fixture(row("ResourceQuota"));
    set(
        &mut object,
        "/spec/scopes",
        many(|n| format!("a{n}").into()),
    );
    let (_, errors) = create(row("ResourceQuota"), object);
    assert_eq!(errors.0.len(), 10);
}
