//! What is stored: ConfigMaps of 1 KB, and pods of 4 to 5 KB that nobody schedules.

use bytes::Bytes;
use serde_json::{Value, json};

pub const MAPS: &str = "/api/v1/namespaces/default/configmaps";
/// Nobody else keeps many there.
pub const LISTED_MAPS: &str = "/api/v1/namespaces/kube-public/configmaps";
pub const PODS: &str = "/api/v1/namespaces/default/pods";
pub const OTHER_PODS: &str = "/api/v1/namespaces/kube-system/pods";

/// `sent` comes early in every frame, so that a watcher need not search for it.
pub fn config_map(name: &str, sent: u128) -> Bytes {
    let object = json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "labels": {"app": "bench"}},
        "data": {"0sent": sent.to_string(), "text": "x".repeat(700)},
    });
    Bytes::from(object.to_string())
}

/// A merge patch that changes every time.
pub fn patch(sent: u128) -> Bytes {
    Bytes::from(json!({"data": {"0sent": sent.to_string()}}).to_string())
}

pub fn pod(number: usize) -> Bytes {
    let variable =
        |index: usize| json!({"name": format!("SETTING_{index}"), "value": "v".repeat(40)});
    let probe = |path: &str| json!({"httpGet": {"path": path, "port": 8080}, "periodSeconds": 10});
    let container = |name: &str| {
        json!({
            "name": name,
            "image": "registry.example/team/service:v1.2.3",
            "args": ["--listen=:8080", "--log-format=json"],
            "ports": [{"name": "http", "containerPort": 8080}],
            "env": (0..10).map(variable).collect::<Vec<_>>(),
            "resources": {
                "limits": {"cpu": "500m", "memory": "256Mi"},
                "requests": {"cpu": "100m", "memory": "128Mi"},
            },
            "livenessProbe": probe("/healthz"),
            "readinessProbe": probe("/readyz"),
            "volumeMounts": [{"name": "config", "mountPath": "/etc/service"}],
        })
    };
    let object: Value = json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": format!("service-7d4b9c6f5-{number:05}"),
            "labels": {"app": "service", "pod-template-hash": "7d4b9c6f5", "team": "bench"},
            "annotations": {"example.com/configuration": "c".repeat(200)},
        },
        "spec": {
            "schedulerName": "nobody",
            "containers": [container("main"), container("sidecar")],
            "volumes": [{"name": "config", "configMap": {"name": "service"}}],
        },
    });
    Bytes::from(object.to_string())
}
