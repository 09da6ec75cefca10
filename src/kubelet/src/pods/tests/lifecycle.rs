//! Starts, crashes, back-offs, ends.

use expect_test::expect;
use serde_json::json;

use crate::testing::TestNode;
use client::testing::{Effect, Verb};

/// Each status patch as phase and container states.
fn statuses(node: &TestNode) -> String {
    let mut text = String::new();
    for request in node.writes() {
        if request.verb != Verb::Patch {
            continue;
        }
        let body: serde_json::Value = serde_json::from_slice(&request.body).expect("JSON");
        let phase = body.pointer("/status/phase").and_then(|p| p.as_str());
        let mut line = phase.unwrap_or("-").to_owned();
        let all = ["initContainerStatuses", "containerStatuses"];
        for container in all
            .iter()
            .filter_map(|list| body["status"][list].as_array())
            .flatten()
        {
            let state = container["state"].as_object().expect("a state");
            let (kind, state) = state.iter().next().expect("one state");
            let reason = state["reason"].as_str().unwrap_or(kind);
            line.push_str(&format!(
                " {}={reason}",
                container["name"].as_str().expect("a name")
            ));
        }
        text.push_str(&format!("{line}\n"));
    }
    text
}

#[tokio::test]
async fn a_pod_starts() {
    let node = TestNode::new();
    node.create("p", TestNode::one(json!({})));
    node.until("ready", |node| node.is_ready("p")).await;
    expect![[r#"
        Normal Pulling app: Pulling image "web:1"
        Normal Pulled app: Successfully pulled image "web:1" in 0s (0s including waiting). Image size: 0 bytes.
        Normal Created app: Container created
        Normal Started app: Container started
    "#]]
    .assert_eq(&node.said.take());
    expect![[r#"
        - app=ContainerCreating
        Running app=running
    "#]]
    .assert_eq(&statuses(&node));
    assert_eq!(
        node.runtime.calls(),
        [
            "run_pod_sandbox p",
            "create_container app",
            "start_container app"
        ]
    );
    let status = node.pod("p").and_then(|pod| pod.status).expect("a status");
    assert_eq!(status.pod_ip.as_deref(), Some("10.42.0.2"));
    node.settle().await;
    assert_eq!(statuses(&node), "", "nothing is written twice");
}

#[tokio::test]
async fn init_containers_run_first_and_are_told_about() {
    let node = TestNode::new();
    let mut spec = TestNode::one(json!({}));
    spec["initContainers"] = json!([{"name": "init", "image": "web:1", "command": ["prepare"]}]);
    node.create("p", spec);
    node.until("init", |node| {
        node.container("p", "init").started == Some(true)
    })
    .await;
    assert_eq!(node.waiting("p", "app"), "PodInitializing");
    node.runtime.exit(&node.newest("init").await, 0);
    node.until("ready", |node| node.is_ready("p")).await;
    assert!(node.container("p", "init").ready);
    expect![[r#"
        - init=PodInitializing app=PodInitializing
        - init=running
        - init=Completed
        Running app=running
    "#]]
    .assert_eq(&statuses(&node));
}

#[tokio::test]
async fn a_container_that_crashes_waits_longer_each_time() {
    let node = TestNode::new();
    node.create("p", TestNode::one(json!({})));
    node.until("ready", |node| node.is_ready("p")).await;
    // The first restart does not wait.
    node.runtime.exit(&node.newest("app").await, 1);
    node.until("restart", |node| {
        node.container("p", "app").restart_count == 1
    })
    .await;
    node.until("ready", |node| node.is_ready("p")).await;
    node.said.take();
    for (count, delay, text) in [(2, 10, "10s"), (3, 20, "20s"), (4, 40, "40s")] {
        node.runtime.exit(&node.newest("app").await, 7);
        assert_eq!(
            node.backs_off("p", "app").await,
            format!("back-off {text} restarting failed container=app pod=p_n(uid-p)")
        );
        node.pass(delay - 1).await;
        assert_eq!(node.container("p", "app").restart_count, count - 1);
        node.pass(1).await;
        node.until("restart", |node| {
            node.container("p", "app").restart_count == count
        })
        .await;
        node.until("ready", |node| node.is_ready("p")).await;
        let said = node.said.take();
        let back_offs = said
            .lines()
            .filter(|line| line.contains("BackOff"))
            .collect::<Vec<_>>();
        assert_eq!(
            back_offs,
            ["Warning BackOff app: Back-off restarting failed container app in pod p_n(uid-p)"]
        );
    }
    let last = node
        .container("p", "app")
        .last_state
        .and_then(|last| last.terminated);
    let last = last.expect("an end before");
    assert_eq!((last.exit_code, last.reason.as_deref()), (7, Some("Error")));
    assert_eq!(node.runs("app").await.len(), 2, "older runs are removed");
    let files = |path: std::path::PathBuf| std::fs::read_dir(path).expect("readable").count();
    assert_eq!(files(node.pod_directory("p").join("containers/app")), 2);
    assert_eq!(files(node.directory.join("log/containers")), 2);
    // After ten quiet minutes the back-off is forgotten.
    node.hands.advance(std::time::Duration::from_secs(601));
    node.runtime.exit(&node.newest("app").await, 1);
    node.until("restart", |node| {
        node.container("p", "app").restart_count == 5
    })
    .await;
}

#[tokio::test]
async fn an_end_by_the_kernel_is_named() {
    let node = TestNode::new();
    let mut spec = TestNode::one(json!({}));
    spec["restartPolicy"] = "Never".into();
    node.create("p", spec);
    node.until("ready", |node| node.is_ready("p")).await;
    node.runtime.oom_kill(&node.newest("app").await);
    node.until("failed", |node| node.phase("p") == "Failed")
        .await;
    let end = node
        .container("p", "app")
        .state
        .and_then(|s| s.terminated)
        .expect("an end");
    assert_eq!(
        (end.exit_code, end.reason.as_deref()),
        (137, Some("OOMKilled"))
    );
}

#[tokio::test]
async fn a_finished_pod_gives_back_what_it_held_and_stays() {
    let node = TestNode::new();
    let mut spec = TestNode::one(json!({"command": ["true"]}));
    spec["restartPolicy"] = "OnFailure".into();
    node.create("p", spec);
    node.until("done", |node| node.phase("p") == "Succeeded")
        .await;
    node.settle().await;
    assert_eq!(
        node.runtime.calls().last().map(String::as_str),
        Some("stop_pod_sandbox p")
    );
    assert!(
        !node
            .directory
            .join("cgroup/kubepods/besteffort/poduid-p")
            .exists()
    );
    assert!(
        network::PodNetwork::list(&*node.network)
            .await
            .expect("a list")
            .is_empty()
    );
    let pod = node.pod("p").expect("it stays");
    let ready = api::pod::pod_condition(&pod, "Ready").expect("a condition");
    assert_eq!(ready.reason.as_deref(), Some("PodCompleted"));
    assert_eq!(
        pod.status.and_then(|s| s.pod_ip).as_deref(),
        Some("10.42.0.2")
    );
}

#[tokio::test]
async fn a_pod_past_its_deadline_fails() {
    let node = TestNode::new();
    let mut spec = TestNode::one(json!({}));
    spec["activeDeadlineSeconds"] = 30.into();
    node.create("p", spec);
    node.until("ready", |node| node.is_ready("p")).await;
    node.pass(29).await;
    assert_eq!(node.phase("p"), "Running");
    node.pass(2).await;
    node.until("failed", |node| node.phase("p") == "Failed")
        .await;
    let status = node.pod("p").and_then(|pod| pod.status).expect("a status");
    assert_eq!(status.reason.as_deref(), Some("DeadlineExceeded"));
    assert_eq!(
        status.message.as_deref(),
        Some("Pod was active on the node longer than the specified deadline")
    );
}

#[tokio::test]
async fn a_program_that_cannot_start_is_not_tried_without_end() {
    let node = TestNode::new();
    for _ in 0..9 {
        let error = cri::Error::Internal("no such program".into());
        node.runtime.fail_next("start_container", error);
    }
    node.create("p", TestNode::one(json!({})));
    node.until("error", |node| {
        node.waiting("p", "app") == "RunContainerError"
    })
    .await;
    node.settle().await;
    assert_eq!(
        node.said
            .count("Warning Failed app: Error: no such program"),
        1
    );
    node.pass(10).await;
    node.settle().await;
    assert!(
        node.said.count("no such program") <= 3,
        "{:?}",
        node.said.all()
    );
    assert_eq!(node.phase("p"), "Pending");
    assert_eq!(
        node.container("p", "app").last_state,
        Some(Default::default())
    );
}

#[tokio::test]
async fn a_dead_sandbox_is_made_anew() {
    let node = TestNode::new();
    node.create("p", TestNode::one(json!({})));
    node.until("ready", |node| node.is_ready("p")).await;
    let sandbox = node.runs("app").await[0].pod_sandbox_id.clone();
    cri::RuntimeService::stop_pod_sandbox(&node.runtime, &sandbox)
        .await
        .expect("stopped");
    node.until("restart", |node| {
        node.container("p", "app").restart_count == 1
    })
    .await;
    node.until("ready", |node| node.is_ready("p")).await;
    assert_eq!(
        node.said
            .count("SandboxChanged: Pod sandbox changed, it will be killed"),
        1
    );
    let status = node.pod("p").and_then(|pod| pod.status).expect("a status");
    assert_eq!(status.pod_ip.as_deref(), Some("10.42.0.2"));
}

#[tokio::test]
async fn a_pod_on_the_nodes_network_has_the_nodes_address() {
    let node = TestNode::new();
    let mut spec = TestNode::one(json!({}));
    spec["hostNetwork"] = true.into();
    node.create("p", spec);
    node.until("ready", |node| node.is_ready("p")).await;
    let status = node.pod("p").and_then(|pod| pod.status).expect("a status");
    assert_eq!(status.pod_ip, status.host_ip);
    assert!(
        network::PodNetwork::list(&*node.network)
            .await
            .expect("a list")
            .is_empty()
    );
    let run = node.runs("app").await.remove(0);
    let sandbox = node
        .runtime
        .sandbox_config(&run.pod_sandbox_id)
        .expect("known");
    assert_eq!((sandbox.hostname.as_str(), sandbox.netns), ("node", None));
    let hosts = std::fs::read_to_string(node.pod_directory("p").join("etc-hosts"));
    let hosts = hosts.expect("a hosts file");
    assert!(
        hosts.starts_with("# Kubernetes-managed hosts file (host network).\n"),
        "{hosts}"
    );
}

#[tokio::test]
async fn a_sandbox_that_fails_is_told_and_tried_again() {
    let node = TestNode::new();
    node.network.fail("setup", 1);
    node.create("p", TestNode::one(json!({})));
    node.until("event", |node| {
        node.said.count("FailedCreatePodSandBox") == 1
    })
    .await;
    node.settle().await;
    assert_eq!(node.said.count("FailedCreatePodSandBox"), 1);
    assert_eq!(node.waiting("p", "app"), "ContainerCreating");
    node.pass(1).await;
    node.until("ready", |node| node.is_ready("p")).await;
}

#[tokio::test]
async fn containers_start_while_the_api_is_away() {
    let node = TestNode::new();
    for effect in [Effect::Unreachable, Effect::LoseAnswer, Effect::Unreachable] {
        node.server.disturb(Verb::Patch, "pods/status", effect);
    }
    node.create("p", TestNode::one(json!({})));
    node.settle().await;
    assert!(
        node.runtime
            .calls()
            .contains(&"start_container app".to_owned())
    );
    node.pass(10).await;
    node.until("ready", |node| node.is_ready("p")).await;
    assert_eq!(node.said.count("Started"), 1);
}

#[tokio::test]
async fn a_status_that_the_cache_has_not_seen_is_not_lost() {
    let node = TestNode::new();
    node.create("p", TestNode::one(json!({})));
    node.until("ready", |node| node.is_ready("p")).await;
    // The watch misses the change to unready, and the pod is ready again right after it.
    node.server.drop_next_event("pods");
    node.runtime.exit(&node.newest("app").await, 1);
    node.until("restart", |node| {
        node.container("p", "app").restart_count == 1
    })
    .await;
    node.until("ready", |node| node.is_ready("p")).await;
}
