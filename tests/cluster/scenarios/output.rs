//! What a real kubectl shows, compared whole with golden files.

use std::os::unix::fs::PermissionsExt;

use anyhow::{Context, Result};
use expect_test::expect_file;

use crate::harness::cluster::{Cluster, SOON};
use crate::harness::mask::{column, mask, mask_table};
use crate::harness::server::NODE;
use crate::harness::wait::eventually;

pub fn the_node_and_its_kubeconfig(cluster: &mut Cluster) -> Result<()> {
    let mode = std::fs::metadata(cluster.places.kubeconfig())?
        .permissions()
        .mode();
    assert_eq!(mode & 0o7777, 0o600, "{mode:o}");
    let nodes = cluster.kubectl.line("get nodes")?;
    expect_file!["../../golden/cluster/nodes.txt"].assert_eq(&mask(&nodes));
    let node = cluster.object("node", NODE)?;
    let conditions = node["status"]["conditions"]
        .as_array()
        .context("a list")?
        .iter()
        .map(|row| {
            format!(
                "{}={} {}\n",
                text(&row["type"]),
                text(&row["status"]),
                text(&row["reason"])
            )
        });
    let conditions: String = conditions.collect();
    expect_file!["../../golden/cluster/node-conditions.txt"].assert_eq(&conditions);
    let info = node["status"]["nodeInfo"]
        .as_object()
        .context("an object")?;
    for (name, value) in info {
        let value = text(value);
        // Swap is an object, and upstream leaves the version of kube-proxy empty since 1.33.
        let empty = value.is_empty() && name != "swap" && name != "kubeProxyVersion";
        assert!(!empty && !value.contains("unknown"), "{name}: {value:?}");
    }
    Ok(())
}

fn text(value: &serde_json::Value) -> &str {
    value.as_str().unwrap_or_default()
}

pub fn version_and_api_resources(cluster: &mut Cluster) -> Result<()> {
    let version = cluster.kubectl.line("version")?;
    let server = version
        .lines()
        .find(|line| line.starts_with("Server Version: "))
        .context("a server version")?;
    assert!(server.contains("v1.35."), "{server}");
    let resources = cluster.kubectl.line("api-resources")?;
    expect_file!["../../golden/cluster/api-resources.txt"].assert_eq(&mask(&resources));
    let versions = cluster.kubectl.line("api-versions")?;
    expect_file!["../../golden/cluster/api-versions.txt"].assert_eq(&versions);
    Ok(())
}

pub fn a_deployment_in_every_output(cluster: &mut Cluster) -> Result<()> {
    cluster.deploy("web", 2, "echo up; httpd -f -p 8080 &")?;
    let mut seen = String::new();
    for line in [
        "get deployments,replicasets,pods",
        "get deployments,replicasets,pods -o wide",
        "get deployments,replicasets,pods -o name",
        "get pods -A",
        "get deployment web -o jsonpath={.status.availableReplicas}",
        "get pods -o custom-columns=PHASE:.status.phase,NODE:.spec.nodeName",
    ] {
        let printed = cluster.kubectl.line(line)?;
        seen.push_str(&format!("$ kubectl {line}\n"));
        // Each kind's table by itself: their rows come in the order of random names.
        let tables: Vec<String> = printed.split("\n\n").map(mask_table).collect();
        seen.push_str(&tables.join("\n"));
        seen.push('\n');
    }
    expect_file!["../../golden/cluster/get.txt"].assert_eq(&seen);
    let yaml = mask(&cluster.kubectl.line("get deployment web -o yaml")?);
    expect_file!["../../golden/cluster/deployment.yaml"].assert_eq(&yaml);
    let described = mask(&cluster.kubectl.line("describe deployment web")?);
    expect_file!["../../golden/cluster/describe-deployment.txt"].assert_eq(&described);
    let described = mask(&cluster.kubectl.line("describe replicasets -l app=web")?);
    expect_file!["../../golden/cluster/describe-replicaset.txt"].assert_eq(&described);
    cluster.kubectl.line("scale deployment web --replicas=1")?;
    let pod = one_pod(cluster, "app=web")?;
    let yaml = mask(&cluster.kubectl.ok(&["get", "pod", &pod, "-o", "yaml"])?);
    expect_file!["../../golden/cluster/pod.yaml"].assert_eq(&yaml);
    let described = mask(&cluster.kubectl.ok(&["describe", "pod", &pod])?);
    expect_file!["../../golden/cluster/describe-pod.txt"].assert_eq(&described);
    cluster.remove("web")
}

/// Waits until one pod is selected, and says its name.
fn one_pod(cluster: &Cluster, selector: &str) -> Result<String> {
    eventually("one pod is left", SOON, || {
        let pods = cluster.items("pods", selector)?;
        Ok(match pods.as_slice() {
            [pod] => Ok(text(&pod["metadata"]["name"]).to_owned()),
            _ => Err(format!("there are {}", pods.len())),
        })
    })
}

pub fn watches_show_each_change(cluster: &mut Cluster) -> Result<()> {
    let mut watch =
        cluster
            .kubectl
            .follow(&["get", "pods", "-l", "app=seen", "-w", "--no-headers"])?;
    cluster.deploy("seen", 1, "sleep 3600 &")?;
    let born = watch.until(SOON, |line| {
        line.contains("1/1") && line.contains("Running")
    })?;
    cluster.remove("seen")?;
    let died = watch.until(SOON, |line| line.contains("Terminating"))?;
    let states: Vec<String> = born.iter().chain(&died).cloned().collect();
    let mut states = column(&states.join("\n"), 2).join(" ");
    // Two events of one state are one state.
    for state in ["Pending", "ContainerCreating", "Running", "Terminating"] {
        let twice = format!("{state} {state}");
        while states.contains(&twice) {
            states = states.replace(&twice, state);
        }
    }
    assert_eq!(states, "Pending ContainerCreating Running Terminating");
    Ok(())
}

pub fn selectors_and_namespaces(cluster: &mut Cluster) -> Result<()> {
    let manifests = r"
apiVersion: v1
kind: Namespace
metadata: {name: elsewhere}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: red, namespace: elsewhere, labels: {colour: red, test: selectors}}
data: {a: one}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: blue, namespace: default, labels: {colour: blue, test: selectors}}
data: {a: one, b: two}
";
    let mut seen = cluster.kubectl.ok_with(&["apply", "-f", "-"], manifests)?;
    for line in [
        "get configmaps -A -l test=selectors",
        "get configmaps -A -l test=selectors,colour!=red",
        "get configmaps -A -l colour=red",
        "get configmaps -n elsewhere -l colour",
        "get configmaps -A -l test=selectors --sort-by=.metadata.name -o name",
        "get configmaps -A --field-selector=metadata.name=red",
        "get configmaps -n elsewhere -l colour=green",
        "delete configmap blue",
        "delete configmap red -n elsewhere",
    ] {
        let words: Vec<&str> = line.split(' ').collect();
        seen.push_str(&format!(
            "$ kubectl {line}\n{}\n",
            cluster.kubectl.run(&words)?
        ));
    }
    expect_file!["../../golden/cluster/selectors.txt"].assert_eq(&mask(&seen));
    Ok(())
}
