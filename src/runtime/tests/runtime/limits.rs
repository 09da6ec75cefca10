//! Limits, as the kernel tells them.

use std::fs;
use std::path::Path;
use std::time::Duration;

use cri::{LinuxResources, RuntimeService};
use expect_test::expect;
use runtime::cgroup::Hierarchies;

use crate::host::Host;

/// The values in the container's own group, in v1 terms.
fn limits(host: &Host, id: &str) -> String {
    let group = Path::new(&host.cgroup).join(id);
    let mut text = String::new();
    for (controller, v1, v2) in [
        ("memory", "memory.limit_in_bytes", "memory.max"),
        ("cpu", "cpu.cfs_quota_us", "cpu.max"),
        ("cpu", "cpu.shares", "cpu.weight"),
        ("pids", "pids.max", "pids.max"),
    ] {
        let directory = host
            .cgroups
            .directory(controller, &group)
            .expect("a controller");
        let file = if matches!(host.cgroups, Hierarchies::Unified(_)) {
            v2
        } else {
            v1
        };
        let value = fs::read_to_string(directory.join(file)).expect("readable");
        text.push_str(&format!("{file} {value}"));
    }
    text
}

/// The first deliverable: start, limits read back, exec, wait, delete.
#[tokio::test(flavor = "multi_thread")]
async fn a_static_shim_runs_a_limited_container() {
    let host = Host::new();
    let runtime = host.open().await;
    let subject = host.subject(&runtime);
    let sandbox = subject.run_sandbox("limited").await;
    let mut config = subject.container("app", &["/bin/sh", "-c", "read line; exit 5"]);
    config.stdin = true;
    config.resources = LinuxResources {
        cpu_period: Some(100_000),
        cpu_quota: Some(50_000),
        cpu_shares: Some(512),
        memory_limit_bytes: Some(64 << 20),
        pids_limit: Some(50),
        oom_score_adj: Some(800),
        ..LinuxResources::default()
    };
    let id = subject.run_container(&sandbox, config).await;
    let first = expect![[r#"
        memory.limit_in_bytes 67108864
        cpu.cfs_quota_us 50000
        cpu.shares 512
        pids.max 50
    "#]];
    if matches!(host.cgroups, Hierarchies::Legacy(_)) {
        first.assert_eq(&limits(&host, &id));
    }
    let init = subject.status(&id).await.pid.expect("it runs");
    let score = fs::read_to_string(format!("/proc/{init}/oom_score_adj")).expect("readable");
    assert_eq!(score.trim(), "800");
    let changed = LinuxResources {
        cpu_quota: Some(20_000),
        memory_limit_bytes: Some(32 << 20),
        pids_limit: Some(20),
        ..LinuxResources::default()
    };
    runtime
        .update_container_resources(&id, changed)
        .await
        .expect("limits change");
    let second = expect![[r#"
        memory.limit_in_bytes 33554432
        cpu.cfs_quota_us 20000
        cpu.shares 512
        pids.max 20
    "#]];
    if matches!(host.cgroups, Hierarchies::Legacy(_)) {
        second.assert_eq(&limits(&host, &id));
    }
    let command = vec!["cat".to_owned(), "/proc/self/cgroup".to_owned()];
    let inside = runtime
        .exec_sync(&id, command, None)
        .await
        .expect("exec")
        .stdout;
    assert!(
        String::from_utf8_lossy(&inside).contains(&id),
        "exec is not in the group"
    );
    runtime
        .stop_container(&id, Duration::ZERO)
        .await
        .expect("stopped");
    subject.remove(&sandbox).await;
    host.assert_clean();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_without_memory_is_oom_killed() {
    let host = Host::new();
    let runtime = host.open().await;
    let subject = host.subject(&runtime);
    let sandbox = subject.run_sandbox("oom").await;
    let mut config = subject.container("app", &["/bin/sh", "-c", "tail /dev/zero"]);
    config.resources.memory_limit_bytes = Some(16 << 20);
    let id = subject.run_container(&sandbox, config).await;
    let status = subject.wait(&id).await;
    assert_eq!(
        (status.reason.as_str(), status.exit_code),
        ("OOMKilled", 137)
    );
    subject.remove(&sandbox).await;
    host.assert_clean();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fork_bomb_stays_in_its_pids_limit_and_dies_with_its_container() {
    let host = Host::new();
    let runtime = host.open().await;
    let subject = host.subject(&runtime);
    let sandbox = subject.run_sandbox("bomb").await;
    let script = "b() { b | b & }; b; while true; do sleep 1; done";
    let mut config = subject.container("app", &["/bin/sh", "-c", script]);
    config.resources.pids_limit = Some(30);
    config.resources.cpu_quota = Some(50_000);
    let id = subject.run_container(&sandbox, config).await;
    runtime
        .stop_container(&id, Duration::from_millis(200))
        .await
        .expect("stopped");
    let group = Path::new(&host.cgroup).join(&id);
    assert!(host.cgroups.kill(&group), "something survived");
    subject.remove(&sandbox).await;
    host.assert_clean();
}
