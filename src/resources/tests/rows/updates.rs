//! What may not change, what is kept, and what a change of type costs.

use expect_test::{Expect, expect};
use resources::{Cx, Resource};
use serde_json::{Value, json};

use crate::harness::{Writer, create, fixture, line, row, set, text, update};
use apimachinery::Object;
use apimachinery::admission::Operation;

fn stored(row: &Resource, before: &[(&str, Value)]) -> Object {
    let mut object = fixture(row);
    for (pointer, value) in before {
        set(&mut object, pointer, value.clone());
    }
    create(row, object).0
}

/// Each row changes the stored fixture; a line of the answer is a row's error text.
fn check(
    kind: &str,
    subresource: &str,
    before: &[(&str, Value)],
    rows: &[(&str, Value)],
    expected: Expect,
) {
    let row = row(kind);
    let old = stored(row, before);
    let mut out = String::new();
    for (pointer, value) in rows {
        let mut new = old.clone();
        set(&mut new, pointer, value.clone());
        let (_, errors) = update(row, subresource, new, &old);
        out.push_str(&line(pointer, value, &errors));
    }
    expected.assert_eq(&out);
}

#[test]
fn metadata() {
    check(
        "ConfigMap",
        "",
        &[
            ("/metadata/deletionTimestamp", json!("2026-01-10T12:00:00Z")),
            ("/metadata/generation", json!(2)),
        ],
        &[
            ("/metadata/name", json!("other")),
            ("/metadata/uid", json!("1")),
            ("/metadata/generation", json!(1)),
            ("/metadata/finalizers", json!(["example.com/a"])),
        ],
        expect![[r#"
            /metadata/name = "other"
              metadata.name: Invalid value: "other": field is immutable
            /metadata/uid = "1"
              metadata.uid: Invalid value: "1": field is immutable
            /metadata/generation = 1
              metadata.generation: Invalid value: 1: must not be decremented
            /metadata/finalizers = ["example.com/a"]
              metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{"example.com/a"}
        "#]],
    );
}

#[test]
fn pods() {
    check(
        "Pod",
        "",
        &[
            ("/spec/activeDeadlineSeconds", json!(10)),
            (
                "/spec/tolerations",
                json!([{"key": "a", "operator": "Exists"}]),
            ),
        ],
        &[
            ("/spec/containers/0/image", json!("nginx:2")),
            ("/spec/containers/0/image", json!("")),
            ("/spec/containers/-", json!({"name": "more", "image": "x"})),
            ("/spec/containers/0/env/0/value", json!("2")),
            ("/spec/nodeName", json!("node-2")),
            ("/spec/activeDeadlineSeconds", json!(5)),
            ("/spec/activeDeadlineSeconds", json!(20)),
            ("/spec/activeDeadlineSeconds", json!(null)),
            (
                "/spec/tolerations/-",
                json!({"key": "b", "operator": "Exists"}),
            ),
            ("/spec/tolerations", json!([])),
            ("/spec/schedulingGates", json!([{"name": "x"}])),
            ("/spec/terminationGracePeriodSeconds", json!(1)),
            ("/metadata/labels/more", json!("x")),
        ],
        expect![[r#"
            /spec/containers/0/image = "nginx:2"
              nothing is wrong
            /spec/containers/0/image = ""
              spec.containers[0].image: Required value
            /spec/containers/- = {"image":"x","name":"more"}
              spec.containers: Forbidden: pod updates may not add or remove containers
            /spec/containers/0/env/0/value = "2"
              spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)
            spec.containers is different
            /spec/nodeName = "node-2"
              spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)
            spec.nodeName is different
            /spec/activeDeadlineSeconds = 5
              nothing is wrong
            /spec/activeDeadlineSeconds = 20
              spec.activeDeadlineSeconds: Invalid value: 20: must be less than or equal to previous value
            /spec/activeDeadlineSeconds = null
              spec.activeDeadlineSeconds: Invalid value: null: must not update from a positive integer to nil value
            /spec/tolerations/- = {"key":"b","operator":"Exists"}
              nothing is wrong
            /spec/tolerations = []
              spec.tolerations: Forbidden: existing toleration can not be modified except its tolerationSeconds
            /spec/schedulingGates = [{"name":"x"}]
              spec.schedulingGates[0].name: Forbidden: only deletion is allowed, but found new scheduling gate 'x'
            /spec/terminationGracePeriodSeconds = 1
              spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)
            spec.terminationGracePeriodSeconds is different
            /metadata/labels/more = "x"
              nothing is wrong
        "#]],
    );
}

#[test]
fn pod_status() {
    check(
        "Pod",
        "status",
        &[],
        &[
            ("/status/phase", json!("Running")),
            ("/status/qosClass", json!("BestEffort")),
            ("/status/nominatedNodeName", json!("node-2")),
            (
                "/status/conditions",
                json!([{"type": "a b", "status": "True"}]),
            ),
            (
                "/status/podIPs",
                json!([{"ip": "10.42.0.2"}, {"ip": "10.42.0.3"}]),
            ),
        ],
        expect![[r#"
            /status/phase = "Running"
              nothing is wrong
            /status/qosClass = "BestEffort"
              status.qosClass: Invalid value: "BestEffort": field is immutable
            /status/nominatedNodeName = "node-2"
              status.nominatedNodeName: Forbidden: may not be set on pods that are already bound to a node
            /status/conditions = [{"status":"True","type":"a b"}]
              status.conditions[0].type: Invalid value: "a b": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')
            /status/podIPs = [{"ip":"10.42.0.2"},{"ip":"10.42.0.3"}]
              status.podIPs: Invalid value: [{"ip":"10.42.0.2"},{"ip":"10.42.0.3"}]: may specify no more than one IP for each IP family
        "#]],
    );
}

#[test]
fn workloads() {
    let rows = [
        ("/spec/selector/matchLabels", json!({})),
        ("/spec/replicas", json!(5)),
    ];
    check(
        "ReplicaSet",
        "",
        &[],
        &rows,
        expect![[r#"
            /spec/selector/matchLabels = {}
              spec.selector: Invalid value: {"matchExpressions":[{"key":"tier","operator":"In","values":["b","a"]}],"matchLabels":{}}: field is immutable
            /spec/replicas = 5
              nothing is wrong
        "#]],
    );
    check(
        "Deployment",
        "status",
        &[],
        &[
            ("/status/readyReplicas", json!(1)),
            (
                "/status",
                json!({"replicas": 2, "availableReplicas": 2, "readyReplicas": 1}),
            ),
            ("/status/collisionCount", json!(-1)),
        ],
        expect![[r#"
            /status/readyReplicas = 1
              status.readyReplicas: Invalid value: 1: cannot be greater than status.replicas
            /status = {"availableReplicas":2,"readyReplicas":1,"replicas":2}
              status.availableReplicas: Invalid value: 2: cannot be greater than readyReplicas
            /status/collisionCount = -1
              status.collisionCount: Invalid value: -1: must be greater than or equal to 0
        "#]],
    );
}

#[test]
fn frozen_data_and_types() {
    let frozen = [("/immutable", json!(true))];
    check(
        "ConfigMap",
        "",
        &frozen,
        &[
            ("/immutable", json!(false)),
            ("/data/b", json!("2")),
            ("/metadata/labels", json!({"a": "b"})),
        ],
        expect![[r#"
            /immutable = false
              immutable: Forbidden: field is immutable when `immutable` is set
            /data/b = "2"
              data: Forbidden: field is immutable when `immutable` is set
            /metadata/labels = {"a":"b"}
              nothing is wrong
        "#]],
    );
    check(
        "Secret",
        "",
        &frozen,
        &[
            ("/type", json!("example.com/x")),
            ("/data/user", json!("YQ==")),
        ],
        expect![[r#"
            /type = "example.com/x"
              type: Invalid value: "example.com/x": field is immutable
            /data/user = "YQ=="
              data: Forbidden: field is immutable when `immutable` is set
        "#]],
    );
}

#[test]
fn nodes_namespaces_services() {
    check(
        "Node",
        "",
        &[("/spec/providerID", json!("rk3s://node-1"))],
        &[
            ("/spec/podCIDR", json!("10.99.0.0/24")),
            ("/spec/providerID", json!("x")),
            ("/spec/unschedulable", json!(null)),
        ],
        expect![[r#"
            /spec/podCIDR = "10.99.0.0/24"
              spec.podCIDRs: Forbidden: node updates may not change podCIDR except from "" to valid
            /spec/providerID = "x"
              spec.providerID: Forbidden: node updates may not change providerID except from "" to valid
            /spec/unschedulable = null
              nothing is wrong
        "#]],
    );
    check(
        "Namespace",
        "status",
        &[],
        &[("/status/phase", json!("Terminating"))],
        expect![[r#"
            /status/phase = "Terminating"
              status.Phase: Invalid value: "Terminating": may only be 'Active' if `deletionTimestamp` is empty
        "#]],
    );
    check(
        "Service",
        "",
        &[],
        &[
            ("/spec/clusterIPs", json!(["10.43.0.8"])),
            ("/spec/ipFamilies", json!(["IPv6"])),
            ("/spec/clusterIP", json!(null)),
            ("/spec/clusterIP", json!("10.43.0.8")),
            ("/spec/ports/0/nodePort", json!(null)),
        ],
        expect![[r#"
            /spec/clusterIPs = ["10.43.0.8"]
              [spec.clusterIPs: Invalid value: ["10.43.0.8"]: first value must match `clusterIP`, spec.clusterIPs[0]: Invalid value: ["10.43.0.8"]: may not change once set]
            /spec/ipFamilies = ["IPv6"]
              [spec.clusterIPs[0]: Invalid value: "10.43.0.7": expected an IPv6 value as indicated by `ipFamilies[0]`, spec.ipFamilies[0]: Invalid value: ["IPv6"]: may not change once set]
            /spec/clusterIP = null
              nothing is wrong
            /spec/clusterIP = "10.43.0.8"
              spec.clusterIPs[0]: Invalid value: ["10.43.0.8"]: may not change once set
            /spec/ports/0/nodePort = null
              nothing is wrong
        "#]],
    );
}

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
            ("/spec/externalName", json!("x")),
        ],
    );
    expect![[r#"
        spec.SessionAffinity is ignored for headless services
        spec.externalName is ignored when spec.type is not "ExternalName""#]]
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
