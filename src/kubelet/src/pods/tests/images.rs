//! Images: pulls, their back-off, and those that arrive by themselves.

use cri::Error;
use expect_test::expect;
use serde_json::json;

use crate::testing::TestNode;

fn message(node: &TestNode) -> String {
    let waiting = node
        .container("p", "app")
        .state
        .and_then(|state| state.waiting);
    waiting
        .and_then(|waiting| waiting.message)
        .unwrap_or_default()
}

#[tokio::test]
async fn a_failing_pull_alternates_between_error_and_back_off() {
    let node = TestNode::new();
    for _ in 0..2 {
        node.images
            .fail_next_pull(Error::Internal("no such host".into()));
    }
    node.create("p", TestNode::one(json!({})));
    node.until("error", |node| node.waiting("p", "app") == "ErrImagePull")
        .await;
    assert_eq!(message(&node), "no such host");
    node.pass(1).await;
    assert_eq!(node.waiting("p", "app"), "ImagePullBackOff");
    assert_eq!(
        message(&node),
        "Back-off pulling image \"web:1\": ErrImagePull: no such host"
    );
    node.pass(9).await;
    assert_eq!(node.waiting("p", "app"), "ErrImagePull");
    node.pass(1).await;
    assert_eq!(node.waiting("p", "app"), "ImagePullBackOff");
    node.pass(19).await;
    node.until("ready", |node| node.is_ready("p")).await;
    expect![[r#"
        Normal Pulling app: Pulling image "web:1"
        Warning Failed app: Failed to pull image "web:1": no such host
        Warning Failed app: Error: ErrImagePull
        Normal BackOff app: Back-off pulling image "web:1"
        Warning Failed app: Error: ImagePullBackOff
        Normal Pulling app: Pulling image "web:1"
        Warning Failed app: Failed to pull image "web:1": no such host
        Warning Failed app: Error: ErrImagePull
        Normal BackOff app: Back-off pulling image "web:1"
        Warning Failed app: Error: ImagePullBackOff
        Normal Pulling app: Pulling image "web:1"
        Normal Pulled app: Successfully pulled image "web:1" in 0s (0s including waiting). Image size: 0 bytes.
        Normal Created app: Container created
        Normal Started app: Container started
    "#]]
    .assert_eq(&node.said.take());
}

#[tokio::test]
async fn an_image_that_arrives_wakes_the_pod() {
    let node = TestNode::new();
    node.create("p", TestNode::one(json!({"imagePullPolicy": "Never"})));
    node.until("missing", |node| {
        node.waiting("p", "app") == "ErrImageNeverPull"
    })
    .await;
    let missing = "Container image \"web:1\" is not present with pull policy of Never";
    assert_eq!(message(&node), missing);
    // Another image: looked at once, and no more often than that.
    node.images.add("other:1");
    node.arrivals.send_modify(|count| *count += 1);
    node.settle().await;
    assert_eq!(node.said.count(missing), 2);
    node.settle().await;
    assert_eq!(node.said.count(missing), 2);
    node.images.add("web:1");
    node.arrivals.send_modify(|count| *count += 1);
    node.until("ready", |node| node.is_ready("p")).await;
    let present = "Container image \"web:1\" already present on machine and can be accessed by \
                   the pod";
    assert_eq!(node.said.count(present), 1);
    assert!(node.images.pulls().is_empty());
}

#[tokio::test]
async fn a_changed_image_is_tried_at_once() {
    let node = TestNode::new();
    for _ in 0..9 {
        node.images.fail_next_pull(Error::Internal("gone".into()));
    }
    let mut pod = node.create("p", TestNode::one(json!({})));
    node.until("error", |node| node.waiting("p", "app") == "ErrImagePull")
        .await;
    node.images.add("web:2");
    let spec = pod.spec.as_mut().expect("a spec");
    spec.containers[0].image = Some("web:2".into());
    pod.metadata.generation = Some(2);
    pod.status = node.pod("p").and_then(|pod| pod.status);
    node.server.put(&pod);
    node.until("ready", |node| node.is_ready("p")).await;
}
