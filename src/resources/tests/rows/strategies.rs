//! What strategies set, keep, count and warn of.

use apimachinery::admission::Operation;
use expect_test::expect;
use resources::Cx;
use serde_json::{Value, json};

use crate::harness::{Writer, create, fixture, row, set, text, update};
use crate::updates::stored;

/// The spec that is stored after a change of a Service.
fn changed(changes: &[(&str, Value)]) -> String {
    let row = row("Service");
    let old = stored(row, &[]);
    let mut new = old.clone();
    for (pointer, value) in changes {
        set(&mut new, pointer, value.clone());
    }
    let (new, errors) = update(row, "", new, &old);
    assert_eq!(text(&errors), "");
    new.get("spec").map(Value::to_string).unwrap_or_default()
}

#[test]
fn services_drop_what_their_type_does_not_need() {
    expect![[r#"{"clusterIP":"10.43.0.7","clusterIPs":["10.43.0.7"],"internalTrafficPolicy":"Cluster","ipFamilies":["IPv4"],"ipFamilyPolicy":"SingleStack","ports":[{"name":"http","port":80,"protocol":"TCP","targetPort":80},{"name":"dns","port":53,"protocol":"UDP","targetPort":"dns"}],"selector":{"a":"b","app":"web"},"sessionAffinity":"None","type":"ClusterIP"}"#]].assert_eq(&changed(&[("/spec/type", json!("ClusterIP"))]));
    let emptied = [
        ("/spec/type", json!("ExternalName")),
        ("/spec/externalName", json!("example.com")),
        ("/spec/clusterIP", json!("")),
    ];
    expect![[r#"{"externalName":"example.com","ports":[{"name":"http","port":80,"protocol":"TCP","targetPort":80},{"name":"dns","port":53,"protocol":"UDP","targetPort":"dns"}],"selector":{"a":"b","app":"web"},"sessionAffinity":"None","type":"ExternalName"}"#]].assert_eq(&changed(&emptied));
    let external = [
        ("/spec/type", json!("ExternalName")),
        ("/spec/externalName", json!("example.com")),
    ];
    expect![[r#"{"externalName":"example.com","ports":[{"name":"http","port":80,"protocol":"TCP","targetPort":80},{"name":"dns","port":53,"protocol":"UDP","targetPort":"dns"}],"selector":{"a":"b","app":"web"},"sessionAffinity":"None","type":"ExternalName"}"#]].assert_eq(&changed(&external));
}

#[test]
fn namespaces_keep_finalizers_but_for_finalize() {
    let row = row("Namespace");
    let old = stored(row, &[]);
    let mut new = old.clone();
    set(&mut new, "/spec/finalizers", json!([]));
    let (kept, _) = update(row, "", new.clone(), &old);
    assert_eq!(kept.at("/spec/finalizers"), Some(&json!(["kubernetes"])));
    let (finalized, _) = update(row, "finalize", new, &old);
    assert_eq!(finalized.at("/spec/finalizers"), Some(&json!([])));
}

#[test]
fn pods_begin_pending_with_their_class() {
    let row = row("Pod");
    let rows = [
        (
            json!({"limits": {"cpu": "1", "memory": "1Gi"}}),
            "Guaranteed",
        ),
        (json!({"limits": {"cpu": "1"}}), "Burstable"),
        (
            json!({"requests": {"cpu": "1"}, "limits": {"cpu": "2", "memory": "1Gi"}}),
            "Burstable",
        ),
        (json!({}), "BestEffort"),
    ];
    for (resources, class) in rows {
        let mut pod = fixture(row);
        let container = json!([{"name": "a", "image": "x", "resources": resources}]);
        set(&mut pod, "/spec", json!({"containers": container}));
        let (stored, _) = create(row, pod);
        assert_eq!(
            stored.at("/status"),
            Some(&json!({"phase": "Pending", "qosClass": class}))
        );
    }
    let gated = stored(
        row,
        &[
            ("/spec/nodeName", json!(null)),
            ("/spec/schedulingGates", json!([{"name": "x"}])),
        ],
    );
    let condition = json!({"type": "PodScheduled", "status": "False", "reason": "SchedulingGated", "message": "Scheduling is blocked due to non-empty scheduling gates"});
    assert_eq!(gated.at("/status/conditions"), Some(&json!([condition])));
}

#[test]
fn deletion_takes_as_long_as_the_pod_needs() {
    let row = row("Pod");
    let rows = [
        (Some("node-1"), "Running", None, 30),
        (Some("node-1"), "Running", Some(5), 5),
        (Some("node-1"), "Running", Some(0), 0),
        (Some("node-1"), "Running", Some(-1), 1),
        (Some("node-1"), "Succeeded", None, 0),
        (None, "Pending", None, 0),
    ];
    for (node, phase, requested, expected) in rows {
        let mut pod = stored(row, &[]);
        set(&mut pod, "/spec/nodeName", json!(node));
        set(&mut pod, "/status/phase", json!(phase));
        assert_eq!(
            row.strategy.grace_period(&pod, requested),
            expected,
            "{phase}"
        );
    }
}

#[test]
fn warnings() {
    let writer = Writer::new();
    let cx: Cx<'_> = writer.cx(Operation::Create, "");
    let warn = |kind: &str, changes: &[(&str, Value)]| {
        let row = row(kind);
        let object = stored(row, changes);
        row.strategy.warnings(&cx, &object).join("\n")
    };
    let pod = warn(
        "Pod",
        &[
            ("/metadata/name", json!("a.b")),
            (
                "/spec/nodeSelector",
                json!({"beta.kubernetes.io/os": "linux"}),
            ),
            (
                "/spec/volumes/-",
                json!({"name": "g", "gitRepo": {"repository": "x"}}),
            ),
            ("/spec/terminationGracePeriodSeconds", json!(-5)),
            (
                "/spec/containers/0/env/-",
                json!({"name": "A", "value": "2"}),
            ),
            ("/spec/containers/0/ports/-", json!({"containerPort": 80})),
            (
                "/spec/containers/1/ports",
                json!([{"name": "http", "containerPort": 81}]),
            ),
            (
                "/spec/containers/1/resources",
                json!({"limits": {"memory": "100m"}}),
            ),
            (
                "/spec/imagePullSecrets",
                json!([{"name": "a"}, {"name": "a"}, {}]),
            ),
            (
                "/spec/topologySpreadConstraints",
                json!([{"maxSkew": 1, "topologyKey": "z", "whenUnsatisfiable": "DoNotSchedule"}]),
            ),
        ],
    );
    expect![[r#"
        metadata.name: this is used in the Pod's hostname, which can result in surprising behavior; a DNS label is recommended: [must not contain dots]
        spec.nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; use "kubernetes.io/os" instead
        spec.topologySpreadConstraints[0].labelSelector: a null labelSelector results in matching no pod
        spec.volumes[1].gitRepo: deprecated in v1.11, and disabled by default in v1.33+
        spec.imagePullSecrets[1].name: duplicate name "a"
        spec.imagePullSecrets[2].name: invalid empty name ""
        spec.containers[0].env[1]: hides previous definition of "A", which may be dropped when using apply
        spec.containers[0].ports[1]: duplicate port definition with spec.containers[0].ports[0]
        spec.containers[1].resources.limits[memory]: fractional byte value "100m" is invalid, must be an integer
        spec.containers[1].resources.requests[memory]: fractional byte value "100m" is invalid, must be an integer
        spec.containers[1].ports[0]: duplicate port name "http" with spec.containers[0].ports[0], services and probes that select ports by name will use spec.containers[0].ports[0]
        spec.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1"#]].assert_eq(&pod);
    let service = warn(
        "Service",
        &[
            ("/spec/clusterIP", json!("None")),
            ("/spec/sessionAffinity", json!("ClientIP")),
            ("/spec/externalIPs", json!(["010.0.0.1"])),
            ("/spec/externalName", json!("x")),
        ],
    );
    expect![[r#"
        spec.externalIPs is ignored for headless services
        spec.SessionAffinity is ignored for headless services
        spec.externalName is ignored when spec.type is not "ExternalName"
        spec.externalIPs[0]: non-standard IP address "010.0.0.1" will be considered invalid in a future Kubernetes release: use "10.0.0.1""#]]
    .assert_eq(&service);
    let deployment = warn("Deployment", &[("/metadata/name", json!("a.b"))]);
    expect!["metadata.name: this is used in Pod names and hostnames, which can result in surprising behavior; a DNS label is recommended: [must not contain dots]"].assert_eq(&deployment);
}

#[test]
fn binding_may_set_the_node() {
    let row = row("Pod");
    let old = stored(row, &[("/spec/nodeName", json!(null))]);
    let mut new = old.clone();
    set(&mut new, "/spec/nodeName", json!("node-1"));
    let (_, errors) = update(row, "binding", new.clone(), &old);
    assert_eq!(text(&errors), "");
    let (_, errors) = update(row, "", new, &old);
    assert!(!errors.is_empty());
}

#[test]
fn generations_count_what_controllers_act_on() {
    let rows = [
        ("Deployment", "/spec/replicas", json!(9), true),
        (
            "Deployment",
            "/metadata/annotations",
            json!({"a": "b"}),
            true,
        ),
        ("Deployment", "/metadata/labels", json!({"a": "b"}), false),
        (
            "ReplicaSet",
            "/metadata/annotations",
            json!({"a": "b"}),
            false,
        ),
        ("Pod", "/spec/tolerations", json!([]), false),
    ];
    for (kind, pointer, value, expected) in rows {
        let row = row(kind);
        let old = stored(row, &[]);
        let mut new = old.clone();
        set(&mut new, pointer, value);
        let counts = row.strategy.starts_generation(&new, &old);
        assert_eq!(counts, expected, "{kind} {pointer}");
    }
}

#[test]
fn owner_references_are_kept_once() {
    let owner = json!({"apiVersion": "v1", "kind": "A", "name": "x", "uid": "1"});
    let mut object = fixture(row("ConfigMap"));
    assert_eq!(resources::meta::dedup_owner_references(&mut object), None);
    set(
        &mut object,
        "/metadata/ownerReferences",
        json!([owner, owner]),
    );
    let warning = resources::meta::dedup_owner_references(&mut object);
    assert_eq!(
        object.at("/metadata/ownerReferences"),
        Some(&json!([owner]))
    );
    expect![".metadata.ownerReferences contains duplicate entries; API server dedups owner references in 1.20+, and may reject such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: 1"].assert_eq(&warning.unwrap_or_default());
}

/// What a pod has that templates do not: requests, host ports, pod-level resources.
#[test]
fn pods_of_the_host_network() {
    let row = row("Pod");
    let pod = stored(
        row,
        &[
            ("/spec/hostNetwork", json!(true)),
            (
                "/spec/resources",
                json!({"limits": {"cpu": "2", "memory": "1Gi"}}),
            ),
        ],
    );
    assert_eq!(
        pod.at("/spec/containers/0/ports/0/hostPort"),
        Some(&json!(80))
    );
    let requests = json!({"cpu": "500m", "memory": "64Mi"});
    assert_eq!(pod.at("/spec/resources/requests"), Some(&requests));
    assert_eq!(pod.at("/status/qosClass"), Some(&json!("Burstable")));
}

#[test]
fn match_label_keys_are_written_out() {
    let constraint = json!([{
        "maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": {"a": "b"}}, "matchLabelKeys": ["app", "absent"],
    }]);
    let pod = stored(
        row("Pod"),
        &[("/spec/topologySpreadConstraints", constraint)],
    );
    let written = pod.at("/spec/topologySpreadConstraints/0/labelSelector/matchExpressions");
    assert_eq!(
        written,
        Some(&json!([{"key": "app", "operator": "In", "values": ["web"]}]))
    );
}

#[test]
fn app_armor_annotations_become_fields() {
    let annotations = json!({
        "container.apparmor.security.beta.kubernetes.io/web": "localhost/mine",
        "container.apparmor.security.beta.kubernetes.io/side": "runtime/default",
    });
    let pod = stored(row("Pod"), &[("/metadata/annotations", annotations)]);
    let profile = |index: usize| {
        pod.at(&format!(
            "/spec/containers/{index}/securityContext/appArmorProfile"
        ))
    };
    let local = json!({"type": "Localhost", "localhostProfile": "mine"});
    assert_eq!(profile(0), Some(&local));
    assert_eq!(profile(1), Some(&json!({"type": "RuntimeDefault"})));
}
