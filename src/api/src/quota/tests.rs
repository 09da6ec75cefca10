use apimachinery::{GroupResource, Object};
use expect_test::expect;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::*;

fn object(value: Value) -> Object {
    Object::from_value(value).expect("an object")
}

fn resource(text: &'static str) -> GroupResource {
    let (resource, group) = text.split_once('.').unwrap_or((text, ""));
    GroupResource::new(group, resource)
}

fn now() -> Timestamp {
    "2026-01-01T00:10:00Z".parse().expect("a time")
}

fn show(list: &ResourceList) -> String {
    let entries: Vec<_> = list.iter().map(|(k, v)| format!("{k}={v}")).collect();
    entries.join(" ")
}

fn container(requests: Value, limits: Value) -> Value {
    json!({"name": "c", "resources": {"requests": requests, "limits": limits}})
}

fn pod(containers: Value) -> Value {
    json!({"metadata": {"name": "p"}, "spec": {"containers": containers}})
}

#[test]
fn objects_cost_what_upstream_counts() {
    let rich = pod(json!([
        container(
            json!({"cpu": "1", "memory": "1Gi", "hugepages-2Mi": "4Mi", "nvidia.com/gpu": "2",
                "ephemeral-storage": "1Gi"}),
            json!({"cpu": "2", "memory": "1Gi", "hugepages-2Mi": "4Mi", "nvidia.com/gpu": "2"}),
        ),
        container(json!({"cpu": "500m"}), json!({})),
    ]));
    let ended = json!({"status": {"phase": "Failed"}, "spec": rich["spec"]});
    let leaving = |grace: i64| {
        json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z",
            "deletionGracePeriodSeconds": grace}, "spec": {"containers": []}})
    };
    let service = |type_: &str, allocates: bool| {
        json!({"spec": {"type": type_, "allocateLoadBalancerNodePorts": allocates,
            "ports": [{"port": 1, "nodePort": 30_001}, {"port": 2}]}})
    };
    let claim = json!({"spec": {"storageClassName": "fast",
            "resources": {"requests": {"storage": "1Gi"}}},
        "status": {"allocatedResources": {"storage": "2Gi"}}});
    let rows = [
        ("pods", rich),
        ("pods", pod(json!([{"name": "c"}]))),
        ("pods", ended),
        ("pods", leaving(30)),
        ("pods", leaving(900)),
        ("services", service("ClusterIP", true)),
        ("services", service("NodePort", true)),
        ("services", service("LoadBalancer", true)),
        ("services", service("LoadBalancer", false)),
        ("persistentvolumeclaims", claim),
        ("persistentvolumeclaims", json!({"spec": {}})),
        ("secrets", json!({})),
        ("deployments.apps", json!({})),
        ("pods.metrics.k8s.io", json!({})),
    ];
    let mut costs = String::new();
    for (name, value) in rows {
        let cost = usage(&resource(name), &object(value), now());
        // Whatever has a cost under a name is counted by a limit of that name.
        for name in cost.keys() {
            let counted = ["pods", "services", "persistentvolumeclaims", "secrets"];
            let counted = counted.map(|resource_name| counts(&resource(resource_name), name));
            assert!(
                counted.contains(&true) || name.starts_with("count/"),
                "{name}"
            );
        }
        costs += &format!("{name}: {}\n", show(&cost));
    }
    expect![[r#"
        pods: count/pods=1 cpu=1500m ephemeral-storage=1Gi hugepages-2Mi=4Mi limits.cpu=2 limits.memory=1Gi memory=1Gi pods=1 requests.cpu=1500m requests.ephemeral-storage=1Gi requests.hugepages-2Mi=4Mi requests.memory=1Gi requests.nvidia.com/gpu=2
        pods: count/pods=1 pods=1
        pods: count/pods=1
        pods: count/pods=1
        pods: count/pods=1 pods=1
        services: count/services=1 services=1 services.loadbalancers=0 services.nodeports=0
        services: count/services=1 services=1 services.loadbalancers=0 services.nodeports=2
        services: count/services=1 services=1 services.loadbalancers=1 services.nodeports=2
        services: count/services=1 services=1 services.loadbalancers=1 services.nodeports=1
        persistentvolumeclaims: count/persistentvolumeclaims=1 fast.storageclass.storage.k8s.io/persistentvolumeclaims=1 fast.storageclass.storage.k8s.io/requests.storage=2Gi persistentvolumeclaims=1 requests.storage=2Gi
        persistentvolumeclaims: count/persistentvolumeclaims=1 persistentvolumeclaims=1
        secrets: count/secrets=1 secrets=1
        deployments.apps: count/deployments.apps=1
        pods.metrics.k8s.io: count/pods.metrics.k8s.io=1
    "#]].assert_eq(&costs);
}

#[test]
fn limits_count_their_resources_only() {
    let rows = [
        ("pods", "cpu", true),
        ("pods", "limits.ephemeral-storage", true),
        ("pods", "requests.nvidia.com/gpu", true),
        ("pods", "limits.nvidia.com/gpu", false),
        ("pods", "nvidia.com/gpu", false),
        ("pods", "requests.storage", false),
        ("pods", "services", false),
        ("services", "services.nodeports", true),
        (
            "persistentvolumeclaims",
            "fast.storageclass.storage.k8s.io/requests.storage",
            true,
        ),
        (
            "persistentvolumeclaims",
            "fast.storageclass.storage.k8s.io/pods",
            false,
        ),
        ("configmaps", "configmaps", true),
        ("configmaps", "count/configmaps", true),
        ("deployments.apps", "count/deployments.apps", true),
        ("deployments.apps", "count/deployments", false),
        ("secrets.example.com", "secrets", false),
        ("events", "count/events", false),
    ];
    for (of, name, expected) in rows {
        assert_eq!(counts(&resource(of), name), expected, "{of} {name}");
    }
}

#[test]
fn scopes_choose_pods() {
    let spec = |spec: Value| json!({"spec": spec});
    let plain = spec(json!({"containers": [{"name": "c"}]}));
    let sized = pod(json!([container(json!({"cpu": "1"}), json!({}))]));
    let bounded = spec(json!({"containers": [], "activeDeadlineSeconds": 5}));
    let classy = spec(json!({"containers": [], "priorityClassName": "high"}));
    let near = spec(json!({"containers": [], "affinity": {"podAntiAffinity": {
        "preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 1, "podAffinityTerm":
            {"topologyKey": "k", "namespaceSelector": {}}}]}}}));
    let plainly = |names: &[&str]| json!({"spec": {"scopes": names}});
    let selecting = |name: &str, operator: &str, values: &[&str]| {
        json!({"spec": {"scopeSelector": {"matchExpressions": [
            {"scopeName": name, "operator": operator, "values": values}]}}})
    };
    let rows = [
        (plainly(&[]), [true, true, true, true, true]),
        (plainly(&["BestEffort"]), [true, false, true, true, true]),
        (
            plainly(&["NotBestEffort"]),
            [false, true, false, false, false],
        ),
        (
            plainly(&["Terminating"]),
            [false, false, true, false, false],
        ),
        (
            plainly(&["NotTerminating", "BestEffort"]),
            [true, false, false, true, true],
        ),
        (
            plainly(&["PriorityClass"]),
            [false, false, false, true, false],
        ),
        (
            selecting("PriorityClass", "In", &["high", "low"]),
            [false, false, false, true, false],
        ),
        (
            selecting("PriorityClass", "NotIn", &["high"]),
            [true, true, true, false, true],
        ),
        (
            selecting("PriorityClass", "DoesNotExist", &[]),
            [true, true, true, false, true],
        ),
        (
            selecting("CrossNamespacePodAffinity", "Exists", &[]),
            [false, false, false, false, true],
        ),
    ];
    let pods = [plain, sized, bounded, classy, near].map(object);
    for (quota, expected) in rows {
        let scopes = scopes(&object(quota.clone()));
        let found = pods
            .each_ref()
            .map(|pod| in_scope(&resource("pods"), pod, &scopes));
        assert_eq!(found, expected, "{quota}");
        let found = in_scope(&resource("services"), &pods[0], &scopes);
        assert_eq!(found, scopes.is_empty(), "{quota}");
    }
    let silver = object(json!({"spec": {"volumeAttributesClassName": "silver"}}));
    let scopes = scopes(&object(selecting(
        "VolumeAttributesClass",
        "In",
        &["silver"],
    )));
    assert!(in_scope(
        &resource("persistentvolumeclaims"),
        &silver,
        &scopes
    ));
    let bare = object(json!({"spec": {}}));
    assert!(!in_scope(
        &resource("persistentvolumeclaims"),
        &bare,
        &scopes
    ));
}

fn quota(name: &str, hard: Value, used: Value) -> Quota {
    let quota = json!({"metadata": {"name": name}, "status": {"hard": hard, "used": used}});
    Quota::of(&object(quota))
}

/// The new usage of each charged quota, or the refusal.
fn judge(of: &'static str, old: Option<Value>, new: Value, quotas: &[Quota]) -> String {
    let (of, old) = (resource(of), old.map(object));
    let write = Write {
        resource: &of,
        old: old.as_ref(),
        new: &object(new),
        now: now(),
    };
    let charged = match charge(&write, quotas) {
        Ok(charged) => charged,
        Err(refusal) => return refusal,
    };
    let charged = charged.iter();
    let charged = charged.map(|(at, used)| format!("{}: {}", quotas[*at].name, show(used)));
    charged.collect::<Vec<_>>().join("; ")
}

#[test]
fn writes_are_charged_or_refused_in_upstreams_words() {
    let plain = || pod(json!([{"name": "c"}]));
    let sized = || {
        pod(json!([container(
            json!({"cpu": "1", "memory": "1Gi"}),
            json!({})
        )]))
    };
    let service =
        |type_: &str| json!({"spec": {"type": type_, "ports": [{"port": 1}, {"port": 2}]}});
    let two = json!({"spec": {"containers": [{"name": "b"}], "initContainers": [{"name": "a"}]}});
    let whole = json!({"spec": {"containers": [{"name": "b"}], "resources": {
        "limits": {"cpu": "1"}, "requests": {"cpu": "1"}}}});
    let limits = || {
        quota(
            "l",
            json!({"limits.cpu": "2", "requests.memory": "2Gi"}),
            json!({"limits.cpu": "0", "requests.memory": "0"}),
        )
    };
    let pods = |used: &str| {
        quota(
            "q",
            json!({"pods": "2", "services": "1"}),
            json!({"pods": used, "services": "0"}),
        )
    };
    let ports = || {
        quota(
            "n",
            json!({"services.nodeports": "2", "services.loadbalancers": "1"}),
            json!({"services.nodeports": "1", "services.loadbalancers": "0"}),
        )
    };
    let compute = || {
        quota(
            "c",
            json!({"cpu": "1500m", "requests.memory": "3Gi", "pods": "9"}),
            json!({"cpu": "1", "requests.memory": "2560Mi", "pods": "1"}),
        )
    };
    let rows = [
        judge("pods", None, plain(), &[]),
        judge("pods", None, plain(), &[pods("1"), ports()]),
        judge("pods", None, plain(), &[pods("2")]),
        judge("pods", None, sized(), &[pods("0"), compute()]),
        judge("pods", None, sized(), &[limits()]),
        judge("pods", None, two, &[limits()]),
        judge("pods", None, whole, &[limits()]),
        judge(
            "pods",
            None,
            plain(),
            &[quota("u", json!({"pods": "2"}), json!({}))],
        ),
        judge(
            "pods",
            None,
            plain(),
            &[quota("new", json!(null), json!(null))],
        ),
        judge("services", None, service("NodePort"), &[ports()]),
        judge(
            "services",
            Some(service("ClusterIP")),
            service("LoadBalancer"),
            &[ports()],
        ),
        judge(
            "services",
            Some(service("NodePort")),
            service("LoadBalancer"),
            &[ports()],
        ),
        judge(
            "services",
            Some(service("NodePort")),
            service("ClusterIP"),
            &[ports(), pods("0")],
        ),
        judge(
            "secrets",
            None,
            json!({}),
            &[quota(
                "s",
                json!({"secrets": "1", "count/secrets": "5"}),
                json!({"secrets": "1", "count/secrets": "1"}),
            )],
        ),
        judge(
            "persistentvolumeclaims",
            None,
            json!({"spec": {"resources": {"requests": {"storage": "-1"}}}}),
            &[quota(
                "s",
                json!({"requests.storage": "1"}),
                json!({"requests.storage": "0"}),
            )],
        ),
    ];
    expect![[r#"

        q: pods=2 services=0
        exceeded quota: q, requested: pods=1, used: pods=2, limited: pods=2
        exceeded quota: c, requested: cpu=1,requests.memory=1Gi, used: cpu=1,requests.memory=2560Mi, limited: cpu=1500m,requests.memory=3Gi
        failed quota: l: must specify limits.cpu for: c
        failed quota: l: must specify limits.cpu for: a,b; requests.memory for: a,b
        l: limits.cpu=1 requests.memory=0
        status unknown for quota: u, resources: pods

        exceeded quota: n, requested: services.nodeports=2, used: services.nodeports=1, limited: services.nodeports=2
        exceeded quota: n, requested: services.nodeports=2, used: services.nodeports=1, limited: services.nodeports=2
        n: services.loadbalancers=1 services.nodeports=1

        exceeded quota: s, requested: secrets=1, used: secrets=1, limited: secrets=1
        quota usage is negative for resource(s): requests.storage"#]].assert_eq(&rows.join("\n"));
}

#[test]
fn growth_is_charged_wherever_it_happens() {
    let rows = [
        ("pods", "", true, true),
        ("pods", "", false, false),
        ("pods", "binding", true, false),
        ("pods", "resize", false, true),
        ("services", "", false, true),
        ("services", "status", false, false),
        ("configmaps", "", true, true),
        ("configmaps", "", false, false),
    ];
    for (of, subresource, creates, expected) in rows {
        let found = is_charged(&resource(of), subresource, creates);
        assert_eq!(found, expected, "{of}/{subresource} {creates}");
    }
}
