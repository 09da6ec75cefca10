//! The server comes and goes, containers stay; shims die, and nothing of them does.

use std::fs;
use std::io::{BufRead, BufReader};
use std::time::Duration;

use cri::testing::Subject;
use cri::{ContainerState, PodSandboxState, RuntimeService};

use crate::host::{Host, kill};

/// Writes a numbered line every few milliseconds.
const COUNTER: &str = "i=0; while true; do echo $i; i=$((i+1)); sleep 0.01; done";

/// Stops a container that counts; its log must be whole, whoever was its server meanwhile.
async fn stop_counting(subject: &Subject<'_>, counter: &str) {
    let stopped = subject.runtime.stop_container(counter, Duration::ZERO);
    stopped.await.expect("stopped");
    let log = subject.log(&subject.status(counter).await);
    for (number, line) in log.lines().enumerate() {
        assert_eq!(line, format!("stdout F {number}"), "the log has a hole");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_server_finds_the_same_containers() {
    let host = Host::new();
    let first = host.open().await;
    let subject = host.subject(&first);
    let sandbox = subject.run_sandbox("stays").await;
    let counter = subject.container("counter", &["/bin/sh", "-c", COUNTER]);
    let counter = subject.run_container(&sandbox, counter).await;
    let short = subject.container(
        "short",
        &[
            "/bin/sh",
            "-c",
            "while [ ! -e /go ]; do sleep 0.02; done; exit 4",
        ],
    );
    let short = subject.run_container(&sandbox, short).await;
    let created = subject.container("created", &["/bin/true"]);
    let created = first
        .create_container(&sandbox, created)
        .await
        .expect("created");
    let touch = vec!["touch".to_owned(), "/go".to_owned()];
    first.exec_sync(&short, touch, None).await.expect("exec");
    let before = subject.status(&counter).await;
    drop(first);

    let second = host.open().await;
    let subject = host.subject(&second);
    let status = second
        .pod_sandbox_status(&sandbox)
        .await
        .expect("found again");
    assert_eq!(status.state, PodSandboxState::Ready);
    assert_eq!(subject.status(&counter).await, before);
    // It ended while nobody watched, or does now.
    assert_eq!(subject.wait(&short).await.exit_code, 4);
    assert_eq!(
        subject.status(&created).await.state,
        ContainerState::Created
    );
    second
        .start_container(&created)
        .await
        .expect("a container of the old server starts");
    assert_eq!(subject.wait(&created).await.exit_code, 0);
    stop_counting(&subject, &counter).await;
    subject.remove(&sandbox).await;
    host.assert_clean();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_shim_takes_its_containers_along() {
    let host = Host::new();
    let runtime = host.open().await;
    let subject = host.subject(&runtime);
    let sandbox = subject.run_sandbox("killed").await;
    let other = subject.run_sandbox("other").await;
    let done = subject
        .run_container(&sandbox, subject.container("done", &["/bin/false"]))
        .await;
    subject.wait(&done).await;
    let lost = subject
        .run_container(&sandbox, subject.container("lost", &["/bin/sleep", "1000"]))
        .await;
    let kept = subject
        .run_container(&other, subject.container("kept", &["/bin/sleep", "1000"]))
        .await;
    let init = subject.status(&lost).await.pid.expect("it runs");
    let sandbox_directory = host.state().join(&sandbox);
    kill(shim_of(&sandbox_directory));
    let status = subject.wait(&lost).await;
    assert_eq!((status.exit_code, status.reason.as_str()), (255, "Unknown"));
    assert!(!is_running(init), "the container's process survived");
    assert_eq!(subject.status(&done).await.exit_code, 1);
    assert_eq!(subject.status(&kept).await.state, ContainerState::Running);
    runtime.stop_pod_sandbox(&sandbox).await.expect("stopped");
    let status = runtime
        .pod_sandbox_status(&sandbox)
        .await
        .expect("it has a status");
    assert_eq!(status.state, PodSandboxState::NotReady);
    subject.remove(&sandbox).await;
    subject.remove(&other).await;
    host.assert_clean();
}

#[tokio::test(flavor = "multi_thread")]
async fn shims_killed_while_no_server_runs_are_cleared_up_by_the_next() {
    let host = Host::new();
    let first = host.open().await;
    let subject = host.subject(&first);
    let sandbox = subject.run_sandbox("orphan").await;
    let id = subject
        .run_container(&sandbox, subject.container("app", &["/bin/sleep", "1000"]))
        .await;
    let init = subject.status(&id).await.pid.expect("it runs");
    drop(first);
    kill(shim_of(&host.state().join(&sandbox)));
    let second = host.open().await;
    let subject = host.subject(&second);
    let status = subject.status(&id).await;
    assert_eq!(
        (status.state, status.reason.as_str()),
        (ContainerState::Exited, "Unknown")
    );
    assert!(!is_running(init), "the container's process survived");
    subject.remove(&sandbox).await;
    host.assert_clean();
}

/// `kill -9` of the server: its containers do not notice.
///
/// Control: with `prctl(PR_SET_PDEATHSIG, SIGKILL)` at the head of `shim::prepare`, which ties the
/// shim to the life of who launched it, four tests of this file are red (tried).
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_changes_nothing_in_containers() {
    let host = Host::new();
    let mut server = std::process::Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "restart::a_server_to_be_killed", "--nocapture"])
        .env(SERVER, host.directory.file_name().expect("a name"))
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("a server");
    let output = BufReader::new(server.stdout.take().expect("piped"));
    let mut ids = output.lines().filter_map(|line| {
        line.expect("readable")
            .strip_prefix("made ")
            .map(str::to_owned)
    });
    let (sandbox, counter) = (
        ids.next().expect("a sandbox"),
        ids.next().expect("a container"),
    );
    server.kill().expect("killed");
    server.wait().expect("reaped");

    let runtime = host.open().await;
    let subject = host.subject(&runtime);
    assert_eq!(
        subject.status(&counter).await.state,
        ContainerState::Running
    );
    let command = vec!["echo".to_owned(), "in".to_owned()];
    let result = runtime
        .exec_sync(&counter, command, None)
        .await
        .expect("exec");
    assert_eq!(result.stdout, b"in\n");
    stop_counting(&subject, &counter).await;
    subject.remove(&sandbox).await;
    host.assert_clean();
}

/// Names the directory of the test that wants a server; set for that process only.
const SERVER: &str = "RK3S_RUNTIME_TEST_SERVER";

/// Not a test of its own: the server of the one above, in its own process, until it is killed.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_to_be_killed() {
    let Ok(name) = std::env::var(SERVER) else {
        return;
    };
    let host = Host::attach(&name);
    let runtime = host.open().await;
    let subject = host.subject(&runtime);
    let sandbox = subject.run_sandbox("survives").await;
    let counter = subject.container("counter", &["/bin/sh", "-c", COUNTER]);
    let counter = subject.run_container(&sandbox, counter).await;
    println!("\nmade {sandbox}\nmade {counter}");
    std::future::pending::<()>().await;
}

/// What a server killed in the middle of things leaves: directories without a record.
#[tokio::test(flavor = "multi_thread")]
async fn half_made_sandboxes_and_containers_are_removed() {
    let host = Host::new();
    let first = host.open().await;
    let subject = host.subject(&first);
    let sandbox = subject.run_sandbox("half").await;
    drop(first);
    fs::create_dir_all(host.state().join("half-made/containers/x/rootfs")).expect("made");
    let second = host.open().await;
    assert!(!host.state().join("half-made").exists());
    let subject = host.subject(&second);
    let listed = second.list_pod_sandboxes().await.expect("listed");
    assert_eq!(listed.len(), 1);
    subject.remove(&sandbox).await;
    host.assert_clean();
}

fn shim_of(sandbox: &std::path::Path) -> i32 {
    let text = fs::read_to_string(sandbox.join("shim.json")).expect("an identity");
    let identity: runtime::process::Identity = serde_json::from_str(&text).expect("an identity");
    identity.pid
}

fn is_running(pid: i32) -> bool {
    runtime::process::Identity::of(pid).is_ok_and(|identity| identity.is_alive())
}
