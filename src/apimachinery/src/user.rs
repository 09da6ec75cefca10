//! Who asks.

use std::collections::BTreeMap;

/// An authenticated identity. Only authenticators and the in-process client make one: it is
/// carried beside a request, never read from one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserInfo {
    pub name: String,
    pub uid: String,
    pub groups: Vec<String>,
    pub extra: BTreeMap<String, Vec<String>>,
}

impl UserInfo {
    /// Every authenticated identity is in this group.
    pub const AUTHENTICATED: &str = "system:authenticated";
    /// Of the kubelets.
    pub const NODES: &str = "system:nodes";
    /// Allowed everything, without asking RBAC.
    pub const MASTERS: &str = "system:masters";

    /// A user in the given groups and in `system:authenticated`.
    #[must_use]
    pub fn new(name: impl Into<String>, groups: &[&str]) -> Self {
        let groups = groups.iter().copied().chain([Self::AUTHENTICATED]);
        Self {
            name: name.into(),
            groups: groups.map(Into::into).collect(),
            ..Self::default()
        }
    }

    /// A request without credentials.
    #[must_use]
    pub fn anonymous() -> Self {
        Self {
            name: "system:anonymous".into(),
            groups: vec!["system:unauthenticated".into()],
            ..Self::default()
        }
    }

    /// The identity of a node's kubelet.
    #[must_use]
    pub fn node(name: &str) -> Self {
        Self::new(format!("system:node:{name}"), &[Self::NODES])
    }

    /// The node that this is the kubelet of; `None` for all other users.
    #[must_use]
    pub fn node_name(&self) -> Option<&str> {
        let node = self.name.strip_prefix("system:node:")?;
        self.in_group(Self::NODES).then_some(node)
    }

    /// A service account.
    #[must_use]
    pub fn service_account(namespace: &str, name: &str) -> Self {
        Self::new(
            format!("system:serviceaccount:{namespace}:{name}"),
            &[
                "system:serviceaccounts",
                &format!("system:serviceaccounts:{namespace}"),
            ],
        )
    }

    #[must_use]
    pub fn in_group(&self, group: &str) -> bool {
        self.groups.iter().any(|g| g == group)
    }
}
