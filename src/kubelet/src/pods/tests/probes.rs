//! Probes, from the question to the status.

use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

use cri::ExecResult;
use expect_test::expect;
use serde_json::{Value, json};

use crate::testing::TestNode;

/// What exec probes find from now on: an exit code.
fn answers(node: &TestNode) -> Arc<AtomicI32> {
    let code = Arc::new(AtomicI32::new(0));
    let answer = code.clone();
    node.runtime.on_exec(move |_, _| {
        Ok(ExecResult {
            stdout: b"told".to_vec(),
            exit_code: answer.load(Ordering::Relaxed),
            ..ExecResult::default()
        })
    });
    code
}

fn exec(more: Value) -> Value {
    let mut probe = json!({"exec": {"command": ["check"]}, "periodSeconds": 5});
    let fields = more.as_object().expect("an object").clone();
    probe.as_object_mut().expect("an object").extend(fields);
    probe
}

#[tokio::test]
async fn readiness_comes_and_goes() {
    let node = TestNode::new();
    let code = answers(&node);
    let probe = exec(json!({"initialDelaySeconds": 3, "failureThreshold": 2}));
    node.create("p", TestNode::one(json!({"readinessProbe": probe})));
    node.until("running", |node| node.phase("p") == "Running")
        .await;
    node.settle().await;
    assert!(!node.is_ready("p"), "not before the first answer");
    node.pass(2).await;
    assert!(
        !node
            .runtime
            .calls()
            .contains(&"exec_sync app check".to_owned())
    );
    node.pass(1).await;
    node.until("ready", |node| node.is_ready("p")).await;
    code.store(1, Ordering::Relaxed);
    node.pass(5).await;
    assert!(node.is_ready("p"), "one failure is none");
    node.pass(5).await;
    node.until("unready", |node| !node.is_ready("p")).await;
    assert_eq!(
        node.said
            .count("Warning Unhealthy app: Readiness probe failed: told"),
        2
    );
    assert_eq!(node.container("p", "app").restart_count, 0);
    code.store(0, Ordering::Relaxed);
    node.pass(5).await;
    node.until("ready", |node| node.is_ready("p")).await;
}

#[tokio::test]
async fn a_failing_liveness_restarts_the_container() {
    let node = TestNode::new();
    answers(&node);
    let probe = exec(json!({"failureThreshold": 2, "terminationGracePeriodSeconds": 5}));
    node.create("p", TestNode::one(json!({"livenessProbe": probe})));
    node.until("ready", |node| node.is_ready("p")).await;
    node.said.take();
    let sick = node.newest("app").await;
    node.runtime.on_exec(move |id, _| {
        Ok(ExecResult {
            stdout: b"told".to_vec(),
            exit_code: i32::from(id == sick),
            ..ExecResult::default()
        })
    });
    node.pass(10).await;
    node.until("restart", |node| {
        node.container("p", "app").restart_count == 1
    })
    .await;
    node.until("ready", |node| node.is_ready("p")).await;
    expect![[r#"
        Warning Unhealthy app: Liveness probe failed: told
        Warning Unhealthy app: Liveness probe failed: told
        Normal Killing app: Container app failed liveness probe, will be restarted
        Normal Pulled app: Container image "web:1" already present on machine and can be accessed by the pod
        Normal Created app: Container created
        Normal Started app: Container started
    "#]]
    .assert_eq(&node.said.take());
    assert!(
        node.runtime
            .calls()
            .contains(&"stop_container app grace=5".to_owned())
    );
}

#[tokio::test]
async fn nothing_else_is_asked_before_the_start_is_over() {
    let node = TestNode::new();
    let code = answers(&node);
    code.store(1, Ordering::Relaxed);
    node.create(
        "p",
        TestNode::one(json!({
            "startupProbe": exec(json!({"failureThreshold": 3})),
            "readinessProbe": exec(json!({"exec": {"command": ["ready"]}})),
        })),
    );
    node.until("asked", |node| node.said.count("Startup probe failed") == 1)
        .await;
    assert_eq!(node.container("p", "app").started, Some(false));
    code.store(0, Ordering::Relaxed);
    assert!(
        !node
            .runtime
            .calls()
            .contains(&"exec_sync app ready".to_owned())
    );
    node.pass(5).await;
    node.until("ready", |node| node.is_ready("p")).await;
    assert_eq!(node.container("p", "app").started, Some(true));
    let asked = |command: &str| {
        let call = format!("exec_sync app {command}");
        node.runtime
            .calls()
            .iter()
            .filter(|known| **known == call)
            .count()
    };
    let startups = asked("check");
    node.pass(10).await;
    assert_eq!(asked("check"), startups, "the start is over");
    assert!(asked("ready") >= 2);
}

#[tokio::test]
async fn a_start_that_does_not_end_is_a_failure() {
    let node = TestNode::new();
    answers(&node).store(1, Ordering::Relaxed);
    let probe = exec(json!({"failureThreshold": 2}));
    node.create("p", TestNode::one(json!({"startupProbe": probe})));
    node.until("asked", |node| node.said.count("Startup probe failed") == 1)
        .await;
    node.pass(5).await;
    node.until("killed", |node| {
        node.said
            .count("Killing app: Container app failed startup probe, will be restarted")
            == 1
    })
    .await;
    node.until("restart", |node| {
        node.container("p", "app").restart_count == 1
    })
    .await;
}

#[tokio::test]
async fn a_restart_of_the_kubelet_makes_no_pod_unready() {
    let mut node = TestNode::new();
    let code = answers(&node);
    node.create(
        "p",
        TestNode::one(json!({
            "startupProbe": exec(json!({})),
            "readinessProbe": exec(json!({"failureThreshold": 1})),
        })),
    );
    node.until("ready", |node| node.is_ready("p")).await;
    node.stop().await;
    node.writes();
    node.start();
    node.settle().await;
    assert_eq!(node.writes(), []);
    assert!(node.is_ready("p"));
    code.store(1, Ordering::Relaxed);
    node.pass(10).await;
    node.until("unready", |node| !node.is_ready("p")).await;
    assert_eq!(node.container("p", "app").started, Some(true));
}

#[tokio::test]
async fn a_pod_that_ends_is_asked_for_readiness_only() {
    let node = TestNode::new();
    let code = answers(&node);
    let lifecycle = json!({"preStop": {"sleep": {"seconds": 20}}});
    node.create(
        "p",
        TestNode::one(json!({
            "lifecycle": lifecycle,
            "livenessProbe": exec(json!({"failureThreshold": 1})),
            "readinessProbe": exec(json!({"failureThreshold": 1})),
        })),
    );
    node.until("ready", |node| node.is_ready("p")).await;
    node.delete("p", Some(30)).await;
    node.settle().await;
    code.store(1, Ordering::Relaxed);
    node.pass(6).await;
    node.until("unready", |node| !node.is_ready("p")).await;
    assert_eq!(node.said.count("Liveness"), 0);
    node.pass(15).await;
    node.until("gone", |node| node.pod("p").is_none()).await;
}

/// The event of a failing readiness probe.
async fn unhealthy(probe: Value) -> String {
    let node = TestNode::new();
    let mut spec = TestNode::one(json!({"readinessProbe": probe}));
    // The node's own address is on no interface here.
    spec["hostNetwork"] = true.into();
    node.create("p", spec);
    node.until("event", |node| node.said.count("Unhealthy") > 0)
        .await;
    let said = node.said.all();
    let found = said.iter().find(|line| line.contains("Unhealthy"));
    found.cloned().unwrap_or_default()
}

#[tokio::test]
async fn failures_are_told_in_upstreams_words() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("bound").port();
    drop(listener);
    let target = json!({"host": "127.0.0.1", "port": port});
    assert_eq!(
        unhealthy(json!({"tcpSocket": target})).await,
        format!(
            "Warning Unhealthy app: Readiness probe failed: dial tcp 127.0.0.1:{port}: connect: \
             connection refused"
        )
    );
    assert_eq!(
        unhealthy(json!({"httpGet": target})).await,
        format!(
            "Warning Unhealthy app: Readiness probe failed: Get \"http://127.0.0.1:{port}/\": \
             dial tcp 127.0.0.1:{port}: connect: connection refused"
        )
    );
    assert_eq!(
        unhealthy(json!({"httpGet": {"port": "web"}})).await,
        "Warning Unhealthy app: Readiness probe errored and resulted in unknown state: port web \
         not found"
    );
    assert_eq!(
        unhealthy(json!({"grpc": {"port": 1}})).await,
        "Warning Unhealthy app: Readiness probe errored and resulted in unknown state: rk3s does \
         not support gRPC probes yet"
    );
}

#[tokio::test]
async fn an_exec_that_takes_too_long_has_failed() {
    let node = TestNode::new();
    node.runtime
        .on_exec(|_, _| Err(cri::Error::DeadlineExceeded("exec".into())));
    node.create(
        "p",
        TestNode::one(json!({"readinessProbe": exec(json!({}))})),
    );
    let text = "Readiness probe failed: command timed out: \"check\" timed out after 1s";
    node.until("event", |node| node.said.count(text) == 1).await;
}
