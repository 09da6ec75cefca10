//! Ends of pods: order, grace, namesakes, finalizers.

use serde_json::json;

use crate::testing::TestNode;
use client::testing::Verb;

fn deletions(node: &TestNode) -> Vec<String> {
    let requests = node.writes().into_iter();
    let deletes = requests.filter(|request| request.verb == Verb::Delete);
    deletes
        .map(|request| String::from_utf8(request.body.to_vec()).expect("text"))
        .collect()
}

#[tokio::test]
async fn a_deleted_pod_goes_in_order() {
    let node = TestNode::new();
    node.create("p", TestNode::one(json!({})));
    node.until("ready", |node| node.is_ready("p")).await;
    let before = node.runtime.calls().len();
    node.said.take();
    node.delete("p", Some(7)).await;
    node.writes();
    node.until("gone", |node| node.pod("p").is_none()).await;
    assert_eq!(
        node.runtime.calls()[before..],
        [
            "stop_container app grace=7",
            "stop_pod_sandbox p",
            // A removal stops first what still runs.
            "stop_pod_sandbox p",
            "remove_pod_sandbox p",
        ]
    );
    assert_eq!(
        node.said.take(),
        "Normal Killing app: Stopping container app\n"
    );
    let requests = node.writes();
    let last: Vec<_> = requests.iter().map(|r| r.verb).collect();
    assert_eq!(
        last,
        [Verb::Patch, Verb::Delete],
        "the terminal status comes first"
    );
    let status: serde_json::Value = serde_json::from_slice(&requests[0].body).expect("JSON");
    assert_eq!(status.pointer("/status/phase"), Some(&json!("Failed")));
    let delete: serde_json::Value = serde_json::from_slice(&requests[1].body).expect("JSON");
    assert_eq!(delete.pointer("/preconditions/uid"), Some(&json!("uid-p")));
    assert_eq!(delete["gracePeriodSeconds"], 0);
    assert!(!node.pod_directory("p").exists());
    assert!(
        !node
            .directory
            .join("cgroup/kubepods/besteffort/poduid-p")
            .exists()
    );
    assert!(!node.directory.join("log/pods/n_p_uid-p").exists());
    let links = std::fs::read_dir(node.directory.join("log/containers")).expect("readable");
    assert_eq!(links.count(), 0);
    assert!(
        network::PodNetwork::list(&*node.network)
            .await
            .expect("a list")
            .is_empty()
    );
}

#[tokio::test]
async fn a_namesake_may_come_at_once() {
    let node = TestNode::new();
    node.create("p", TestNode::one(json!({})));
    node.until("ready", |node| node.is_ready("p")).await;
    // Deleted with force and made anew: the kubelet may see only the second.
    node.server.remove(&<api::Pod as api::Kind>::GVR, "n", "p");
    let mut second = node.create("p", TestNode::one(json!({"image": "web:2"})));
    second.metadata.uid = Some("uid-second".into());
    node.server.put(&second);
    node.until("the first is gone", |node| {
        node.runtime
            .calls()
            .contains(&"remove_pod_sandbox p".to_owned())
    })
    .await;
    node.until("ready", |node| {
        node.is_ready("p") && node.container("p", "app").image == "web:2"
    })
    .await;
    node.settle().await;
    assert_eq!(deletions(&node), [""; 0], "the second is not the first");
    assert_eq!(node.runs("app").await.len(), 1);
    let calls = node.runtime.calls();
    assert!(
        calls.contains(&"stop_container app grace=2".to_owned()),
        "{calls:?}"
    );
}

#[tokio::test]
async fn a_finalizer_keeps_the_object_and_not_the_kubelet_busy() {
    let node = TestNode::new();
    let mut pod = node.create("p", TestNode::one(json!({})));
    pod.metadata.finalizers = Some(vec!["example.com/wait".into()]);
    node.server.put(&pod);
    node.until("ready", |node| node.is_ready("p")).await;
    node.delete("p", None).await;
    node.until("failed", |node| node.phase("p") == "Failed")
        .await;
    node.settle().await;
    node.writes();
    let calls = node.runtime.calls().len();
    node.pass(30).await;
    assert_eq!(node.writes(), []);
    assert_eq!(node.runtime.calls().len(), calls);
    let end = node.container("p", "app").state.and_then(|s| s.terminated);
    assert_eq!(
        end.map(|end| end.exit_code),
        Some(137),
        "its end is not forgotten"
    );
}

#[tokio::test]
async fn a_pod_deleted_before_it_began_leaves_nothing() {
    let node = TestNode::new();
    for _ in 0..9 {
        let error = cri::Error::Internal("registry".into());
        node.images.fail_next_pull(error);
    }
    node.create("p", TestNode::one(json!({})));
    node.until("waiting", |node| node.waiting("p", "app") == "ErrImagePull")
        .await;
    node.delete("p", None).await;
    node.until("gone", |node| node.pod("p").is_none()).await;
    node.settle().await;
    assert!(!node.pod_directory("p").exists());
    let calls = node.runtime.calls();
    assert_eq!(
        calls.last().map(String::as_str),
        Some("remove_pod_sandbox p")
    );
}

#[tokio::test]
async fn a_stop_that_fails_is_tried_again() {
    let node = TestNode::new();
    node.create("p", TestNode::one(json!({})));
    node.until("ready", |node| node.is_ready("p")).await;
    let error = cri::Error::Internal("busy".into());
    node.runtime.fail_next("stop_container", error);
    node.said.take();
    node.delete("p", None).await;
    node.settle().await;
    assert!(node.pod("p").is_some());
    node.pass(1).await;
    node.until("gone", |node| node.pod("p").is_none()).await;
    assert_eq!(
        node.said.take(),
        "Normal Killing app: Stopping container app\n"
    );
}

#[tokio::test]
async fn sidecars_go_last() {
    let node = TestNode::new();
    let mut spec = TestNode::one(json!({}));
    spec["initContainers"] = json!([
        {"name": "s1", "image": "web:1", "command": ["x"], "restartPolicy": "Always"},
        {"name": "s2", "image": "web:1", "command": ["x"], "restartPolicy": "Always"},
    ]);
    node.create("p", spec);
    node.until("ready", |node| node.is_ready("p")).await;
    let before = node.runtime.calls().len();
    node.delete("p", Some(9)).await;
    node.until("gone", |node| node.pod("p").is_none()).await;
    assert_eq!(
        node.runtime.calls()[before..before + 3],
        [
            "stop_container app grace=9",
            "stop_container s2 grace=9",
            "stop_container s1 grace=9",
        ]
    );
}

#[tokio::test]
async fn a_pod_deleted_while_its_sandbox_is_made_leaves_nothing() {
    for force in [false, true] {
        let node = TestNode::new();
        node.gate.send_replace(false);
        node.create("p", TestNode::one(json!({})));
        node.settle().await;
        if force {
            node.server.remove(&<api::Pod as api::Kind>::GVR, "n", "p");
        } else {
            node.delete("p", None).await;
        }
        node.settle().await;
        assert_eq!(node.pod("p").is_none(), force);
        node.gate.send_replace(true);
        node.until("gone", |node| {
            node.pod("p").is_none() && !node.pod_directory("p").exists()
        })
        .await;
        node.settle().await;
        let attached = network::PodNetwork::list(&*node.network)
            .await
            .expect("a list");
        assert_eq!(attached, [], "force: {force}");
        let sandboxes = cri::RuntimeService::list_pod_sandboxes(&node.runtime).await;
        assert_eq!(sandboxes.expect("a list"), []);
        assert_eq!(node.runs("app").await, []);
        assert!(
            !node
                .directory
                .join("cgroup/kubepods/besteffort/poduid-p")
                .exists()
        );
    }
}
