//! Role based access control: bindings give subjects the rules of roles.

use std::fmt;
use std::sync::Arc;

use apimachinery::UserInfo;
use serde::Deserialize;

use crate::decision::{Authorizer, AuthzAttributes, Decision};
use crate::rule::Rule;

/// Who a binding is for.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "kind")]
pub enum Subject {
    User {
        name: String,
    },
    Group {
        name: String,
    },
    ServiceAccount {
        name: String,
        /// The binding's own namespace when empty.
        #[serde(default)]
        namespace: String,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum RoleKind {
    ClusterRole,
    Role,
}

/// Which role a binding gives.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct RoleRef {
    pub kind: RoleKind,
    pub name: String,
}

/// A ClusterRoleBinding, or, with a namespace, a RoleBinding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    pub namespace: String,
    pub name: String,
    pub role: RoleRef,
    pub subjects: Vec<Subject>,
}

/// A ClusterRole, or, with a namespace, a Role; aggregated rules included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    pub namespace: String,
    pub name: String,
    pub rules: Vec<Rule>,
}

/// Where roles and bindings are found. It answers from memory: snapshots are shared, not copied.
pub trait RuleSource: Send + Sync {
    fn cluster_role_bindings(&self) -> Arc<[Binding]>;
    fn role_bindings(&self, namespace: &str) -> Arc<[Binding]>;
    fn cluster_role(&self, name: &str) -> Option<Arc<Role>>;
    fn role(&self, namespace: &str, name: &str) -> Option<Arc<Role>>;
}

/// The RBAC authorizer.
#[derive(Clone)]
pub struct Rbac(Arc<dyn RuleSource>);

impl Rbac {
    #[must_use]
    pub fn new(source: Arc<dyn RuleSource>) -> Self {
        Self(source)
    }

    /// Shows `visit` each rule that `user` has: everywhere, and in `namespace` unless that is
    /// empty. Ends when it answers `true`. Gives what went wrong on the way: bindings to roles
    /// that do not exist.
    pub fn visit_rules(
        &self,
        user: &UserInfo,
        namespace: &str,
        mut visit: impl FnMut(&Binding, &Subject, &Rule) -> bool,
    ) -> Vec<String> {
        let mut errors = Vec::new();
        let cluster = self.0.cluster_role_bindings();
        let here = (!namespace.is_empty()).then(|| self.0.role_bindings(namespace));
        for binding in cluster
            .iter()
            .chain(here.iter().flat_map(|list| list.iter()))
        {
            let Some(subject) = binding.subject_of(user) else {
                continue;
            };
            match self.role_of(binding) {
                Ok(role) => {
                    if role.rules.iter().any(|rule| visit(binding, subject, rule)) {
                        break;
                    }
                }
                Err(error) => errors.push(error),
            }
        }
        errors
    }

    fn role_of(&self, binding: &Binding) -> Result<Arc<Role>, String> {
        let name = &binding.role.name;
        let (kind, role) = match binding.role.kind {
            RoleKind::ClusterRole => ("clusterrole", self.0.cluster_role(name)),
            RoleKind::Role => ("role", self.0.role(&binding.namespace, name)),
        };
        role.ok_or_else(|| format!("{kind}.rbac.authorization.k8s.io {name:?} not found"))
    }
}

impl Authorizer for Rbac {
    fn authorize(&self, attributes: &AuthzAttributes<'_>) -> Decision {
        let mut allowed = None;
        let errors = self.visit_rules(
            attributes.user,
            attributes.namespace,
            |binding, subject, rule| {
                if rule.allows(attributes) {
                    allowed = Some(format!("RBAC: allowed by {}", Grant(binding, subject)));
                }
                allowed.is_some()
            },
        );
        match allowed {
            Some(reason) => Decision::Allow(reason.into()),
            None => Decision::NoOpinion(complaint(errors).into()),
        }
    }
}

/// Upstream's aggregate of errors: each once, in brackets when there are several.
fn complaint(errors: Vec<String>) -> String {
    let mut distinct: Vec<String> = Vec::new();
    for error in errors {
        if !distinct.contains(&error) {
            distinct.push(error);
        }
    }
    match distinct.as_slice() {
        [] => String::new(),
        [one] => format!("RBAC: {one}"),
        several => format!("RBAC: [{}]", several.join(", ")),
    }
}

impl Binding {
    /// The first subject that is this user.
    fn subject_of(&self, user: &UserInfo) -> Option<&Subject> {
        self.subjects.iter().find(|subject| match subject {
            Subject::User { name } => user.name == *name,
            Subject::Group { name } => user.in_group(name),
            Subject::ServiceAccount { name, namespace } => {
                let namespace = self.namespace_or(namespace);
                !namespace.is_empty() && is_service_account(&user.name, namespace, name)
            }
        })
    }

    fn namespace_or<'a>(&'a self, namespace: &'a str) -> &'a str {
        if namespace.is_empty() {
            &self.namespace
        } else {
            namespace
        }
    }
}

fn is_service_account(user: &str, namespace: &str, name: &str) -> bool {
    let rest = user.strip_prefix("system:serviceaccount:");
    rest.and_then(|rest| rest.strip_prefix(namespace))
        .and_then(|rest| rest.strip_prefix(':'))
        == Some(name)
}

/// Who got what by which binding, as upstream's audit annotation reads.
struct Grant<'a>(&'a Binding, &'a Subject);

impl fmt::Display for Grant<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(binding, subject) = self;
        let name = &binding.name;
        if binding.namespace.is_empty() {
            write!(f, "ClusterRoleBinding {name:?}")?;
        } else {
            write!(f, "RoleBinding \"{name}/{}\"", binding.namespace)?;
        }
        write!(f, " of {:?} {:?} to ", binding.role.kind, binding.role.name)?;
        match subject {
            Subject::User { name } => write!(f, "User {name:?}"),
            Subject::Group { name } => write!(f, "Group {name:?}"),
            Subject::ServiceAccount { name, namespace } => {
                let namespace = binding.namespace_or(namespace);
                write!(f, "ServiceAccount \"{name}/{namespace}\"")
            }
        }
    }
}

#[cfg(test)]
mod tests;
