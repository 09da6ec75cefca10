//! Kubelets that end and come again, at every point.

use serde_json::json;

use crate::testing::TestNode;
use api::Kind;

#[tokio::test]
async fn what_runs_goes_on_through_a_restart() {
    let mut node = TestNode::new();
    node.create("p", TestNode::one(json!({})));
    node.until("ready", |node| node.is_ready("p")).await;
    let (id, calls) = (node.newest("app").await, node.runtime.calls());
    node.stop().await;
    node.said.take();
    node.writes();
    node.start();
    node.settle().await;
    assert_eq!(node.newest("app").await, id);
    assert_eq!(node.runtime.calls(), calls);
    assert_eq!(node.said.take(), "\n");
    let writes = node.writes();
    assert_eq!(writes, [], "the status has not changed");
    // And it is still looked after.
    node.runtime.exit(&id, 1);
    node.until("restart", |node| {
        node.container("p", "app").restart_count == 1
    })
    .await;
}

#[tokio::test]
async fn an_end_that_nobody_saw_is_caught_up_with() {
    let mut node = TestNode::new();
    let mut spec = TestNode::one(json!({}));
    spec["restartPolicy"] = "Never".into();
    node.create("p", spec);
    node.until("ready", |node| node.is_ready("p")).await;
    node.stop().await;
    node.runtime.exit(&node.newest("app").await, 3);
    node.start();
    node.until("failed", |node| node.phase("p") == "Failed")
        .await;
}

#[tokio::test]
async fn back_off_goes_on_through_a_restart() {
    let mut node = TestNode::new();
    node.create("p", TestNode::one(json!({})));
    for count in 1..3 {
        node.until("ready", |node| node.is_ready("p")).await;
        node.runtime.exit(&node.newest("app").await, 1);
        node.settle().await;
        node.pass(10).await;
        node.until("restart", |node| {
            node.container("p", "app").restart_count == count
        })
        .await;
    }
    node.stop().await;
    node.runtime.exit(&node.newest("app").await, 1);
    node.start();
    let message = node.backs_off("p", "app").await;
    assert!(message.starts_with("back-off 20s "), "{message}");
}

#[tokio::test]
async fn pods_deleted_meanwhile_are_removed() {
    let mut node = TestNode::new();
    node.create("kept", TestNode::one(json!({})));
    node.create("gone", TestNode::one(json!({})));
    node.until("ready", |node| {
        node.is_ready("kept") && node.is_ready("gone")
    })
    .await;
    node.stop().await;
    node.server.remove(&api::Pod::GVR, "n", "gone");
    node.start();
    node.until("removed", |node| {
        node.runtime
            .calls()
            .contains(&"remove_pod_sandbox gone".to_owned())
    })
    .await;
    node.settle().await;
    assert!(!node.pod_directory("gone").exists());
    assert!(!node.directory.join("log/pods/n_gone_uid-gone").exists());
    assert!(
        !node
            .directory
            .join("cgroup/kubepods/besteffort/poduid-gone")
            .exists()
    );
    assert!(node.pod_directory("kept").exists());
    assert_eq!(
        network::PodNetwork::list(&*node.network)
            .await
            .expect("a list")
            .len(),
        1
    );
    assert_eq!(node.runs("app").await.len(), 1);
}

#[tokio::test]
async fn a_deletion_is_finished_by_the_next_kubelet() {
    let mut node = TestNode::new();
    node.create("p", TestNode::one(json!({})));
    node.until("ready", |node| node.is_ready("p")).await;
    node.stop().await;
    node.delete("p", Some(60)).await;
    node.hands.advance(std::time::Duration::from_secs(50));
    node.start();
    node.until("gone", |node| node.pod("p").is_none()).await;
    let calls = node.runtime.calls();
    assert!(
        calls.contains(&"stop_container app grace=11".to_owned()),
        "the grace period began with the deletion: {calls:?}"
    );
}

#[tokio::test]
async fn a_finished_pod_does_not_run_again_when_the_runtime_has_forgotten_it() {
    let mut node = TestNode::new();
    let mut spec = TestNode::one(json!({"command": ["true"]}));
    spec["restartPolicy"] = "Never".into();
    node.create("done", spec);
    node.create("p", TestNode::one(json!({})));
    node.until("done", |node| node.phase("done") == "Succeeded")
        .await;
    node.until("ready", |node| node.is_ready("p")).await;
    node.stop().await;
    // As after a reboot.
    node.runtime = cri::testing::FakeRuntime::new(node.clock.clone());
    node.network = std::sync::Arc::default();
    node.start();
    node.until("restart", |node| {
        node.container("p", "app").restart_count == 1
    })
    .await;
    node.until("ready", |node| node.is_ready("p")).await;
    let last = node
        .container("p", "app")
        .last_state
        .and_then(|last| last.terminated);
    let last = last.expect("an end before");
    assert_eq!(last.reason.as_deref(), Some("ContainerStatusUnknown"));
    let calls = node.runtime.calls();
    assert_eq!(
        calls,
        [
            "run_pod_sandbox p",
            "create_container app",
            "start_container app"
        ]
    );
    assert_eq!(node.phase("done"), "Succeeded");
}

#[tokio::test]
async fn a_kubelet_that_ended_between_two_steps_goes_on() {
    let mut node = TestNode::new();
    let error = || cri::Error::Internal("the server was killed here".into());
    for method in ["run_pod_sandbox", "create_container", "start_container"] {
        node.runtime.fail_next(method, error());
        node.create(
            &format!("p-{}", method.replace('_', "-")),
            TestNode::one(json!({})),
        );
        node.settle().await;
        node.stop().await;
        node.start();
        node.until("ready", |node| {
            node.is_ready(&format!("p-{}", method.replace('_', "-")))
        })
        .await;
    }
}

#[tokio::test]
async fn an_init_container_that_succeeded_does_not_run_again() {
    for policy in ["Always", "OnFailure", "Never"] {
        let mut node = TestNode::new();
        let mut spec = TestNode::one(json!({}));
        spec["restartPolicy"] = policy.into();
        spec["initContainers"] = json!([{"name": "init", "image": "web:1"}]);
        node.create("p", spec);
        let started = "start_container init".to_owned();
        node.until("init", |node| node.runtime.calls().contains(&started))
            .await;
        node.stop().await;
        // Nobody sees the end.
        node.runtime.exit(&node.newest("init").await, 0);
        node.start();
        node.until("ready", |node| node.is_ready("p")).await;
        let status = node.container("p", "init");
        let end = status.state.clone().and_then(|state| state.terminated);
        let end = end.expect("an end");
        assert_eq!(
            (end.exit_code, end.reason.as_deref()),
            (0, Some("Completed"))
        );
        assert_eq!((status.ready, status.restart_count), (true, 0), "{policy}");
        node.stop().await;
        node.start();
        node.settle().await;
        assert_eq!(node.runs("init").await.len(), 1, "{policy}");
        assert_eq!(node.container("p", "init"), status, "{policy}");
    }
}
