use super::*;
use serde_json::{Value, json};

fn object(value: Value) -> Object {
    Object::from_value(value).expect("an object")
}

fn pod() -> Value {
    json!({
        "metadata": {"name": "web", "namespace": "ns"},
        "spec": {
            "nodeName": "n1",
            "serviceAccountName": "robot",
            "imagePullSecrets": [{"name": "pull"}],
            "initContainers": [{"envFrom": [{"secretRef": {"name": "init"}}]}],
            "containers": [{
                "env": [
                    {"name": "A", "valueFrom": {"secretKeyRef": {"name": "env", "key": "k"}}},
                    {"name": "B", "valueFrom": {"configMapKeyRef": {"name": "env", "key": "k"}}},
                    {"name": "C", "value": "plain"},
                ],
                "envFrom": [{"configMapRef": {"name": "all"}}],
            }],
            "ephemeralContainers": [{"envFrom": [{"secretRef": {"name": "debug"}}]}],
            "volumes": [
                {"name": "a", "secret": {"secretName": "volume"}},
                {"name": "b", "configMap": {"name": "volume"}},
                {"name": "c", "persistentVolumeClaim": {"claimName": "data"}},
                {"name": "d", "ephemeral": {"volumeClaimTemplate": {}}},
                {"name": "e", "csi": {"nodePublishSecretRef": {"name": "csi"}}},
                {"name": "f", "projected": {"sources": [
                    {"serviceAccountToken": {"path": "token"}},
                    {"configMap": {"name": "root-ca"}},
                    {"secret": {"name": "projected"}},
                ]}},
            ],
        },
    })
}

/// Everything a node may read of namespace `ns`, in short.
fn seen(graph: &PodGraph, node: &str) -> String {
    let kinds = [
        NodeObject::Pod,
        NodeObject::ServiceAccount,
        NodeObject::Secret,
        NodeObject::ConfigMap,
        NodeObject::PersistentVolumeClaim,
        NodeObject::PersistentVolume,
    ];
    let names = [
        "web",
        "robot",
        "pull",
        "init",
        "env",
        "all",
        "debug",
        "volume",
        "data",
        "web-d",
        "csi",
        "root-ca",
        "projected",
        "other",
        "pv",
    ];
    let mut lines = String::new();
    for kind in kinds {
        let space = if kind == NodeObject::PersistentVolume {
            ""
        } else {
            "ns"
        };
        let related = names
            .iter()
            .filter(|name| graph.relates(node, kind, space, name));
        let related: Vec<_> = related.copied().collect();
        if !related.is_empty() {
            lines += &format!("{kind:?} {}\n", related.join(" "));
        }
    }
    lines
}

#[test]
fn a_node_sees_what_its_pods_refer_to_while_they_are_there() {
    let graph = PodGraph::default();
    let volume = |claim: &str| {
        let claim = json!({"namespace": "ns", "name": claim});
        object(json!({"metadata": {"name": "pv"}, "spec": {"claimRef": claim}}))
    };
    graph.set_pod(&object(pod()));
    graph.set_volume(&volume("data"));
    let all = seen(&graph, "n1");
    expect_test::expect![[r#"
        Pod web
        ServiceAccount robot
        Secret pull init env debug volume csi projected
        ConfigMap env all volume root-ca
        PersistentVolumeClaim data web-d
        PersistentVolume pv
    "#]]
    .assert_eq(&all);
    assert_eq!(seen(&graph, "n2"), "");
    assert!(!graph.relates("n1", NodeObject::Secret, "other", "pull"));

    // A second pod with one of the references keeps it alive.
    let second = json!({
        "metadata": {"name": "second", "namespace": "ns"},
        "spec": {"nodeName": "n1", "imagePullSecrets": [{"name": "pull"}, {"name": "pull"}]},
    });
    graph.set_pod(&object(second));
    graph.set_pod(&object(pod()));
    graph.remove_pod("ns", "web");
    assert_eq!(seen(&graph, "n1"), "Secret pull\n");
    graph.remove_pod("ns", "second");
    graph.remove_pod("ns", "second");
    assert_eq!(seen(&graph, "n1"), "");
}

#[test]
fn unbound_and_mirror_pods_open_nothing() {
    let graph = PodGraph::default();
    let mut unbound = pod();
    unbound["spec"]["nodeName"] = "".into();
    graph.set_pod(&object(unbound));
    assert_eq!(seen(&graph, "n1"), "");
    let mut mirror = pod();
    mirror["metadata"]["annotations"] = json!({"kubernetes.io/config.mirror": "x"});
    graph.set_pod(&object(mirror));
    assert_eq!(seen(&graph, "n1"), "Pod web\n");
}

#[test]
fn a_volume_follows_its_claim() {
    let graph = PodGraph::default();
    graph.set_pod(&object(pod()));
    let relates = || graph.relates("n1", NodeObject::PersistentVolume, "", "pv");
    let volume =
        |claim: Value| object(json!({"metadata": {"name": "pv"}, "spec": {"claimRef": claim}}));
    graph.set_volume(&volume(json!({"namespace": "ns", "name": "data"})));
    assert!(relates());
    graph.set_volume(&volume(json!({"namespace": "other", "name": "data"})));
    assert!(!relates());
    graph.set_volume(&volume(json!({"namespace": "ns", "name": "web-d"})));
    assert!(relates());
    graph.set_volume(&volume(Value::Null));
    assert!(!relates());
    graph.set_volume(&volume(json!({"namespace": "ns", "name": "data"})));
    graph.remove_volume("pv");
    assert!(!relates());
}

#[test]
fn a_volumes_secrets_are_read_where_it_is_mounted() {
    let graph = PodGraph::default();
    graph.set_pod(&object(pod()));
    let volume = |claim: &str| {
        object(json!({"metadata": {"name": "pv"}, "spec": {
            "claimRef": {"namespace": "ns", "name": claim},
            "csi": {
                "nodeStageSecretRef": {"namespace": "vault", "name": "stage"},
                "nodePublishSecretRef": {"namespace": "vault", "name": "publish"},
                "controllerExpandSecretRef": {"namespace": "vault", "name": "controller"},
            },
            "azureFile": {"secretName": "azure"},
        }}))
    };
    let reads = |node: &str| {
        let secrets = [
            ("vault", "stage"),
            ("vault", "publish"),
            ("vault", "controller"),
            ("ns", "azure"),
            ("vault", "azure"),
        ];
        let mut names = secrets.to_vec();
        names.retain(|(space, name)| graph.relates(node, NodeObject::Secret, space, name));
        names
    };
    assert_eq!(reads("n1"), []);
    graph.set_volume(&volume("data"));
    let all = [("vault", "stage"), ("vault", "publish"), ("ns", "azure")];
    assert_eq!((reads("n1"), reads("n2")), (all.to_vec(), vec![]));
    graph.set_volume(&volume("other"));
    assert_eq!(reads("n1"), []);
    graph.set_volume(&volume("data"));
    graph.remove_volume("pv");
    assert_eq!(reads("n1"), []);
    graph.set_volume(&volume("data"));
    graph.remove_pod("ns", "web");
    assert_eq!(reads("n1"), []);
}

#[test]
fn attachments_and_slices_name_their_node() {
    let graph = PodGraph::default();
    let named =
        |node: Value| object(json!({"metadata": {"name": "x"}, "spec": {"nodeName": node}}));
    for kind in [NodeObject::VolumeAttachment, NodeObject::ResourceSlice] {
        let relates = |node: &str| graph.relates(node, kind, "", "x");
        graph.set_owned(kind, &named("n1".into()));
        assert!(relates("n1") && !relates("n2"));
        graph.set_owned(kind, &named("n2".into()));
        assert!(!relates("n1") && relates("n2"));
        graph.set_owned(kind, &named(Value::Null));
        assert!(!relates("n2"));
        graph.set_owned(kind, &named("n1".into()));
        graph.remove_owned(kind, "x");
        assert!(!relates("n1"));
    }
}

#[test]
fn claims_of_devices_are_told_by_spec_and_status() {
    let graph = PodGraph::default();
    let mut pod = pod();
    pod["spec"]["resourceClaims"] = json!([
        {"name": "a", "resourceClaimName": "direct"},
        {"name": "b", "resourceClaimTemplateName": "template"},
    ]);
    pod["status"] = json!({
        "resourceClaimStatuses": [{"name": "b", "resourceClaimName": "made"}, {"name": "c"}],
        "extendedResourceClaimStatus": {"resourceClaimName": "extended"},
    });
    graph.set_pod(&object(pod));
    for (name, expected) in [
        ("direct", true),
        ("made", true),
        ("extended", true),
        ("template", false),
    ] {
        let relates = graph.relates("n1", NodeObject::ResourceClaim, "ns", name);
        assert_eq!(relates, expected, "{name}");
    }
}
