//! postStart and preStop, within the grace period.

use cri::ExecResult;
use serde_json::json;

use crate::testing::TestNode;

fn exec(command: &str) -> serde_json::Value {
    json!({"exec": {"command": [command]}})
}

#[tokio::test]
async fn post_start_runs_after_the_start() {
    let node = TestNode::new();
    node.create(
        "p",
        TestNode::one(json!({"lifecycle": {"postStart": exec("warm-up")}})),
    );
    node.until("ready", |node| node.is_ready("p")).await;
    let calls = node.runtime.calls();
    assert_eq!(calls[2..], ["start_container app", "exec_sync app warm-up"]);
}

#[tokio::test]
async fn a_failing_post_start_kills_the_container() {
    let node = TestNode::new();
    node.runtime.on_exec(|_, _| {
        Ok(ExecResult {
            stderr: b"cold".to_vec(),
            exit_code: 3,
            ..ExecResult::default()
        })
    });
    node.create(
        "p",
        TestNode::one(json!({"lifecycle": {"postStart": exec("warm-up")}})),
    );
    node.until("error", |node| node.said.count("FailedPostStartHook") > 0)
        .await;
    node.backs_off("p", "app").await;
    let said = node.said.all();
    assert_eq!(
        said[4..6],
        [
            "Warning FailedPostStartHook app: PostStartHook failed",
            "Normal Killing app: FailedPostStartHook",
        ]
    );
    let bodies: Vec<_> = node
        .server
        .take_requests()
        .into_iter()
        .map(|r| r.body)
        .collect();
    let text = r#"Exec lifecycle hook ([warm-up]) for Container \"app\" in Pod \"p_n(uid-p)\" failed - error: command 'warm-up' exited with 3: cold, message: \"cold\""#;
    let told = bodies
        .iter()
        .any(|body| String::from_utf8_lossy(body).contains(text));
    assert!(told, "{bodies:?}");
}

#[tokio::test]
async fn pre_stop_comes_off_the_grace_period() {
    let node = TestNode::new();
    let sleep = json!({"preStop": {"sleep": {"seconds": 4}}});
    node.create("p", TestNode::one(json!({"lifecycle": sleep})));
    node.until("ready", |node| node.is_ready("p")).await;
    node.delete("p", Some(10)).await;
    node.settle().await;
    assert!(
        !node
            .runtime
            .calls()
            .iter()
            .any(|call| call.starts_with("stop"))
    );
    node.pass(4).await;
    node.until("gone", |node| node.pod("p").is_none()).await;
    assert!(
        node.runtime
            .calls()
            .contains(&"stop_container app grace=6".to_owned())
    );
    assert_eq!(node.said.count("FailedPreStopHook"), 0);
}

#[tokio::test]
async fn pre_stop_ends_with_the_grace_period_and_leaves_two_seconds() {
    let node = TestNode::new();
    let sleep = json!({"preStop": {"sleep": {"seconds": 60}}});
    node.create("p", TestNode::one(json!({"lifecycle": sleep})));
    node.until("ready", |node| node.is_ready("p")).await;
    node.delete("p", Some(30)).await;
    node.pass(5).await;
    // A second deletion has less patience.
    node.delete("p", Some(8)).await;
    node.settle().await;
    node.pass(9).await;
    node.until("gone", |node| node.pod("p").is_none()).await;
    assert!(
        node.runtime
            .calls()
            .contains(&"stop_container app grace=2".to_owned())
    );
    assert_eq!(
        node.said
            .count("Warning FailedPreStopHook app: PreStopHook failed"),
        1
    );
}

#[tokio::test]
async fn a_deletion_does_not_wait_for_post_start() {
    let node = TestNode::new();
    let sleep = json!({"postStart": {"sleep": {"seconds": 600}}});
    node.create("p", TestNode::one(json!({"lifecycle": sleep})));
    node.until("started", |node| node.said.count("Container started") == 1)
        .await;
    node.delete("p", None).await;
    node.until("gone", |node| node.pod("p").is_none()).await;
}
