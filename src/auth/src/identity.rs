//! The identities of rk3s' own components. None is in `system:masters`: what they may do is in
//! the bootstrap policy.

use apimachinery::UserInfo;

/// The API server itself: what it writes below authorization.
#[must_use]
pub fn api_server() -> UserInfo {
    UserInfo::new("system:apiserver", &[])
}

/// The scheduler.
#[must_use]
pub fn scheduler() -> UserInfo {
    UserInfo::new("system:kube-scheduler", &[])
}

/// What the controllers share: it may list and watch everything, so the informers run under it.
#[must_use]
pub fn controller_manager() -> UserInfo {
    UserInfo::new("system:kube-controller-manager", &[])
}

/// One controller, by its service account in kube-system: `deployment-controller`.
#[must_use]
pub fn controller(name: &str) -> UserInfo {
    UserInfo::service_account("kube-system", name)
}

/// A node's kubelet.
#[must_use]
pub fn node(name: &str) -> UserInfo {
    UserInfo::node(name)
}

/// The Service proxy.
#[must_use]
pub fn kube_proxy() -> UserInfo {
    UserInfo::new("system:kube-proxy", &[])
}

/// The cluster DNS.
#[must_use]
pub fn dns() -> UserInfo {
    UserInfo::service_account("kube-system", "coredns")
}
