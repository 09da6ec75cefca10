//! Role based access control: bindings give subjects the rules of roles.

mod stored;
mod table;

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use apimachinery::{GroupResource, StatusError, UserInfo, aggregate};
use serde::Deserialize;

use crate::decision::{Authorizer, AuthzAttributes, Decision};
use crate::rule::Rule;
use crate::rules::Rules;

pub use stored::StoredRules;
pub(crate) use table::RuleTable;

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

/// Where roles and bindings are found. It answers from memory: objects are shared, not copied.
pub trait RuleSource: Send + Sync {
    /// The RoleBindings of a namespace, or without one the ClusterRoleBindings, that name the
    /// user or one of its groups; in the order of their names.
    fn bindings(&self, namespace: &str, user: &UserInfo) -> Vec<Arc<Binding>>;
    /// A Role, or without a namespace a ClusterRole.
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
    /// empty. Ends when it answers `true`. Gives the roles on the way that do not exist.
    pub fn visit_rules(
        &self,
        user: &UserInfo,
        namespace: &str,
        mut visit: impl FnMut(&Binding, &Subject, &Rule) -> bool,
    ) -> Vec<RoleRef> {
        let mut missing = Vec::new();
        let groups = groups_of(user);
        let mut bindings = self.0.bindings("", user);
        if !namespace.is_empty() {
            bindings.extend(self.0.bindings(namespace, user));
        }
        for binding in &bindings {
            let Some(subject) = binding.subject_of(user, &groups) else {
                continue;
            };
            match self.role(&binding.role, &binding.namespace) {
                Some(role) => {
                    if role.rules.iter().any(|rule| visit(binding, subject, rule)) {
                        break;
                    }
                }
                None => missing.push(binding.role.clone()),
            }
        }
        missing
    }

    /// Every rule that the user has, and the roles that are bound but do not exist.
    #[must_use]
    pub fn rules_of(&self, user: &UserInfo, namespace: &str) -> (Vec<Rule>, Vec<RoleRef>) {
        let mut rules = Vec::new();
        let missing = self.visit_rules(user, namespace, |_, _, rule| {
            rules.push(rule.clone());
            false
        });
        (rules, missing)
    }

    /// The role that a binding of this namespace (none for ClusterRoleBindings) refers to.
    #[must_use]
    pub fn role(&self, reference: &RoleRef, namespace: &str) -> Option<Arc<Role>> {
        match reference.kind {
            RoleKind::ClusterRole => self.0.role("", &reference.name),
            RoleKind::Role => self.0.role(namespace, &reference.name),
        }
    }
}

impl RoleKind {
    /// The kind that a binding's `roleRef` names.
    pub(crate) fn named(kind: &str) -> Option<Self> {
        match kind {
            "ClusterRole" => Some(Self::ClusterRole),
            "Role" => Some(Self::Role),
            _ => None,
        }
    }

    /// The resource's name.
    pub(crate) fn resource(self) -> &'static str {
        match self {
            Self::ClusterRole => "clusterroles",
            Self::Role => "roles",
        }
    }
}

impl RoleRef {
    /// What upstream's storage says when there is no such role.
    pub(crate) fn not_found(&self) -> StatusError {
        self.missing_from(self.kind.resource())
    }

    /// What upstream's listers say then: the authorizer asks those.
    fn not_listed(&self) -> String {
        let kind = match self.kind {
            RoleKind::ClusterRole => "clusterrole",
            RoleKind::Role => "role",
        };
        self.missing_from(kind).to_string()
    }

    fn missing_from(&self, resource: &'static str) -> StatusError {
        let resource = GroupResource {
            group: "rbac.authorization.k8s.io".into(),
            resource: resource.into(),
        };
        StatusError::not_found(&resource, &self.name)
    }
}

/// The roles that the authorizer did not find, as it says so.
fn not_listed(missing: &[RoleRef]) -> Option<String> {
    aggregate(missing.iter().map(RoleRef::not_listed))
}

impl Authorizer for Rbac {
    fn authorize(&self, attributes: &AuthzAttributes<'_>) -> Decision {
        let mut allowed = None;
        let missing = self.visit_rules(
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
            None => {
                let why = not_listed(&missing).map(|why| format!("RBAC: {why}"));
                Decision::NoOpinion(why.unwrap_or_default().into())
            }
        }
    }

    fn rules(&self, user: &UserInfo, namespace: &str) -> Rules {
        let (rules, missing) = self.rules_of(user, namespace);
        Rules {
            rules,
            errors: not_listed(&missing).into_iter().collect(),
            incomplete: false,
        }
    }
}

type Groups<'a> = HashSet<&'a str>;

/// The groups to find subjects in: both a review and a binding can name a hundred thousand.
fn groups_of(user: &UserInfo) -> Groups<'_> {
    user.groups.iter().map(String::as_str).collect()
}

impl Binding {
    /// The first subject that is this user.
    pub(crate) fn subject_of(&self, user: &UserInfo, groups: &Groups<'_>) -> Option<&Subject> {
        self.subjects.iter().find(|subject| match subject {
            Subject::User { name } => user.name == *name,
            Subject::Group { name } => groups.contains(name.as_str()),
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

impl Subject {
    /// A group's name, or the name of a user or service account.
    pub(crate) fn key(&self, binding: &Binding) -> SubjectKey {
        match self {
            Self::User { name } => SubjectKey::User(name.clone()),
            Self::Group { name } => SubjectKey::Group(name.clone()),
            Self::ServiceAccount { name, namespace } => {
                let namespace = binding.namespace_or(namespace);
                SubjectKey::User(format!("system:serviceaccount:{namespace}:{name}"))
            }
        }
    }
}

/// What a user is found by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum SubjectKey {
    User(String),
    Group(String),
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
