//! Volumes, the hosts file, and last words.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use serde_json::{Value, json};

use crate::testing::TestNode;
use api::{ConfigMap, Kind, Secret};

fn config_map(node: &TestNode, value: &str) {
    let map = json!({"metadata": {"name": "m", "namespace": "n"}, "data": {"k": value}});
    node.server
        .put(&ConfigMap::decode(map.to_string().as_bytes()).expect("a map"));
}

fn with_volumes(volumes: Value) -> Value {
    let mut spec = TestNode::one(json!({}));
    let names = volumes.as_array().expect("a list").iter();
    let mounts: Vec<Value> = names
        .map(|volume| json!({"name": volume["name"], "mountPath": "/v"}))
        .collect();
    spec["containers"][0]["volumeMounts"] = mounts.into();
    spec["volumes"] = volumes;
    spec
}

#[tokio::test]
async fn volumes_are_made_and_follow_their_objects() {
    let node = TestNode::new();
    config_map(&node, "one");
    let secret = json!({"metadata": {"name": "s", "namespace": "n"}, "data": {"p": "aGk="}});
    node.server
        .put(&Secret::decode(secret.to_string().as_bytes()).expect("a secret"));
    node.create(
        "p",
        with_volumes(json!([
            {"name": "map", "configMap": {"name": "m", "defaultMode": 0o600}},
            {"name": "secret", "secret": {"secretName": "s"}},
            {"name": "scratch", "emptyDir": {}},
            {"name": "all", "projected": {"sources": [
                {"configMap": {"name": "m", "items": [{"key": "k", "path": "d/renamed"}]}},
                {"secret": {"name": "absent", "optional": true}},
                {"downwardAPI": {"items": [
                    {"path": "name", "fieldRef": {"fieldPath": "metadata.name"}}]}},
            ]}},
        ])),
    );
    node.until("ready", |node| node.is_ready("p")).await;
    let volumes = node.pod_directory("p").join("volumes");
    let read = |path: &str| fs::read_to_string(volumes.join(path)).expect("readable");
    assert_eq!(read("kubernetes.io~configmap/map/k"), "one");
    assert_eq!(read("kubernetes.io~secret/secret/p"), "hi");
    assert_eq!(read("kubernetes.io~projected/all/d/renamed"), "one");
    assert_eq!(read("kubernetes.io~projected/all/name"), "p");
    let mode = |path: &str| {
        let metadata = fs::metadata(volumes.join(path)).expect("there");
        metadata.permissions().mode() & 0o777
    };
    assert_eq!(mode("kubernetes.io~configmap/map/k"), 0o600);
    assert_eq!(mode("kubernetes.io~empty-dir/scratch"), 0o777);
    fs::write(volumes.join("kubernetes.io~empty-dir/scratch/mine"), "x").expect("writable");

    config_map(&node, "two");
    node.pass(61).await;
    assert_eq!(read("kubernetes.io~configmap/map/k"), "two");
    assert_eq!(read("kubernetes.io~projected/all/d/renamed"), "two");
    assert_eq!(read("kubernetes.io~empty-dir/scratch/mine"), "x");

    // What is gone keeps its last files, and the pod runs on.
    node.server.remove(&ConfigMap::GVR, "n", "m");
    node.pass(61).await;
    assert_eq!(read("kubernetes.io~configmap/map/k"), "two");
    assert!(node.said.count("configmap \"m\" not found") >= 1);
    assert!(node.is_ready("p"));
    node.delete("p", None).await;
    node.until("gone", |node| node.pod("p").is_none()).await;
    assert!(!node.pod_directory("p").exists());
}

#[tokio::test]
async fn a_missing_volume_holds_the_pod_back_without_haste() {
    let node = TestNode::new();
    node.create(
        "p",
        with_volumes(json!([{"name": "map", "configMap": {"name": "m"}}])),
    );
    node.until("event", |node| node.said.count("FailedMount") == 1)
        .await;
    node.settle().await;
    assert_eq!(
        node.said.all(),
        [
            r#"Warning FailedMount: MountVolume.SetUp failed for volume "map" : configmap "m" not found"#
        ]
    );
    assert_eq!(node.waiting("p", "app"), "ContainerCreating");
    config_map(&node, "one");
    node.pass(2).await;
    node.until("ready", |node| node.is_ready("p")).await;
}

#[tokio::test]
async fn a_missing_reference_is_a_config_error_until_it_comes() {
    let node = TestNode::new();
    let env = json!([{"name": "K", "valueFrom": {"configMapKeyRef": {"name": "m", "key": "k"}}}]);
    node.create("p", TestNode::one(json!({"env": env})));
    node.until("error", |node| {
        node.waiting("p", "app") == "CreateContainerConfigError"
    })
    .await;
    node.settle().await;
    assert_eq!(node.said.count("Error: configmap \"m\" not found"), 1);
    config_map(&node, "one");
    node.pass(10).await;
    node.until("ready", |node| node.is_ready("p")).await;
    let config = node.runtime.container_config(&node.newest("app").await);
    assert!(
        config
            .expect("known")
            .envs
            .contains(&("K".into(), "one".into()))
    );
}

async fn last_words(policy: &str, file: &str, log: &str, code: i32) -> String {
    let node = TestNode::new();
    let mut spec = TestNode::one(json!({"terminationMessagePolicy": policy}));
    spec["restartPolicy"] = "Never".into();
    node.create("p", spec);
    node.until("ready", |node| node.is_ready("p")).await;
    let id = node.newest("app").await;
    let config = node.runtime.container_config(&id).expect("known");
    let mount = config
        .mounts
        .iter()
        .find(|mount| mount.container_path == "/dev/termination-log");
    fs::write(&mount.expect("mounted").host_path, file).expect("writable");
    let path = node.runs("app").await[0].log_path.clone();
    fs::create_dir_all(path.parent().expect("a directory")).expect("made");
    fs::write(&path, log).expect("writable");
    node.runtime.exit(&id, code);
    node.until("end", |node| node.phase("p") != "Running").await;
    let end = node
        .container("p", "app")
        .state
        .and_then(|state| state.terminated);
    end.expect("an end").message.unwrap_or_default()
}

#[tokio::test]
async fn last_words_come_from_the_file_or_the_log() {
    let line = |text: &str| format!("2026-01-01T00:00:00.000000001Z stderr F {text}\n");
    let log = line("first") + &line("last");
    let (file, fallback) = ("File", "FallbackToLogsOnError");
    assert_eq!(last_words(file, "bye", &log, 1).await, "bye");
    assert_eq!(last_words(file, "", &log, 1).await, "");
    assert_eq!(last_words(fallback, "bye", &log, 1).await, "bye");
    assert_eq!(last_words(fallback, "", &log, 1).await, "first\nlast\n");
    assert_eq!(last_words(fallback, "", &log, 0).await, "");
    assert_eq!(last_words(file, &"x".repeat(5000), "", 0).await.len(), 4096);
    let long: String = (0..200).map(|n| line(&format!("{n:0100}"))).collect();
    let words = last_words(fallback, "", &long, 1).await;
    assert_eq!(words.len(), 2048);
    assert!(words.ends_with("199\n"));
}

#[tokio::test]
async fn tokens_are_renewed_before_they_expire() {
    let node = TestNode::new();
    let mut spec = with_volumes(json!([
        {"name": "api", "projected": {"sources": [
            {"serviceAccountToken": {"path": "token", "expirationSeconds": 3607}}]}},
    ]));
    spec["serviceAccountName"] = "builder".into();
    spec["containers"][0]["securityContext"] = json!({"runAsUser": 7});
    node.create("p", spec);
    node.until("ready", |node| node.is_ready("p")).await;
    let volume = node
        .pod_directory("p")
        .join("volumes/kubernetes.io~projected/api");
    let read = || fs::read_to_string(volume.join("token")).expect("readable");
    assert_eq!(read(), "n/builder@2026-01-01T00:00:00Z");
    let file = fs::metadata(volume.join("token")).expect("there");
    assert_eq!((file.permissions().mode() & 0o777, file.uid()), (0o600, 7));

    for _ in 0..40 {
        node.pass(61).await;
    }
    assert_eq!(read(), "n/builder@2026-01-01T00:00:00Z");
    for _ in 0..10 {
        node.pass(61).await;
    }
    assert_eq!(read()[..23], *"n/builder@2026-01-01T00");
    assert_ne!(read(), "n/builder@2026-01-01T00:00:00Z");
    node.delete("p", None).await;
    node.until("gone", |node| node.pod("p").is_none()).await;
}
