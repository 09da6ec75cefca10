//! The embedded files' own, shorter form of RBAC objects.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::rbac::{Binding, RoleKind, RoleRef, Subject};
use crate::rule::Rule;

const UPSTREAM: &str = include_str!("../../data/bootstrap-policy.json");
const OWN: &str = include_str!("../../data/own-policy.json");

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub(super) struct File {
    pub(super) cluster_roles: Vec<ClusterRole>,
    /// Each a ClusterRole and a ClusterRoleBinding of the same name.
    pub(super) controller_roles: Vec<ControllerRole>,
    pub(super) roles: Vec<NamespacedRole>,
    pub(super) cluster_role_bindings: Vec<ShortBinding>,
    pub(super) role_bindings: Vec<ShortBinding>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ClusterRole {
    pub(super) name: String,
    #[serde(default)]
    pub(super) labels: BTreeMap<String, String>,
    /// As the API has it.
    #[serde(default)]
    pub(super) aggregation_rule: Option<Value>,
    /// Empty when the role aggregates.
    pub(super) rules: Vec<Rule>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ControllerRole {
    pub(super) name: String,
    /// `kube-system/deployment-controller`.
    service_account: String,
    rules: Vec<Rule>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NamespacedRole {
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) rules: Vec<Rule>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ShortBinding {
    #[serde(default)]
    namespace: String,
    name: String,
    /// The binding's own name when absent.
    #[serde(default)]
    role: Option<String>,
    /// `Group system:masters`, `ServiceAccount kube-system/kube-dns`.
    subjects: Vec<String>,
}

impl File {
    /// Upstream's objects, then our own.
    pub(super) fn embedded() -> Self {
        let read = |text| -> Self {
            serde_json::from_str(text).expect("the embedded files are read by a test")
        };
        let (mut file, own) = (read(UPSTREAM), read(OWN));
        file.cluster_roles.extend(own.cluster_roles);
        file.cluster_role_bindings.extend(own.cluster_role_bindings);
        file
    }

    pub(super) fn all_cluster_roles(&self) -> Vec<ClusterRole> {
        let controllers = self.controller_roles.iter().map(|role| ClusterRole {
            name: role.name.clone(),
            labels: BTreeMap::new(),
            aggregation_rule: None,
            rules: role.rules.clone(),
        });
        self.cluster_roles
            .iter()
            .cloned()
            .chain(controllers)
            .collect()
    }

    pub(super) fn all_cluster_role_bindings(&self) -> Vec<Binding> {
        let plain = self.cluster_role_bindings.iter();
        let plain = plain.map(|binding| binding.binding(RoleKind::ClusterRole));
        let controllers = self.controller_roles.iter().map(|role| Binding {
            namespace: String::new(),
            name: role.name.clone(),
            role: RoleRef {
                kind: RoleKind::ClusterRole,
                name: role.name.clone(),
            },
            subjects: vec![service_account(&role.service_account)],
        });
        plain.chain(controllers).collect()
    }

    pub(super) fn all_role_bindings(&self) -> Vec<Binding> {
        let bindings = self.role_bindings.iter();
        bindings
            .map(|binding| binding.binding(RoleKind::Role))
            .collect()
    }
}

impl ClusterRole {
    pub(super) fn aggregates(&self) -> bool {
        self.aggregation_rule.is_some()
    }

    /// Whether this role aggregates `source`.
    pub(super) fn selects(&self, source: &Self) -> bool {
        let selectors = self
            .aggregation_rule
            .as_ref()
            .and_then(|rule| rule["clusterRoleSelectors"].as_array());
        selectors.into_iter().flatten().any(|selector| {
            let labels = selector["matchLabels"].as_object();
            labels.is_some_and(|labels| {
                let mut labels = labels.iter();
                labels.all(|(key, value)| {
                    source.labels.get(key).map(String::as_str) == value.as_str()
                })
            })
        })
    }
}

impl ShortBinding {
    fn binding(&self, kind: RoleKind) -> Binding {
        Binding {
            namespace: self.namespace.clone(),
            name: self.name.clone(),
            role: RoleRef {
                kind,
                name: self.role.clone().unwrap_or_else(|| self.name.clone()),
            },
            subjects: self.subjects.iter().map(|text| subject(text)).collect(),
        }
    }
}

fn subject(text: &str) -> Subject {
    match text.split_once(' ') {
        Some(("User", name)) => Subject::User { name: name.into() },
        Some(("Group", name)) => Subject::Group { name: name.into() },
        Some(("ServiceAccount", name)) => service_account(name),
        _ => unreachable!("the embedded files are read by a test: {text}"),
    }
}

fn service_account(text: &str) -> Subject {
    let (namespace, name) = text
        .split_once('/')
        .expect("the embedded files are read by a test");
    Subject::ServiceAccount {
        name: name.into(),
        namespace: namespace.into(),
    }
}
