//! The one options table: flag, environment variable, configuration key, default and help of each
//! option. `options` reads it; `--help` and README's table are made from it.

/// What a value must look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Text,
    /// A lower-case DNS subdomain.
    Name,
    Path,
    IpAddress,
    /// `10.42.0.0/16`.
    Ipv4Network,
    /// 0 to 65535; 0 takes a free one.
    Port,
    /// Octal file permissions.
    Mode,
    Bool,
}

/// One row of the table.
pub struct Row {
    /// Without dashes; also the key in the configuration file.
    pub flag: &'static str,
    pub short: Option<char>,
    pub env: &'static str,
    /// Empty for an option without a default of its own.
    pub default: &'static str,
    pub kind: Kind,
    pub help: &'static str,
}

/// Every option of `rk3s server`, in the order of `--help`.
pub const SERVER: &[Row] = &[
    Row {
        flag: "config",
        short: Some('c'),
        env: "RK3S_CONFIG_FILE",
        default: "/etc/rk3s/config.yaml",
        kind: Kind::Path,
        help: "Configuration file; its keys are these flags' names",
    },
    Row {
        flag: "debug",
        short: None,
        env: "RK3S_DEBUG",
        default: "false",
        kind: Kind::Bool,
        help: "Log more",
    },
    Row {
        flag: "data-dir",
        short: Some('d'),
        env: "RK3S_DATA_DIR",
        default: "/var/lib/rk3s",
        kind: Kind::Path,
        help: "Where the state of the cluster and the images are kept",
    },
    Row {
        flag: "bind-address",
        short: None,
        env: "RK3S_BIND_ADDRESS",
        default: "0.0.0.0",
        kind: Kind::IpAddress,
        help: "Address on which the API server listens",
    },
    Row {
        flag: "https-listen-port",
        short: None,
        env: "RK3S_HTTPS_LISTEN_PORT",
        default: "6443",
        kind: Kind::Port,
        help: "Port on which the API server listens",
    },
    Row {
        flag: "node-name",
        short: None,
        env: "RK3S_NODE_NAME",
        default: "",
        kind: Kind::Name,
        help: "Name of this node (default: the host name in lower case)",
    },
    Row {
        flag: "node-ip",
        short: Some('i'),
        env: "RK3S_NODE_IP",
        default: "",
        kind: Kind::IpAddress,
        help: "Address of this node (default: the source of the default route)",
    },
    Row {
        flag: "write-kubeconfig",
        short: Some('o'),
        env: "RK3S_KUBECONFIG_OUTPUT",
        default: "/etc/rk3s/rk3s.yaml",
        kind: Kind::Path,
        help: "Where the administrator's kubeconfig is written",
    },
    Row {
        flag: "write-kubeconfig-mode",
        short: None,
        env: "RK3S_KUBECONFIG_MODE",
        default: "0600",
        kind: Kind::Mode,
        help: "Permissions of that kubeconfig",
    },
    Row {
        flag: "tls-san",
        short: None,
        env: "RK3S_TLS_SAN",
        default: "",
        kind: Kind::Text,
        help: "Further names or addresses for the serving certificate, separated by commas",
    },
    Row {
        flag: "cluster-cidr",
        short: None,
        env: "RK3S_CLUSTER_CIDR",
        default: "10.42.0.0/16",
        kind: Kind::Ipv4Network,
        help: "Network of the pods",
    },
    Row {
        flag: "service-cidr",
        short: None,
        env: "RK3S_SERVICE_CIDR",
        default: "10.43.0.0/16",
        kind: Kind::Ipv4Network,
        help: "Network of the Services",
    },
    Row {
        flag: "kubelet-port",
        short: None,
        env: "RK3S_KUBELET_PORT",
        default: "10250",
        kind: Kind::Port,
        help: "Port on which the kubelet listens",
    },
    Row {
        flag: "kubelet-dir",
        short: None,
        env: "RK3S_KUBELET_DIR",
        default: "/var/lib/kubelet",
        kind: Kind::Path,
        help: "Where pods' volumes and files are kept",
    },
    Row {
        flag: "log-dir",
        short: None,
        env: "RK3S_LOG_DIR",
        default: "/var/log/pods",
        kind: Kind::Path,
        help: "Where containers' logs are written",
    },
    Row {
        flag: "run-dir",
        short: None,
        env: "RK3S_RUN_DIR",
        default: "/run/rk3s",
        kind: Kind::Path,
        help: "Where sockets, network namespaces and the state of running pods are kept",
    },
    Row {
        flag: "cgroup-root",
        short: None,
        env: "RK3S_CGROUP_ROOT",
        default: "/kubepods",
        kind: Kind::Path,
        help: "Cgroup below which pods run",
    },
    Row {
        flag: "bridge",
        short: None,
        env: "RK3S_BRIDGE",
        default: "rk3s0",
        kind: Kind::Text,
        help: "Network interface to which pods are connected",
    },
];
