//! One server with its kubectl, shared by the scenarios that run one after the other.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::kubectl::Kubectl;
use super::server::{CGROUP, NODE, Places, Server, last_lines};
use super::wait::eventually;
use super::{images, machine};

/// Longest wait for something that is expected soon; a correct run never comes near.
pub const SOON: Duration = Duration::from_secs(30);

pub struct Cluster {
    pub places: Places,
    server: Option<Server>,
    /// Upstream's kubectl.
    pub kubectl: Kubectl,
    /// `rk3s kubectl`.
    pub embedded: Kubectl,
}

impl Cluster {
    /// A server on an empty machine, its node Ready.
    pub fn start(root: &str) -> Result<Self> {
        let places = Places::new(root);
        clear(&places)?;
        images::place_busybox(&places.images())?;
        let kubectl = Kubectl::new(machine::real_kubectl()?, &[], places.kubeconfig());
        let embedded = Kubectl::new(machine::binary()?, &["kubectl"], places.kubeconfig());
        let server = Some(Server::start(&places)?);
        let mut cluster = Self {
            places,
            server,
            kubectl,
            embedded,
        };
        cluster.await_ready()?;
        Ok(cluster)
    }

    /// The running server's process.
    pub fn server_pid(&self) -> Result<u32> {
        Ok(self.server.as_ref().context("a server runs")?.pid())
    }

    /// Waits until the API answers and the node is Ready. A server that ends fails it at once.
    pub fn await_ready(&mut self) -> Result<()> {
        let server = self.server.as_mut().context("a server runs")?;
        let (log, kubectl) = (self.places.log(), &self.kubectl);
        let query = r#"jsonpath={.status.conditions[?(@.type=="Ready")].status}"#;
        eventually("the node is Ready", Duration::from_secs(60), || {
            if let Some(status) = server.ended()? {
                bail!("the server ended: {status}: {}", last_lines(&log, 5));
            }
            let printed = kubectl.run(&["get", "node", NODE, "-o", query])?;
            Ok(if printed.stdout == "True" {
                Ok(())
            } else {
                Err(printed.to_string())
            })
        })
    }

    pub fn kill(&mut self) -> Result<()> {
        self.server.take().context("a server runs")?.kill()
    }

    pub fn terminate(&mut self) -> Result<()> {
        self.server.take().context("a server runs")?.terminate()
    }

    /// A new server on the same places.
    pub fn start_again(&mut self) -> Result<()> {
        self.server = Some(Server::start(&self.places)?);
        self.await_ready()
    }

    /// One object as JSON.
    pub fn object(&self, kind: &str, name: &str) -> Result<Value> {
        Ok(serde_json::from_str(
            &self.kubectl.ok(&["get", kind, name, "-o", "json"])?,
        )?)
    }

    /// The items that a label selects.
    pub fn items(&self, kind: &str, selector: &str) -> Result<Vec<Value>> {
        let text = self
            .kubectl
            .ok(&["get", kind, "-l", selector, "-o", "json"])?;
        let list: Value = serde_json::from_str(&text)?;
        Ok(list["items"].as_array().cloned().unwrap_or_default())
    }

    /// Creates a Deployment of `replicas` pods that run `script` in busybox's shell, and waits
    /// until it is Available. Its pods carry `app=<name>`.
    pub fn deploy(&self, name: &str, replicas: u32, script: &str) -> Result<()> {
        self.kubectl
            .ok_with(&["apply", "-f", "-"], &deployment(name, replicas, script))?;
        self.await_available(name)
    }

    pub fn await_available(&self, name: &str) -> Result<()> {
        let target = format!("deployment/{name}");
        let args = [
            "wait",
            "--for=condition=Available",
            "--timeout=30s",
            &target,
        ];
        self.kubectl.ok(&args).map(drop).with_context(|| {
            let looks = [
                vec!["get", "all,events", "-o", "wide"],
                vec!["describe", "pods"],
            ];
            let words: Vec<String> = looks
                .iter()
                .filter_map(|look| self.kubectl.run(look).ok())
                .map(|printed| printed.to_string())
                .collect();
            words.join("\n")
        })
    }

    /// Deletes a Deployment and waits until its pods are gone as well.
    pub fn remove(&self, name: &str) -> Result<()> {
        self.kubectl
            .ok(&["delete", "deployment", name, "--timeout=30s"])?;
        let selector = format!("app={name}");
        eventually("the Deployment's pods are gone", SOON, || {
            let args = ["get", "replicasets,pods", "-l", &selector, "-o", "name"];
            let left = self.kubectl.ok(&args)?;
            Ok(if left.is_empty() { Ok(()) } else { Err(left) })
        })
    }

    /// Standard output of a pod's container so far.
    pub fn logs(&self, pod: &str) -> Result<String> {
        self.kubectl.ok(&["logs", pod])
    }

    /// Ends the server and takes everything away, through the binary's own command.
    pub fn clean_node(&mut self) -> Result<()> {
        if self.server.is_some() {
            self.terminate()?;
        }
        self.places.ok("clean-node", &[]).map(drop)
    }
}

/// A manifest of a Deployment whose pods run `script` and end at once on SIGTERM.
pub fn deployment(name: &str, replicas: u32, script: &str) -> String {
    let script = format!("trap 'exit 0' TERM; {script}\nwait");
    serde_json::json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": { "name": name, "labels": { "app": name } },
        "spec": {
            "replicas": replicas,
            "selector": { "matchLabels": { "app": name } },
            "template": {
                "metadata": { "labels": { "app": name } },
                "spec": { "containers": [{
                    "name": "main",
                    "image": images::BUSYBOX,
                    "command": ["sh", "-c", script],
                }] },
            },
        },
    })
    .to_string()
}

/// Removes what an earlier run of the tests, ended from outside, has left: by hand where the
/// binary's own command is what may be broken.
pub fn clear(places: &Places) -> Result<()> {
    let root = places.root.display().to_string();
    let group = format!(":{CGROUP}/");
    let own = std::process::id();
    let left =
        machine::processes(|command, cgroups| command.contains(&root) || cgroups.contains(&group))?;
    for (pid, _) in left.iter().filter(|(pid, _)| *pid != own.cast_signed()) {
        // It may have gone with another.
        let _gone = machine::run("kill", &["-KILL", &pid.to_string()]);
    }
    while let Some(point) = machine::mounts_below(&places.root)?.pop() {
        machine::run("umount", &["--lazy", &point.display().to_string()])?;
    }
    for group in machine::cgroups(CGROUP)? {
        eventually("an old cgroup goes", SOON, || {
            let group = group.display().to_string();
            let removed = machine::run("find", &[&group, "-depth", "-type", "d", "-delete"]);
            Ok(removed.map_err(|error| error.to_string()))
        })?;
    }
    match fs::remove_dir_all(&places.root) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}
