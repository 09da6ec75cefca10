//! Graceful and forced deletion, told apart by what the container could still do.

use anyhow::Result;
use base::Clock;

use crate::harness::cluster::{Cluster, SOON};

fn create(cluster: &Cluster, name: &str, script: &str) -> Result<()> {
    let manifest = serde_json::json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": { "name": name },
        "spec": { "containers": [{
            "name": "main", "image": "busybox:1.35", "command": ["sh", "-c", script],
        }] },
    });
    cluster
        .kubectl
        .ok_with(&["create", "-f", "-"], &manifest.to_string())?;
    let target = format!("pod/{name}");
    cluster
        .kubectl
        .ok(&["wait", "--for=condition=Ready", "--timeout=30s", &target])
        .map(drop)
}

/// A container is asked with SIGTERM, may say its last words, and is gone when kubectl returns.
pub fn deletion_is_graceful(cluster: &mut Cluster) -> Result<()> {
    create(
        cluster,
        "polite",
        "trap 'echo asked; sleep 1; echo done; exit 0' TERM; echo up; sleep 3600 & wait",
    )?;
    let mut logs = cluster.kubectl.follow(&["logs", "-f", "polite"])?;
    logs.until(SOON, |line| line == "up")?;
    assert_eq!(
        cluster.kubectl.line("delete pod polite")?,
        "pod \"polite\" deleted from default namespace\n"
    );
    assert_eq!(logs.until(SOON, |line| line == "done")?, ["asked", "done"]);
    let gone = cluster.kubectl.run(&["get", "pod", "polite"])?;
    assert_eq!(
        gone.stderr,
        "Error from server (NotFound): pods \"polite\" not found\n"
    );
    Ok(())
}

/// A container deaf to SIGTERM with a long grace period is gone at once when forced.
pub fn forced_deletion_is_at_once(cluster: &mut Cluster) -> Result<()> {
    create(
        cluster,
        "deaf",
        "trap '' TERM; while :; do sleep 3600; done",
    )?;
    let clock = Clock::system();
    let began = clock.monotonic();
    let printed = cluster
        .kubectl
        .run(&["delete", "pod", "deaf", "--force", "--grace-period=0"])?;
    assert!(
        (clock.monotonic() - began).as_secs() < 10,
        "it waited for the grace period"
    );
    assert!(printed.stdout.contains("force deleted"), "{printed}");
    let gone = cluster.kubectl.run(&["get", "pod", "deaf"])?;
    assert_eq!(gone.code, Some(1), "{gone}");
    // That its processes end is what the leak scenarios look at.
    Ok(())
}
