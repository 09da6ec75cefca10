//! Containers outlive the server.

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::harness::cluster::{Cluster, SOON};
use crate::harness::machine;
use crate::harness::server::CGROUP;
use crate::harness::wait::eventually;

/// What may not change: pod, container, its start and how often it was restarted.
pub(super) fn identities(cluster: &Cluster, app: &str) -> Result<Vec<[String; 4]>> {
    let pods = cluster.items("pods", &format!("app={app}"))?;
    let text = |value: &Value| value.to_string();
    let rows = pods.iter().map(|pod| {
        let status = &pod["status"]["containerStatuses"][0];
        [
            text(&pod["metadata"]["uid"]),
            text(&status["containerID"]),
            text(&status["state"]["running"]["startedAt"]),
            text(&status["restartCount"]),
        ]
    });
    let mut rows: Vec<_> = rows.collect();
    rows.sort();
    Ok(rows)
}

/// A pod that counts: a hole in its numbers is a hole in its log.
const COUNT: &str = "(i=0; while :; do echo $i; i=$((i + 1)); sleep 0.02; done) &";

/// The numbers of a counting pod's log so far, which must have no hole.
fn counted(cluster: &Cluster, pod: &str) -> Result<usize> {
    let logs = cluster.logs(pod)?;
    for (index, line) in logs.lines().enumerate() {
        ensure!(
            line == index.to_string(),
            "line {index} of the log is {line:?}"
        );
    }
    Ok(logs.lines().count())
}

fn counting_pod(cluster: &Cluster, app: &str) -> Result<String> {
    let pods = cluster.items("pods", &format!("app={app}"))?;
    let name = pods
        .first()
        .and_then(|pod| pod["metadata"]["name"].as_str());
    Ok(name.context("a pod")?.to_owned())
}

/// Both endings of a server, the same promise.
fn survive(cluster: &mut Cluster, app: &str, end: fn(&mut Cluster) -> Result<()>) -> Result<()> {
    cluster.deploy(app, 3, COUNT)?;
    let pod = counting_pod(cluster, app)?;
    let before = identities(cluster, app)?;
    ensure!(
        before.len() == 3 && before.iter().all(|row| row[3] == "0"),
        "{before:?}"
    );
    let count = counted(cluster, &pod)?;
    end(cluster)?;
    cluster.start_again()?;
    // It counted on while nobody watched, and goes on.
    let later = eventually("the log goes on", SOON, || {
        let later = counted(cluster, &pod)?;
        Ok(if later > count {
            Ok(later)
        } else {
            Err(format!("{later} lines"))
        })
    })?;
    eventually("the log goes on after the start", SOON, || {
        let last = counted(cluster, &pod)?;
        Ok(if last > later {
            Ok(())
        } else {
            Err(format!("{last} lines"))
        })
    })?;
    let after = identities(cluster, app)?;
    ensure!(before == after, "changed:\n{before:#?}\n{after:#?}");
    let rows = cluster
        .kubectl
        .ok(&["get", "pods", "-l", &format!("app={app}"), "--no-headers"])?;
    ensure!(
        rows.lines()
            .all(|row| row.contains("1/1") && row.contains("Running")),
        "{rows}"
    );
    // The new server rules the old containers.
    cluster.remove(app)
}

pub fn sigterm_leaves_pods_running(cluster: &mut Cluster) -> Result<()> {
    survive(cluster, "sigterm", Cluster::terminate)
}

pub fn kill_9_changes_no_container(cluster: &mut Cluster) -> Result<()> {
    for round in ["kill-one", "kill-two"] {
        survive(cluster, round, Cluster::kill)?;
    }
    Ok(())
}

/// The control: were containers tied to the server's life, the comparison would say so. Here they
/// are killed together with it.
pub fn the_restart_check_sees_a_change(cluster: &mut Cluster) -> Result<()> {
    cluster.deploy("changed", 1, COUNT)?;
    let before = identities(cluster, "changed")?;
    cluster.kill()?;
    let group = format!(":{CGROUP}/");
    for (pid, _) in machine::processes(|_, cgroups| cgroups.contains(&group))? {
        // A child may have gone with its parent.
        let _gone = machine::run("kill", &["-KILL", &pid.to_string()]);
    }
    cluster.start_again()?;
    eventually("the restart is seen", SOON, || {
        let after = identities(cluster, "changed")?;
        let restarted = after != before && after.iter().all(|row| row[3] == "1");
        Ok(if restarted {
            Ok(())
        } else {
            Err(format!("{after:?}"))
        })
    })?;
    cluster.remove("changed")
}
