//! Crashes at every step: what a dead server or shim leaves is taken over or cleared up, and
//! nothing is left once it is removed. `cargo test -p runtime --features faults`.

use std::process::Command;

use cri::{ContainerState, PodSandboxState, RuntimeService};

use crate::host::Host;

/// Names the directory of the test that wants a server; set for that process only.
const SERVER: &str = "RK3S_RUNTIME_TEST_FAULTS";

/// Runs a server that goes through a pod's life until the armed point ends it (or its shim);
/// whether it failed.
fn run_server(host: &Host, points: &str) -> bool {
    let status = Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "faults::a_server_with_faults", "--nocapture"])
        .env(SERVER, host.directory.file_name().expect("a name"))
        .env("RK3S_FAILPOINTS", points)
        .env("RUST_BACKTRACE", "0")
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .status()
        .expect("a server");
    !status.success()
}

/// Not a test of its own: the server of the one below.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_with_faults() {
    let Ok(name) = std::env::var(SERVER) else {
        return;
    };
    let host = Host::attach(&name);
    let runtime = host.open().await;
    let subject = host.subject(&runtime);
    let sandbox = subject.run_sandbox("faulty").await;
    let config = subject.container("app", &["/bin/sleep", "1000"]);
    subject.run_container(&sandbox, config).await;
    subject.remove(&sandbox).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_at_any_step_leaves_nothing_that_cannot_be_removed() {
    for (points, fails) in [
        ("runtime::shim-launched=exit", true),
        ("runtime::shim-launched=error", true),
        ("runtime::bundle-ready=exit", true),
        ("runtime::bundle-ready=error", true),
        ("runtime::sandbox-emptied=exit", true),
        ("runtime::sandbox-emptied=error", true),
        // The shim's first reply is to creating the container, the second to starting it; those
        // to stopping and removing do not matter to a server that wants it gone anyway.
        ("shim::before-reply=exit", true),
        ("shim::before-reply=exit(2)", true),
        ("shim::before-reply=exit(3)", false),
        ("shim::before-reply=exit(4)", false),
        ("shim::before-reply=error", true),
        ("shim::before-reply=error(2)", true),
        ("shim::before-reply=error(3)", false),
        ("shim::before-reply=error(4)", false),
    ] {
        // Shown when the test fails.
        println!("{points}");
        let host = Host::new();
        assert_eq!(run_server(&host, points), fails, "the server's end");
        let runtime = host.open().await;
        for sandbox in runtime.list_pod_sandboxes().await.expect("listed") {
            let containers = runtime
                .list_containers(Default::default())
                .await
                .expect("listed");
            if sandbox.state == PodSandboxState::NotReady {
                let ended = containers
                    .iter()
                    .all(|it| it.state == ContainerState::Exited);
                assert!(ended, "{points}: {containers:?}");
            }
            runtime
                .remove_pod_sandbox(&sandbox.id)
                .await
                .expect("removed");
        }
        host.assert_clean();
    }
}
