//! Nobody gives away what they do not have: the check on writes of roles and bindings.

use std::sync::Arc;

use apimachinery::admission::{Attributes, Operation, Pass, Plugin};
use apimachinery::{GroupResource, Object, StatusError, UserInfo};
use futures::future::BoxFuture;
use serde::Deserialize;
use serde_json::Value;

use crate::cover::{describe, missing, quoted};
use crate::decision::{Authorizer, AuthzAttributes};
use crate::rbac::{Rbac, RoleKind, RoleRef};
use crate::rule::Rule;

const GROUP: &str = "rbac.authorization.k8s.io";

/// Refuses roles with rules that their writer lacks and may not `escalate` to, and bindings of
/// roles that their writer neither has nor may `bind`. Upstream does this around the storage of
/// the four kinds: after mutating admission, whose last plugin this is, and before validation.
pub struct EscalationCheck {
    rbac: Rbac,
    authorizer: Arc<dyn Authorizer>,
}

impl EscalationCheck {
    /// `authorizer` answers for the verbs `escalate` and `bind`; `rbac` tells the rules.
    #[must_use]
    pub fn new(rbac: Rbac, authorizer: Arc<dyn Authorizer>) -> Self {
        Self { rbac, authorizer }
    }

    fn check(&self, asked: &Attributes<'_>, object: &Object) -> Result<(), StatusError> {
        let is_role = match &*asked.resource.resource {
            "roles" | "clusterroles" => true,
            "rolebindings" | "clusterrolebindings" => false,
            _ => return Ok(()),
        };
        if asked.resource.group != GROUP || !asked.subresource.is_empty() {
            return Ok(());
        }
        let user = &*asked.cx.user;
        let is_cleanup = asked
            .old
            .is_some_and(|old| only_for_collection(object, old));
        if user.in_group(UserInfo::MASTERS) || is_cleanup {
            return Ok(());
        }
        let checked = if is_role {
            self.check_role(asked, object)
        } else {
            self.check_binding(asked, object)?
        };
        let resource = GroupResource {
            group: GROUP.into(),
            resource: asked.resource.resource.clone(),
        };
        checked.map_err(|why| StatusError::forbidden(&resource, object.name(), &why))
    }

    fn check_role(&self, asked: &Attributes<'_>, role: &Object) -> Result<(), String> {
        let resource = &asked.resource.resource;
        // Of a role that is being made, the request does not tell the name.
        let is_new = asked.operation == Operation::Create;
        let name = if is_new { "" } else { asked.name };
        if self.may(asked, "escalate", resource, name) {
            return Ok(());
        }
        let rules: Vec<Rule> = rules(role);
        self.confirm(asked, &rules)?;
        if aggregates(role) || asked.old.is_some_and(aggregates) {
            self.confirm(asked, &everything()).map_err(|_| {
                "must have cluster-admin privileges to use the aggregationRule".to_owned()
            })?;
        }
        Ok(())
    }

    fn check_binding(
        &self,
        asked: &Attributes<'_>,
        binding: &Object,
    ) -> Result<Result<(), String>, StatusError> {
        let said = |field: &str| {
            let said = binding.get("roleRef").and_then(|role| role.get(field));
            said.and_then(Value::as_str).unwrap_or_default()
        };
        let (kind, name) = (said("kind"), said("name"));
        let Some(kind) = RoleKind::named(kind) else {
            let why = format!("unsupported role reference kind: {kind:?}");
            return Err(StatusError::unclassified(why));
        };
        if self.may(asked, "bind", kind.resource(), name) {
            return Ok(Ok(()));
        }
        let namespace = asked.namespace;
        // As of the storage that upstream reads the role from.
        let missing = match kind {
            RoleKind::Role if namespace.is_empty() => "Namespace parameter required.",
            _ if name.is_empty() => "Name parameter required.",
            _ => "",
        };
        if !missing.is_empty() {
            return Err(StatusError::bad_request(missing));
        }
        let name = name.to_owned();
        let reference = RoleRef { kind, name };
        let role = self.rbac.role(&reference, namespace);
        let role = role.ok_or_else(|| reference.not_found())?;
        Ok(self.confirm(asked, &role.rules))
    }

    fn may(&self, asked: &Attributes<'_>, verb: &str, resource: &str, name: &str) -> bool {
        let attributes = AuthzAttributes {
            namespace: asked.namespace,
            name,
            ..AuthzAttributes::resource(&asked.cx.user, verb, GROUP, resource)
        };
        self.authorizer.authorize(&attributes).is_allowed()
    }

    /// Whether the user has all these rules where the object is.
    fn confirm(&self, asked: &Attributes<'_>, wanted: &[Rule]) -> Result<(), String> {
        let user = &asked.cx.user;
        let (owned, not_found) = self.rbac.rules_of(user, asked.namespace);
        let missing = missing(&owned, wanted).map_err(|error| error.to_string())?;
        if missing.is_empty() {
            return Ok(());
        }
        let mut text = format!(
            "user {:?} (groups={}) is attempting to grant RBAC permissions not currently held:\n{}",
            user.name,
            quoted(&user.groups),
            describe(&missing)
        );
        let errors = not_found.iter().map(|role| role.not_found().to_string());
        if let Some(errors) = apimachinery::aggregate(errors) {
            text += &format!("; resolution errors: [{errors}]");
        }
        Err(text)
    }
}

impl Plugin for EscalationCheck {
    fn name(&self) -> &'static str {
        "RBACEscalationCheck"
    }

    fn handles(&self, pass: Pass, operation: Operation) -> bool {
        pass == Pass::Mutate && matches!(operation, Operation::Create | Operation::Update)
    }

    fn mutate<'a>(
        &'a self,
        attributes: &'a Attributes<'a>,
        object: &'a mut Object,
    ) -> BoxFuture<'a, Result<(), StatusError>> {
        Box::pin(std::future::ready(self.check(attributes, object)))
    }
}

/// Whether no more has changed than lets the collector remove the object.
fn only_for_collection(new: &Object, old: &Object) -> bool {
    let rest = |object: &Object| {
        let mut object = object.clone();
        let metadata = object.metadata_mut();
        for field in ["ownerReferences", "finalizers", "managedFields"] {
            metadata.remove(field);
        }
        object
    };
    rest(new) == rest(old)
}

fn rules(role: &Object) -> Vec<Rule> {
    let rules = role.get("rules").and_then(Value::as_array);
    let rules = rules.into_iter().flatten();
    // The schema has refused what is no rule.
    rules
        .filter_map(|rule| Rule::deserialize(rule).ok())
        .collect()
}

fn aggregates(role: &Object) -> bool {
    let selectors = role.at("/aggregationRule/clusterRoleSelectors");
    let selectors = selectors.and_then(Value::as_array);
    selectors.is_some_and(|selectors| !selectors.is_empty())
}

fn everything() -> [Rule; 2] {
    let all = || vec!["*".to_owned()];
    [
        Rule {
            verbs: all(),
            api_groups: all(),
            resources: all(),
            ..Rule::default()
        },
        Rule {
            verbs: all(),
            non_resource_urls: all(),
            ..Rule::default()
        },
    ]
}

#[cfg(test)]
mod tests;
