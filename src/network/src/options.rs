//! What an administrator may choose about the pod network.

use std::path::PathBuf;

use crate::cidr::Cidr;
use crate::pod::{Error, Result};

/// Where the network lives and what it may use.
#[derive(Clone, Debug)]
pub struct NetworkOptions {
    /// All pods of all nodes; traffic to it is not masqueraded.
    pub cluster_cidr: Cidr,
    /// This node's part of it.
    pub pod_cidr: Cidr,
    /// The Services' addresses; the host routes them to the bridge, so that it reaches Services
    /// even without a default route.
    pub service_cidr: Cidr,
    /// The bridge's name, at most 15 bytes.
    pub bridge: String,
    /// The name of the nftables tables, one per family.
    pub table: String,
    /// For what a reboot may take: namespaces are pinned in `netns/<uid>` below it.
    pub runtime_dir: PathBuf,
    /// For what a reboot may not take: the addresses given out.
    pub state_dir: PathBuf,
    /// The largest packet; `None` takes that of the default route's interface, else 1500.
    pub mtu: Option<u32>,
}

impl NetworkOptions {
    /// The usual ranges and names, with the given directories.
    #[must_use]
    pub fn new(runtime_dir: impl Into<PathBuf>, state_dir: impl Into<PathBuf>) -> Self {
        let cidr = |text: &str| text.parse().expect("a constant range");
        Self {
            cluster_cidr: cidr("10.42.0.0/16"),
            pod_cidr: cidr("10.42.0.0/24"),
            service_cidr: cidr("10.43.0.0/16"),
            bridge: "rk3s0".to_owned(),
            table: "rk3s-pods".to_owned(),
            runtime_dir: runtime_dir.into(),
            state_dir: state_dir.into(),
            mtu: None,
        }
    }

    /// Where the namespaces are pinned.
    pub(crate) fn netns_dir(&self) -> PathBuf {
        self.runtime_dir.join("netns")
    }

    /// What the host's sysctls were before.
    pub(crate) fn saved_sysctls(&self) -> PathBuf {
        self.state_dir.join("sysctls.json")
    }

    /// # Errors
    /// [`Error::Options`] names the first contradiction.
    pub(crate) fn validate(&self) -> Result<()> {
        let (cluster, pods, services) = (self.cluster_cidr, self.pod_cidr, self.service_cidr);
        let problem = if !valid_interface_name(&self.bridge) {
            format!("bridge {:?}: not an interface name", self.bridge)
        } else if self.bridge.starts_with(crate::PORT_PREFIX) {
            let prefix = crate::PORT_PREFIX;
            format!("bridge {:?}: {prefix}… names pods' interfaces", self.bridge)
        } else if self.table.is_empty() || self.table.len() > 64 {
            format!("table {:?}: must have 1 to 64 bytes", self.table)
        } else if !(cluster.contains(pods.network()) && cluster.contains(pods.broadcast())) {
            format!("pod range {pods} lies outside the cluster's, {cluster}")
        } else if services.contains(cluster.network()) || cluster.contains(services.network()) {
            format!("service range {services} overlaps the pods', {cluster}")
        } else if self.mtu.is_some_and(|mtu| !(576..=65_535).contains(&mtu)) {
            "mtu must be 576 to 65535".to_owned()
        } else {
            return Ok(());
        };
        Err(Error::Options(problem))
    }
}

/// The kernel's rule (`dev_valid_name`).
fn valid_interface_name(name: &str) -> bool {
    let allowed = |c: char| !c.is_ascii_whitespace() && c != '/' && c != ':';
    (1..=15).contains(&name.len()) && name != "." && name != ".." && name.chars().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn contradictions_are_named() {
        let changes: [fn(&mut NetworkOptions); 7] = [
            |_| {},
            |options| options.bridge = "much-too-long-name".into(),
            |options| options.bridge = "rk3v-bridge".into(),
            |options| options.table.clear(),
            |options| options.pod_cidr = "10.44.0.0/24".parse().expect("valid"),
            |options| options.service_cidr = "10.42.128.0/17".parse().expect("valid"),
            |options| options.mtu = Some(100),
        ];
        let mut lines = String::new();
        for change in changes {
            let mut options = NetworkOptions::new("/run", "/var");
            change(&mut options);
            let line = match options.validate() {
                Ok(()) => "fine".to_owned(),
                Err(error) => error.to_string(),
            };
            lines.push_str(&line);
            lines.push('\n');
        }
        expect![[r#"
            fine
            network options: bridge "much-too-long-name": not an interface name
            network options: bridge "rk3v-bridge": rk3v… names pods' interfaces
            network options: table "": must have 1 to 64 bytes
            network options: pod range 10.44.0.0/24 lies outside the cluster's, 10.42.0.0/16
            network options: service range 10.42.128.0/17 overlaps the pods', 10.42.0.0/16
            network options: mtu must be 576 to 65535
        "#]]
        .assert_eq(&lines);
    }
}
