//! What an authorizer is asked and what it answers.

use std::borrow::Cow;
use std::sync::Arc;

use apimachinery::{GroupResource, StatusError, UserInfo};

use crate::rules::Rules;

/// What somebody wants to do: to a resource, or to a path when there is one.
#[derive(Clone, Copy, Debug)]
pub struct AuthzAttributes<'a> {
    pub user: &'a UserInfo,
    /// `get`, `list`, `deletecollection`, …; for paths the HTTP method in lower case.
    pub verb: &'a str,
    pub group: &'a str,
    pub resource: &'a str,
    pub subresource: &'a str,
    /// Empty at the cluster scope and across namespaces.
    pub namespace: &'a str,
    /// Empty for requests about many objects, and for most creates.
    pub name: &'a str,
    /// The `fieldSelector` parameter as it was sent, `spec.nodeName=n1`; empty without one.
    pub field_selector: &'a str,
    /// Of a request that is about no resource. A resource may well have an empty name: in a
    /// review anything may be asked.
    pub path: Option<&'a str>,
}

impl<'a> AuthzAttributes<'a> {
    /// About a resource in all namespaces or at the cluster scope; the rest is filled in with
    /// struct update syntax.
    #[must_use]
    pub fn resource(user: &'a UserInfo, verb: &'a str, group: &'a str, resource: &'a str) -> Self {
        Self {
            user,
            verb,
            group,
            resource,
            subresource: "",
            namespace: "",
            name: "",
            field_selector: "",
            path: None,
        }
    }

    /// About a path.
    #[must_use]
    pub fn path(user: &'a UserInfo, verb: &'a str, path: &'a str) -> Self {
        Self {
            path: Some(path),
            ..Self::resource(user, verb, "", "")
        }
    }

    /// `pods/log`, as rules and refusals write it.
    #[must_use]
    pub fn full_resource(&self) -> Cow<'a, str> {
        if self.subresource.is_empty() {
            self.resource.into()
        } else {
            format!("{}/{}", self.resource, self.subresource).into()
        }
    }
}

/// An authorizer's answer; the texts are for audit and for the refused client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    Allow(Cow<'static, str>),
    /// Refused whatever later authorizers would say.
    Deny(Cow<'static, str>),
    /// Another authorizer may allow it; when none does, it is refused.
    NoOpinion(Cow<'static, str>),
}

impl Decision {
    #[must_use]
    pub fn is_allowed(&self) -> bool {
        matches!(self, Self::Allow(_))
    }
}

/// Decides whether a request may go on. Asked for every request: it answers from memory.
pub trait Authorizer: Send + Sync {
    fn authorize(&self, attributes: &AuthzAttributes<'_>) -> Decision;

    /// The rules by which it would decide on this user in this namespace. Only informative; none
    /// when it does not decide by rules.
    fn rules(&self, _user: &UserInfo, _namespace: &str) -> Rules {
        Rules::default()
    }
}

/// Authorizers in order: the first that allows or denies decides. Their reasons for having no
/// opinion add up.
pub struct Union(pub Vec<Arc<dyn Authorizer>>);

impl Authorizer for Union {
    fn authorize(&self, attributes: &AuthzAttributes<'_>) -> Decision {
        let mut reasons = Vec::new();
        for authorizer in &self.0 {
            match authorizer.authorize(attributes) {
                Decision::NoOpinion(reason) if reason.is_empty() => {}
                Decision::NoOpinion(reason) => reasons.push(reason),
                decided => return decided,
            }
        }
        Decision::NoOpinion(reasons.join("\n").into())
    }

    fn rules(&self, user: &UserInfo, namespace: &str) -> Rules {
        let each = self.0.iter().map(|one| one.rules(user, namespace));
        each.fold(Rules::default(), Rules::and)
    }
}

/// Members of one group may do everything.
#[derive(Clone, Copy, Debug)]
pub struct PrivilegedGroup(pub &'static str);

impl PrivilegedGroup {
    /// `system:masters`, whatever RBAC objects say or however broken they are.
    #[must_use]
    pub fn masters() -> Self {
        Self(UserInfo::MASTERS)
    }
}

impl Authorizer for PrivilegedGroup {
    fn authorize(&self, attributes: &AuthzAttributes<'_>) -> Decision {
        if attributes.user.in_group(self.0) {
            Decision::Allow("".into())
        } else {
            Decision::NoOpinion("".into())
        }
    }
}

/// The 403 for a refused request, in upstream's words; `reason` may be empty.
#[must_use]
pub fn forbidden(attributes: &AuthzAttributes<'_>, reason: &str) -> StatusError {
    let mut text = sentence(attributes);
    if !reason.is_empty() {
        text = format!("{text}: {reason}");
    }
    let resource = GroupResource {
        group: attributes.group.to_owned().into(),
        resource: attributes.resource.to_owned().into(),
    };
    StatusError::forbidden(&resource, attributes.name, &text)
}

fn sentence(attributes: &AuthzAttributes<'_>) -> String {
    let (user, verb) = (&attributes.user.name, attributes.verb);
    let text = if let Some(path) = attributes.path {
        format!("User {user:?} cannot {verb} path {path:?}")
    } else {
        let (resource, group) = (attributes.full_resource(), attributes.group);
        let scope = match attributes.namespace {
            "" => "at the cluster scope".to_owned(),
            namespace => format!("in the namespace {namespace:?}"),
        };
        format!("User {user:?} cannot {verb} resource {resource:?} in API group {group:?} {scope}")
    };
    // Upstream guards browsers that guess at content types.
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_read_as_upstreams() {
        let user = UserInfo::new("dev", &[]);
        let pods = AuthzAttributes::resource(&user, "get", "", "pods");
        let rows = [
            (
                AuthzAttributes {
                    namespace: "ns",
                    name: "web",
                    ..pods
                },
                "",
                "pods \"web\" is forbidden: User \"dev\" cannot get resource \"pods\" in API \
                 group \"\" in the namespace \"ns\"",
            ),
            (
                AuthzAttributes {
                    subresource: "scale",
                    ..AuthzAttributes::resource(&user, "patch", "apps", "deployments")
                },
                "because",
                "deployments.apps is forbidden: User \"dev\" cannot patch resource \
                 \"deployments/scale\" in API group \"apps\" at the cluster scope: because",
            ),
            (
                AuthzAttributes::resource(&user, "get", "", ""),
                "",
                "forbidden: User \"dev\" cannot get resource \"\" in API group \"\" at the \
                 cluster scope",
            ),
            (
                AuthzAttributes::path(&user, "get", "/x<y>&z"),
                "",
                "forbidden: User \"dev\" cannot get path \"/x&lt;y&gt;&amp;z\"",
            ),
        ];
        for (attributes, reason, expected) in rows {
            let error = forbidden(&attributes, reason);
            assert_eq!((error.code(), error.to_string().as_str()), (403, expected));
        }
    }

    /// Always the same answer.
    struct Says(Decision);

    impl Authorizer for Says {
        fn authorize(&self, _attributes: &AuthzAttributes<'_>) -> Decision {
            self.0.clone()
        }
    }

    #[test]
    fn the_first_decision_counts_and_reasons_add_up() {
        let allow = || Decision::Allow("yes".into());
        let deny = || Decision::Deny("no".into());
        let none = |why: &'static str| Decision::NoOpinion(why.into());
        let rows = [
            (vec![], none("")),
            (vec![none("a"), none(""), none("b")], none("a\nb")),
            (vec![none("a"), allow(), deny()], allow()),
            (vec![none("a"), deny(), allow()], deny()),
        ];
        let user = UserInfo::anonymous();
        let attributes = AuthzAttributes::path(&user, "get", "/");
        for (answers, expected) in rows {
            let says = |answer| Arc::new(Says(answer)) as Arc<dyn Authorizer>;
            let union = Union(answers.into_iter().map(says).collect());
            assert_eq!(union.authorize(&attributes), expected);
        }
    }

    #[test]
    fn masters_need_no_rule() {
        let (master, user) = (
            UserInfo::new("a", &["system:masters"]),
            UserInfo::new("b", &[]),
        );
        let ask = |user| {
            let attributes = AuthzAttributes::resource(user, "delete", "any.group", "things");
            PrivilegedGroup::masters()
                .authorize(&attributes)
                .is_allowed()
        };
        assert!(ask(&master));
        assert!(!ask(&user));
    }
}
