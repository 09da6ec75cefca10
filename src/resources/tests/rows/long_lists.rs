//! Lists as long as a body can make them cost no more than a moment: a rule that compares each item
//! with each takes minutes here. And what is told of them is bounded.

use resources::Cell;
use serde_json::{Value, json};

use crate::harness::{create, fixture, now, row, set, text, update};
use crate::updates::stored;

const MANY: usize = 30_000;
/// Of what is looked up in another list: each in each is a hundred million.
const PAIRED: usize = 10_000;
/// Longer than any answer: a thousand errors with 4 KiB of names each.
const TEXT_SIZE: usize = 8 << 20;

fn many(item: impl Fn(usize) -> Value) -> Value {
    (0..MANY).map(item).collect()
}

fn paired(item: impl Fn(usize) -> Value) -> Value {
    (0..PAIRED).map(item).collect()
}

fn fields(field: impl Fn(usize) -> (String, Value)) -> Value {
    Value::Object((0..PAIRED).map(field).collect())
}

/// What is wrong with them takes a moment to say.
fn check_new(kind: &str, values: &[(&str, Value)]) {
    let row = row(kind);
    let mut object = fixture(row);
    for (pointer, value) in values {
        set(&mut object, pointer, value.clone());
    }
    let (_, errors) = create(row, object);
    assert!(text(&errors).len() < TEXT_SIZE, "{kind} {}", values[0].0);
}

/// As [`check_new`], of a change of what is stored.
fn check_changed(kind: &str, subresource: &str, before: &[(&str, Value)], after: &[(&str, Value)]) {
    let row = row(kind);
    let mut old = fixture(row);
    for (pointer, value) in before {
        set(&mut old, pointer, value.clone());
    }
    let mut new = old.clone();
    for (pointer, value) in after {
        set(&mut new, pointer, value.clone());
    }
    let (_, errors) = update(row, subresource, new, &old);
    assert!(text(&errors).len() < TEXT_SIZE, "{kind} {}", after[0].0);
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
        check_new("Pod", &values);
    }
}

/// What all containers of a pod share is read once.
#[test]
fn of_containers() {
    let containers = |resources: Value| {
        paired(move |n| json!({"name": format!("a{n}"), "image": "b", "resources": resources}))
    };
    let rows = [
        vec![
            ("/spec/containers", containers(json!({}))),
            (
                "/spec/resourceClaims",
                paired(|n| json!({"name": format!("a{n}"), "resourceClaimName": "b"})),
            ),
        ],
        vec![
            ("/spec/containers", containers(json!({}))),
            (
                "/spec/resources",
                json!({"requests": fields(|n| (format!("hugepages-{n}"), "1".into()))}),
            ),
        ],
        vec![
            (
                "/spec/containers",
                containers(json!({"limits": {"cpu": "1"}})),
            ),
            (
                "/spec/resources",
                json!({"limits": {"cpu": format!("{}x", "1".repeat(200_000))}}),
            ),
        ],
    ];
    for values in rows {
        check_new("Pod", &values);
    }
}

/// A name that is too long is in the name of each claim that the pod makes.
#[test]
fn of_made_claims() {
    let template = json!({"spec": {
        "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1"}},
    }});
    let volume =
        |n| json!({"name": format!("a{n}"), "ephemeral": {"volumeClaimTemplate": template}});
    let values = [
        ("/metadata/name", json!("a".repeat(100_000))),
        ("/spec/volumes", (0..3000).map(volume).collect()),
    ];
    check_new("Pod", &values);
}

#[test]
fn of_new_objects() {
    let expression = |n| json!({"scopeName": "BestEffort", "operator": format!("a{n}")});
    let toleration = |n| json!({"key": format!("a{n}"), "operator": "Exists"});
    let rule = |n| {
        json!({
            "action": "FailJob",
            "onExitCodes": {"containerName": format!("a{n}"), "operator": "In", "values": [1]},
        })
    };
    let rows = [
        (
            "ResourceQuota",
            vec![
                (
                    "/spec/hard",
                    fields(|n| (format!("hugepages-{n}"), "1".into())),
                ),
                (
                    "/spec/scopeSelector",
                    json!({"matchExpressions": paired(expression)}),
                ),
            ],
        ),
        (
            "ResourceQuota",
            vec![
                (
                    "/spec/hard",
                    fields(|n| (format!("example.com/a{n}"), "1".into())),
                ),
                ("/spec/scopes", paired(|_| "BestEffort".into())),
            ],
        ),
        (
            "RuntimeClass",
            vec![("/scheduling", json!({"tolerations": paired(toleration)}))],
        ),
        (
            "Job",
            vec![
                (
                    "/spec/template/spec/containers",
                    paired(|n| json!({"name": format!("b{n}"), "image": "b"})),
                ),
                ("/spec/podFailurePolicy", json!({"rules": paired(rule)})),
            ],
        ),
        (
            "ResourceClaim",
            vec![(
                "/spec/devices/requests",
                json!([{
                    "name": "a".repeat(100_000),
                    "firstAvailable": paired(|n| json!({"name": format!("a{n}")})),
                }]),
            )],
        ),
        (
            "ValidatingAdmissionPolicy",
            vec![
                ("/metadata/name", json!("a".repeat(100_000))),
                (
                    "/spec/auditAnnotations",
                    (0..3000).map(|n| json!({"key": format!("a{n}")})).collect(),
                ),
            ],
        ),
    ];
    for (kind, values) in rows {
        check_new(kind, &values);
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

/// What is said of containers is looked up by their names.
#[test]
fn of_pod_statuses() {
    let containers = || paired(|n| json!({"name": format!("a{n}"), "image": "b"}));
    let statuses =
        |state: Value| paired(move |n| json!({"name": format!("a{}", PAIRED - n), "state": state}));
    let claims = |name: &'static str| paired(move |n| json!({"name": format!("{name}{n}")}));
    let rows = [
        (
            vec![
                ("/spec/restartPolicy", json!("Never")),
                ("/spec/containers", containers()),
                (
                    "/status/containerStatuses",
                    statuses(json!({"terminated": {"exitCode": 0}})),
                ),
            ],
            (
                "/status/containerStatuses",
                statuses(json!({"running": {}})),
            ),
        ),
        (
            vec![("/spec/containers", containers())],
            (
                "/status/containerStatuses",
                paired(|n| {
                    let given = json!([{"name": "cpu"}]);
                    json!({"name": format!("a{}", PAIRED - n), "allocatedResourcesStatus": given})
                }),
            ),
        ),
        (
            vec![(
                "/spec/containers",
                json!([{"name": "a", "image": "b", "resources": {"claims": claims("a")}}]),
            )],
            (
                "/status/containerStatuses",
                json!([{"name": "a", "allocatedResourcesStatus": claims("claim:b")}]),
            ),
        ),
        (
            vec![("/spec/resourceClaims", claims("a"))],
            ("/status/resourceClaimStatuses", claims("b")),
        ),
        (
            vec![("/spec/containers", containers())],
            (
                "/status/extendedResourceClaimStatus",
                json!({
                    "resourceClaimName": "a",
                    "requestMappings": paired(|n| json!({"containerName": format!("b{n}")})),
                }),
            ),
        ),
        (
            vec![("/status/podIPs", paired(|n| json!({"ip": format!("a{n}")})))],
            ("/status/podIPs", paired(|n| json!({"ip": format!("b{n}")}))),
        ),
    ];
    for (before, after) in rows {
        check_changed("Pod", "status", &before, &[after]);
    }
}

#[test]
fn of_other_changes() {
    let terms = |name: &'static str| {
        let expression = move |n| json!({"key": format!("{name}{n}"), "operator": "Exists"});
        json!([{"matchExpressions": paired(expression)}])
    };
    let ports = |protocol: &'static str| paired(move |n| json!({"port": n, "protocol": protocol}));
    let named = |field: &'static str| paired(move |n| json!({field: format!("a{}", PAIRED - n)}));
    let deleted = || ("/metadata/deletionTimestamp", json!("2026-01-10T12:00:00Z"));
    const NODES: &str = "/spec/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms";
    let rows = [
        (
            ("Pod", ""),
            vec![
                ("/spec/schedulingGates", json!([{"name": "a"}])),
                (NODES, terms("a")),
            ],
            (NODES, terms("b")),
        ),
        (
            ("Service", ""),
            vec![
                ("/spec/type", json!("NodePort")),
                ("/spec/ports", ports("TCP")),
            ],
            ("/spec/ports", ports("UDP")),
        ),
        (
            ("CustomResourceDefinition", "status"),
            vec![("/spec/versions", named("name"))],
            ("/status/storedVersions", paired(|n| format!("b{n}").into())),
        ),
        (
            ("ResourceClaim", "status"),
            vec![("/status/reservedFor", named("uid")), deleted()],
            (
                "/status/reservedFor",
                paired(|n| json!({"uid": format!("a{}", n + 1)})),
            ),
        ),
        (
            ("CSINode", ""),
            vec![("/spec/drivers", named("name"))],
            (
                "/spec/drivers",
                paired(|n| json!({"name": format!("a{n}"), "nodeID": "b"})),
            ),
        ),
        (
            ("CertificateSigningRequest", "approval"),
            vec![("/status/conditions", named("type"))],
            (
                "/status/conditions",
                paired(|n| json!({"type": format!("a{n}")})),
            ),
        ),
    ];
    for ((kind, subresource), before, after) in rows {
        check_changed(kind, subresource, &before, &[after]);
    }
}

/// Cells of tables are made of whatever is stored.
#[test]
fn of_cells() {
    let ended = json!({"terminated": {"exitCode": 0}});
    let rows = [
        (
            "Pod",
            vec![
                (
                    "/spec/initContainers",
                    paired(|n| json!({"name": format!("a{n}")})),
                ),
                (
                    "/status/initContainerStatuses",
                    paired(|n| json!({"name": format!("b{n}"), "state": ended})),
                ),
                (
                    "/spec/readinessGates",
                    paired(|n| json!({"conditionType": format!("a{n}")})),
                ),
                (
                    "/status/conditions",
                    paired(|n| json!({"type": format!("b{n}"), "status": "True"})),
                ),
            ],
        ),
        (
            "Endpoints",
            vec![(
                "/subsets",
                json!([{
                    "addresses": paired(|n| json!({"ip": format!("a{n}")})),
                    "ports": paired(|n| json!({"port": n})),
                }]),
            )],
        ),
    ];
    for (kind, values) in rows {
        let row = row(kind);
        let mut object = fixture(row);
        for (pointer, value) in &values {
            set(&mut object, pointer, value.clone());
        }
        for column in row.columns {
            let cell = (column.cell)(&Cell {
                object: &object,
                now: now(),
            });
            assert!(cell.to_string().len() < TEXT_SIZE, "{kind} {}", column.name);
        }
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
