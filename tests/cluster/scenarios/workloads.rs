//! Deployments and their pods, from creation to deletion.

use std::time::Duration;

use anyhow::{Context, Result};
use expect_test::expect_file;
use serde_json::Value;

use crate::harness::cluster::{Cluster, SOON, deployment};
use crate::harness::machine;
use crate::harness::mask::mask;
use crate::harness::server::CGROUP;
use crate::harness::wait::eventually;

fn name(object: &Value) -> String {
    object["metadata"]["name"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

/// Waits until `count` pods of an app run, and hands them over.
fn running(cluster: &Cluster, app: &str, count: usize) -> Result<Vec<Value>> {
    eventually("the pods run", SOON, || {
        let pods = cluster.items("pods", &format!("app={app}"))?;
        let phases: Vec<&str> = pods
            .iter()
            .filter_map(|pod| pod["status"]["phase"].as_str())
            .collect();
        let all_run = phases.len() == count && phases.iter().all(|phase| *phase == "Running");
        Ok(if all_run {
            Ok(pods)
        } else {
            Err(format!("{phases:?}"))
        })
    })
}

pub fn create_deployment_runs_pods(cluster: &mut Cluster) -> Result<()> {
    let mut seen = cluster
        .kubectl
        .line("create deployment made --image=busybox:1.35 --replicas=2 -- sleep 3600")?;
    cluster.await_available("made")?;
    let reasons = "custom-columns=KIND:.involvedObject.kind,NAME:.involvedObject.name,REASON:.reason,MESSAGE:.message,FROM:.source.component";
    let events = eventually("all events are there", SOON, || {
        let events = cluster
            .kubectl
            .ok(&["get", "events", "-o", reasons, "--no-headers"])?;
        let started = events
            .lines()
            .filter(|line| line.contains("Container started"))
            .count();
        let started = started.max(
            events
                .lines()
                .filter(|line| line.contains("Started container"))
                .count(),
        );
        Ok(if started >= 2 {
            Ok(events)
        } else {
            Err(events)
        })
    })?;
    let mut events: Vec<String> = events
        .lines()
        .filter(|line| line.contains("made"))
        .map(mask)
        .collect();
    events.sort();
    events.dedup();
    seen.push_str(&events.join("\n"));
    // `sleep` does not react to SIGTERM as process 1: let the grace period be short.
    cluster.kubectl.line("delete deployment made")?;
    cluster
        .kubectl
        .line("delete pods -l app=made --grace-period=1")?;
    expect_file!["../../golden/cluster/create-deployment.txt"].assert_eq(&seen);
    Ok(())
}

pub fn apply_creates_patches_and_rests(cluster: &mut Cluster) -> Result<()> {
    let apply = |replicas| {
        let manifest = deployment("applied", replicas, "sleep 3600 &");
        cluster.kubectl.ok_with(&["apply", "-f", "-"], &manifest)
    };
    assert_eq!(apply(1)?, "deployment.apps/applied created\n");
    assert_eq!(apply(1)?, "deployment.apps/applied unchanged\n");
    let before = cluster.object("deployment", "applied")?;
    assert_eq!(apply(2)?, "deployment.apps/applied configured\n");
    let after = cluster.object("deployment", "applied")?;
    assert_eq!(before["metadata"]["uid"], after["metadata"]["uid"]);
    assert_eq!(after["spec"]["replicas"], 2);
    running(cluster, "applied", 2)?;
    cluster.remove("applied")
}

pub fn strict_fields_are_refused(cluster: &mut Cluster) -> Result<()> {
    let with = |old: &str, new: &str| deployment("strict", 1, "true").replace(old, new);
    let one = "\"replicas\":1";
    let unknown = with(one, "\"replicsa\":1");
    let wrong = with(one, "\"replicas\":\"many\"");
    let invalid = with("\"image\":\"busybox:1.35\",", "");
    let twice = with(one, "\"replicas\":1,\"replicas\":2");
    let create: &[&str] = &["create", "-f", "-"];
    // kubectl decodes what it reads, and with it loses the second; so its bytes as they are.
    let path = "/apis/apps/v1/namespaces/default/deployments?fieldValidation=Strict";
    let raw: &[&str] = &["create", "--raw", path, "-f", "-"];
    let mut seen = String::new();
    for (what, args, manifest) in [
        ("unknown", create, unknown),
        ("wrong type", create, wrong),
        ("invalid", create, invalid),
        ("twice", raw, twice),
    ] {
        let printed = cluster.kubectl.run_with(args, &manifest)?;
        seen.push_str(&format!("{what}:\n{printed}"));
    }
    expect_file!["../../golden/cluster/strict.txt"].assert_eq(&mask(&seen));
    Ok(())
}

pub fn scale_up_and_down(cluster: &mut Cluster) -> Result<()> {
    cluster.deploy("wide", 1, "sleep 3600 &")?;
    let first = name(&running(cluster, "wide", 1)?[0]);
    assert_eq!(
        cluster.kubectl.line("scale deployment wide --replicas=4")?,
        "deployment.apps/wide scaled\n"
    );
    let four = running(cluster, "wide", 4)?;
    assert!(
        four.iter().any(|pod| name(pod) == first),
        "the first pod stays"
    );
    let mut addresses: Vec<&str> = four
        .iter()
        .filter_map(|pod| pod["status"]["podIP"].as_str())
        .collect();
    addresses.sort_unstable();
    addresses.dedup();
    assert_eq!(
        addresses.len(),
        4,
        "each pod has an address of its own: {addresses:?}"
    );
    cluster.kubectl.line("scale deployment wide --replicas=0")?;
    running(cluster, "wide", 0)?;
    cluster.remove("wide")
}

pub fn a_rollout_replaces_pods(cluster: &mut Cluster) -> Result<()> {
    cluster.deploy("rolled", 2, "echo one; sleep 3600 &")?;
    cluster.deploy("rolled", 2, "echo two; sleep 3600 &")?;
    cluster
        .kubectl
        .line("rollout status deployment/rolled --timeout=30s")?;
    let pods = running(cluster, "rolled", 2)?;
    for pod in &pods {
        assert_eq!(cluster.logs(&name(pod))?, "two\n");
    }
    let sets = cluster.items("replicasets", "app=rolled")?;
    let mut sizes: Vec<i64> = sets
        .iter()
        .filter_map(|set| set["spec"]["replicas"].as_i64())
        .collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [0, 2], "the old ReplicaSet stays for a rollback");
    cluster.remove("rolled")
}

pub fn a_deleted_pod_is_replaced(cluster: &mut Cluster) -> Result<()> {
    cluster.deploy("kept", 1, "sleep 3600 &")?;
    let first = name(&running(cluster, "kept", 1)?[0]);
    cluster.kubectl.ok(&["delete", "pod", &first])?;
    let second = name(&running(cluster, "kept", 1)?[0]);
    assert_ne!(first, second);
    cluster.remove("kept")
}

pub fn an_ended_container_backs_off(cluster: &mut Cluster) -> Result<()> {
    let manifest = deployment("ending", 1, "echo run; exit 3");
    cluster.kubectl.ok_with(&["apply", "-f", "-"], &manifest)?;
    let pod = eventually("the second restart waits", Duration::from_secs(60), || {
        let pods = cluster.items("pods", "app=ending")?;
        let Some(pod) = pods.first() else {
            return Ok(Err("no pod".to_owned()));
        };
        let status = &pod["status"]["containerStatuses"][0];
        let waits = status["state"]["waiting"]["reason"] == "CrashLoopBackOff";
        let restarted = status["restartCount"].as_u64() >= Some(1);
        Ok(if waits && restarted {
            Ok(pod.clone())
        } else {
            Err(status.to_string())
        })
    })?;
    let status = &pod["status"]["containerStatuses"][0];
    assert_eq!(status["lastState"]["terminated"]["exitCode"], 3);
    assert_eq!(status["lastState"]["terminated"]["reason"], "Error");
    let message = status["state"]["waiting"]["message"]
        .as_str()
        .context("a message")?;
    assert!(message.starts_with("back-off "), "{message}");
    let events = cluster
        .kubectl
        .line("get events -o custom-columns=R:.reason,N:.involvedObject.name")?;
    assert!(
        events
            .lines()
            .any(|line| line.starts_with("BackOff") && line.contains("ending-")),
        "{events}"
    );
    let table = cluster
        .kubectl
        .line("get pods -l app=ending --no-headers")?;
    assert!(
        table.contains("CrashLoopBackOff") && table.contains("0/1"),
        "{table}"
    );
    cluster.remove("ending")
}

/// The limits of the manifest are the kernel's limits: read from the container's own cgroup.
pub fn limits_stand_in_the_cgroup(cluster: &mut Cluster) -> Result<()> {
    let manifest = deployment("limited", 1, "sleep 3600 &").replace(
        "\"name\":\"main\"",
        r#""name":"main","resources":{"limits":{"memory":"48Mi","cpu":"250m"}}"#,
    );
    cluster.kubectl.ok_with(&["apply", "-f", "-"], &manifest)?;
    cluster.await_available("limited")?;
    let pods = running(cluster, "limited", 1)?;
    assert_eq!(pods[0]["status"]["qosClass"], "Guaranteed");
    let memory = 48 << 20;
    let found = limits_below(CGROUP)?;
    assert!(found.contains(&("memory", memory.to_string())), "{found:?}");
    assert!(found.contains(&("cpu", "25000".to_owned())), "{found:?}");
    cluster.remove("limited")
}

/// Every limit of memory and of cpu below a cgroup, in either version's files.
fn limits_below(root: &str) -> Result<Vec<(&'static str, String)>> {
    let files = [
        ("memory", "memory.limit_in_bytes"),
        ("memory", "memory.max"),
        ("cpu", "cpu.cfs_quota_us"),
        ("cpu", "cpu.max"),
    ];
    let mut found = Vec::new();
    for group in machine::cgroups(root)? {
        let group = group.display().to_string();
        for (what, file) in files {
            for path in machine::output("find", &[&group, "-name", file])?.lines() {
                let text = std::fs::read_to_string(path)?;
                let value = text.split_whitespace().next().unwrap_or_default();
                found.push((what, value.to_owned()));
            }
        }
    }
    Ok(found)
}

pub fn logs_follow_and_previous(cluster: &mut Cluster) -> Result<()> {
    let script = "echo first; sleep 1; echo second >&2; exit 0";
    let manifest = serde_json::json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "once" },
        "spec": {
            "restartPolicy": "Never",
            "containers": [{ "name": "main", "image": "busybox:1.35", "command": ["sh", "-c", script] }],
        },
    });
    cluster
        .kubectl
        .ok_with(&["create", "-f", "-"], &manifest.to_string())?;
    let wait = [
        "wait",
        "--for=jsonpath={.status.containerStatuses[0].started}=true",
        "--timeout=30s",
        "pod/once",
    ];
    cluster.kubectl.ok(&wait)?;
    let lines = cluster.kubectl.follow(&["logs", "-f", "once"])?.finish()?;
    assert_eq!(lines, ["first", "second"]);
    cluster.kubectl.ok(&[
        "wait",
        "--for=jsonpath={.status.phase}=Succeeded",
        "--timeout=30s",
        "pod/once",
    ])?;
    assert_eq!(cluster.kubectl.line("logs once --tail=1")?, "second\n");
    let stamped = cluster.kubectl.line("logs once --timestamps")?;
    assert_eq!(mask(&stamped), "<time> first\n<time> second\n");
    let printed = cluster.kubectl.run(&["logs", "once", "--previous"])?;
    let words = mask(&printed.to_string());
    cluster.kubectl.line("delete pod once")?;
    expect_file!["../../golden/cluster/logs-previous.txt"].assert_eq(&words);
    Ok(())
}
