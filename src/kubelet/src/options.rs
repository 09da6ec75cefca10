//! What the kubelet is told about its node.

use std::net::IpAddr;
use std::path::PathBuf;

/// Set by the root from flags and from what it found on the machine.
#[derive(Clone, Debug)]
pub struct Options {
    pub node_name: String,
    pub node_ip: IpAddr,
    /// The same as text, as statuses carry it.
    pub host_ip: String,
    /// Port of the kubelet's own HTTPS server; 0 takes a free one.
    pub port: u16,
    /// `/var/lib/kubelet`.
    pub root_dir: PathBuf,
    /// `/var/log/pods`.
    pub log_dir: PathBuf,
    /// `/kubepods`.
    pub cgroup_root: String,
    /// Physical memory.
    pub memory_bytes: i64,
    pub cpus: u32,
    pub max_pods: u32,
    /// Addresses of the cluster's DNS servers; without one, pods get the node's resolv.conf.
    pub cluster_dns: Vec<IpAddr>,
    pub cluster_domain: String,
    /// The node's own resolv.conf.
    pub resolv_conf: PathBuf,
    /// `v1.35.0+rk3s-0.1.0`.
    pub version: String,
}
