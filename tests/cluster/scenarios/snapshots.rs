//! A snapshot, a mistake, and the way back, as a person goes it.

use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::options::refused;
use super::restart::identities;
use crate::harness::cluster::{Cluster, SOON};
use crate::harness::machine;
use crate::harness::mask::column;
use crate::harness::wait::eventually;

const MAPS: &str = "/api/v1/namespaces/default/configmaps";

pub fn a_restored_snapshot_is_the_state(cluster: &mut Cluster) -> Result<()> {
    // Each one's process has a name of its own: how long it sleeps.
    for (app, seconds) in [("kept", 8_111), ("lost", 8_222)] {
        cluster.deploy(app, 1, &format!("sleep {seconds} &"))?;
    }
    cluster
        .kubectl
        .line("create configmap before --from-literal=turn=one")?;
    let kept = identities(cluster, "kept")?;
    let saved = save(cluster)?;
    let first = version(cluster)?;

    cluster
        .kubectl
        .line("create configmap between --from-literal=turn=two")?;
    cluster
        .kubectl
        .line("patch configmap before --type=merge -p {\"data\":{\"turn\":\"two\"}}")?;
    cluster.remove("lost")?;
    cluster.deploy("late", 1, "sleep 8333 &")?;
    let mut watch = cluster.kubectl.follow(&["get", "configmaps", "-w"])?;
    watch.until(SOON, |line| line.starts_with("kube-root-ca.crt "))?;
    // The list is over: this comes by the watch.
    cluster.kubectl.line("create configmap watched")?;
    watch.until(SOON, |line| line.starts_with("watched "))?;
    let second = version(cluster)?;

    let told = refused(restore(cluster, &saved)?)?;
    ensure!(told.contains("is in use by process"), "{told}");
    cluster.terminate()?;
    watch.finish().context("the server's end ends its watch")?;
    let told = machine::succeeded(&mut restore(cluster, &saved)?)?;
    ensure!(told.contains("start the server again"), "{told}");
    cluster.start_again()?;

    let turn = "get configmap before -o jsonpath={.data.turn}";
    ensure!(cluster.kubectl.line(turn)? == "one", "it is as it was");
    let names = cluster.kubectl.line("get configmaps,deployments -o name")?;
    let expected = "configmap/before\nconfigmap/kube-root-ca.crt\ndeployment.apps/kept\n\
                    deployment.apps/lost\n";
    ensure!(names == expected, "{names}");
    for version in [&first, &second] {
        expired(cluster, version)?;
    }
    // What runs becomes what the state says: one was never touched, one comes back, one goes.
    running(&[("8111", 1), ("8222", 1), ("8333", 0)])?;
    eventually("the pods say so", SOON, || {
        let rows = cluster.kubectl.line("get pods --no-headers")?;
        let states = column(&rows, 2);
        Ok(if states == ["Running", "Running"] {
            Ok(())
        } else {
            Err(rows)
        })
    })?;
    let after = identities(cluster, "kept")?;
    ensure!(kept == after, "changed:\n{kept:#?}\n{after:#?}");
    cluster.kubectl.line("delete configmap before")?;
    cluster.remove("kept")?;
    cluster.remove("lost")
}

/// Saves and lists; says how the snapshot is called.
fn save(cluster: &Cluster) -> Result<String> {
    let told = cluster
        .places
        .ok("snapshot save", &["--name=before-change"])?;
    let path = told.lines().next().context("a path")?;
    let name = path.rsplit('/').next().unwrap_or_default().to_owned();
    ensure!(name.starts_with("before-change-test-node-"), "{told}");
    let listed = cluster.places.ok("snapshot ls", &[])?;
    let names = column(&listed, 0);
    ensure!(names == ["NAME", &name], "{listed}");
    Ok(name)
}

fn restore(cluster: &Cluster, name: &str) -> Result<Command> {
    cluster.places.command("snapshot restore", &[name])
}

/// The version of the whole list: where a client would go on.
fn version(cluster: &Cluster) -> Result<String> {
    let list = cluster.kubectl.ok(&["get", "--raw", MAPS])?;
    let list: serde_json::Value = serde_json::from_str(&list)?;
    let version = list["metadata"]["resourceVersion"].as_str();
    Ok(version.context("a version")?.to_owned())
}

/// A watch from before the restore is told to list again.
fn expired(cluster: &Cluster, version: &str) -> Result<()> {
    let path = format!("{MAPS}?watch=1&resourceVersion={version}");
    let printed = cluster.kubectl.run(&["get", "--raw", &path])?;
    let told = printed.stdout.contains(r#""reason":"Expired""#);
    ensure!(
        told && printed.stdout.contains(r#""code":410"#),
        "{printed}"
    );
    Ok(())
}

/// Waits until so many processes sleep for so many seconds.
fn running(expected: &[(&str, usize)]) -> Result<()> {
    for (seconds, wanted) in expected {
        let line = format!("sleep {seconds} ");
        eventually("what runs follows the state", SOON, || {
            let found = machine::processes(|command, _| command == line)?;
            Ok(if found.len() == *wanted {
                Ok(())
            } else {
                Err(format!("{line}: {found:?}"))
            })
        })?;
    }
    Ok(())
}
