//! Where pods may run because of other pods.

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::harness::cluster::{Cluster, SOON, deployment};
use crate::harness::mask::mask;
use crate::harness::wait::eventually;

/// The manifest of a Deployment whose pods have more in their spec.
fn with(name: &str, replicas: u32, field: &str, value: Value) -> Result<String> {
    let mut manifest: Value = serde_json::from_str(&deployment(name, replicas, "sleep 3600 &"))?;
    manifest["spec"]["template"]["spec"][field] = value;
    Ok(manifest.to_string())
}

/// The names of an app's pods in a phase, once there are so many.
fn in_phase(cluster: &Cluster, app: &str, phase: &str, count: usize) -> Result<Vec<String>> {
    eventually(&format!("{count} pods are {phase}"), SOON, || {
        let pods = cluster.items("pods", &format!("app={app}"))?;
        let found = pods.iter().filter(|pod| pod["status"]["phase"] == phase);
        let names = found.filter_map(|pod| pod["metadata"]["name"].as_str());
        let names: Vec<String> = names.map(str::to_owned).collect();
        Ok(if names.len() == count {
            Ok(names)
        } else {
            Err(format!("{names:?}"))
        })
    })
}

pub fn replicas_that_avoid_each_other(cluster: &mut Cluster) -> Result<()> {
    let term = json!({
        "labelSelector": {"matchLabels": {"app": "apart"}},
        "topologyKey": "kubernetes.io/hostname",
    });
    let affinity =
        json!({"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}});
    let manifest = with("apart", 2, "affinity", affinity)?;
    cluster.kubectl.ok_with(&["apply", "-f", "-"], &manifest)?;
    let first = in_phase(cluster, "apart", "Running", 1)?.remove(0);
    let second = in_phase(cluster, "apart", "Pending", 1)?.remove(0);
    let said = eventually("the scheduler says why", SOON, || {
        let described = cluster.kubectl.ok(&["describe", "pod", &second])?;
        let event = described.lines().find(|l| l.contains("FailedScheduling"));
        Ok(event.map(mask).ok_or_else(|| described.clone()))
    })?;
    assert_eq!(
        said,
        "  Warning  FailedScheduling  <age>  default-scheduler  0/1 nodes are available: 1 node(s) \
         didn't match pod anti-affinity rules. no new claims to deallocate, preemption: 0/1 nodes \
         are available: 1 No preemption victims found for incoming pod."
    );
    cluster.kubectl.ok(&["delete", "pod", &first])?;
    let running = in_phase(cluster, "apart", "Running", 1)?;
    assert_eq!(running, [second], "it has waited longest");
    cluster.remove("apart")
}

pub fn replicas_spread_over_one_node(cluster: &mut Cluster) -> Result<()> {
    let constraint = json!([{
        "maxSkew": 1,
        "topologyKey": "kubernetes.io/hostname",
        "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": {"app": "spread"}},
        "matchLabelKeys": ["pod-template-hash"],
    }]);
    let manifest = with("spread", 3, "topologySpreadConstraints", constraint)?;
    cluster.kubectl.ok_with(&["apply", "-f", "-"], &manifest)?;
    let names = in_phase(cluster, "spread", "Running", 3)?;
    // What the scheduler goes by was written out when the pod was created.
    let pod = cluster.object("pod", names.first().context("three")?)?;
    let hash = &pod["metadata"]["labels"]["pod-template-hash"];
    let selector = &pod["spec"]["topologySpreadConstraints"][0]["labelSelector"];
    let expected = json!([{"key": "pod-template-hash", "operator": "In", "values": [hash]}]);
    assert_eq!(selector["matchExpressions"], expected);
    cluster.remove("spread")
}
