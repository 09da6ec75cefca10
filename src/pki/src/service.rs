//! The certificates by the part of the server that uses them, in k3s' names.

use crate::leaf::LeafName;

/// What `--service` of `rk3s certificate` chooses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Service {
    Admin,
    ApiServer,
    AuthProxy,
    Kubelet,
}

impl Service {
    pub const ALL: [Self; 4] = [Self::Admin, Self::ApiServer, Self::AuthProxy, Self::Kubelet];

    /// Parts of k3s that are rk3s' own process and call each other without TLS: there is nothing
    /// to check or rotate.
    pub const WITHOUT_CERTIFICATE: [&str; 8] = [
        "cloud-controller",
        "controller-manager",
        "etcd",
        "k3s-controller",
        "k3s-server",
        "kube-proxy",
        "scheduler",
        "supervisor",
    ];

    /// `api-server`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::ApiServer => "api-server",
            Self::AuthProxy => "auth-proxy",
            Self::Kubelet => "kubelet",
        }
    }

    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|service| service.name() == name)
    }

    /// Its certificates.
    #[must_use]
    pub fn leaves(self) -> &'static [LeafName] {
        match self {
            Self::Admin => &[LeafName::Admin],
            Self::ApiServer => &[LeafName::ApiServerClient, LeafName::ApiServer],
            Self::AuthProxy => &[LeafName::AuthProxy],
            Self::Kubelet => &[LeafName::KubeletClient, LeafName::Kubelet],
        }
    }
}
