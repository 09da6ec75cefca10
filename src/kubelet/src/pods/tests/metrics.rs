//! What the kubelet counts of its pods.

use std::time::Duration;

use expect_test::expect;
use serde_json::json;

use crate::testing::TestNode;

/// Every series but those of buckets, without what is zero.
async fn told(node: &TestNode) -> String {
    let text = node
        .metrics
        .text(&node.runtime)
        .await
        .expect("the runtime says");
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let lines = lines.filter(|line| !line.contains("_bucket") && !line.ends_with(" 0"));
    lines.collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn pods_containers_and_rounds_are_counted() {
    let mut node = TestNode::new();
    expect![[r#"kubelet_node_name{node="node"} 1"#]].assert_eq(&told(&node).await);
    node.gate.send_replace(false);
    node.create("p", TestNode::one(json!({})));
    node.settle().await;
    node.hands.advance(Duration::from_secs(7));
    node.gate.send_replace(true);
    node.until("ready", |node| node.is_ready("p")).await;
    node.settle().await;
    let running = told(&node).await;
    // How many rounds there were is the worker's own affair.
    let running = running.lines().filter(|line| !line.contains("\"sync\""));
    expect![[r#"
        kubelet_node_name{node="node"} 1
        kubelet_pod_start_duration_seconds_sum 7
        kubelet_pod_start_duration_seconds_count 1
        kubelet_pod_worker_duration_seconds_sum{operation_type="create"} 7
        kubelet_pod_worker_duration_seconds_count{operation_type="create"} 1
        kubelet_running_containers{container_state="running"} 1
        kubelet_running_pods 1"#]]
    .assert_eq(&running.collect::<Vec<_>>().join("\n"));

    // A pod that ran before the kubelet did has not started again.
    node.stop().await;
    node.start();
    node.settle().await;
    let again = told(&node).await;
    let started = again
        .lines()
        .find(|line| line.starts_with("kubelet_pod_start_duration"));
    assert_eq!(started, Some("kubelet_pod_start_duration_seconds_sum 7"));
    assert!(
        again.contains("kubelet_pod_start_duration_seconds_count 1"),
        "{again}"
    );

    node.delete("p", None).await;
    node.until("gone", |node| node.pod("p").is_none()).await;
    node.settle().await;
    let ended = told(&node).await;
    let ended = ended
        .lines()
        .filter(|line| line.contains("kill") || line.contains("running"));
    expect![[r#"kubelet_pod_worker_duration_seconds_count{operation_type="kill"} 1"#]]
        .assert_eq(&ended.collect::<Vec<_>>().join("\n"));
}
