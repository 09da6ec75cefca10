//! What somebody may do, as a list: SelfSubjectRulesReview.

use apimachinery::aggregate;
use serde_json::{Value, json};

use crate::rule::Rule;

/// The rules of a user in one namespace, as far as the authorizers can say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    pub rules: Vec<Rule>,
    /// Some authorizer allows things that no rule tells.
    pub incomplete: bool,
    pub errors: Vec<String>,
}

impl Rules {
    /// With what another authorizer says.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.rules.extend(other.rules);
        self.incomplete |= other.incomplete;
        self.errors.extend(other.errors);
        self
    }

    /// As the `status` of a SelfSubjectRulesReview.
    #[must_use]
    pub fn status(&self) -> Value {
        let of_resources = self.rules.iter().filter(|rule| !rule.resources.is_empty());
        let of_resources = of_resources.map(|rule| {
            json!(Rule {
                non_resource_urls: Vec::new(),
                ..rule.clone()
            })
        });
        let of_paths = self
            .rules
            .iter()
            .filter(|rule| !rule.non_resource_urls.is_empty());
        let of_paths = of_paths.map(|rule| {
            json!(Rule {
                verbs: rule.verbs.clone(),
                non_resource_urls: rule.non_resource_urls.clone(),
                ..Rule::default()
            })
        });
        let mut status = json!({
            "resourceRules": of_resources.collect::<Vec<_>>(),
            "nonResourceRules": of_paths.collect::<Vec<_>>(),
            "incomplete": self.incomplete,
        });
        if let Some(errors) = aggregate(self.errors.iter().cloned()) {
            status["evaluationError"] = errors.into();
        }
        status
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        Authorizer, BootstrapPolicy, NodeAuthorizer, PodGraph, PrivilegedGroup, Rbac, Union,
    };
    use apimachinery::UserInfo;
    use expect_test::expect;
    use std::sync::Arc;

    #[test]
    fn a_union_tells_what_its_members_tell() {
        let union = Union(vec![
            Arc::new(PrivilegedGroup::masters()),
            Arc::new(NodeAuthorizer::new(Arc::new(PodGraph::default()))),
            Arc::new(Rbac::new(Arc::new(BootstrapPolicy::load()))),
        ]);
        let mut shown = String::new();
        for user in [
            UserInfo::anonymous(),
            UserInfo::new("dev", &[]),
            UserInfo::new("admin", &["system:masters"]),
            UserInfo::node("n1"),
        ] {
            let status = union.rules(&user, "default").status();
            shown += &format!("{}: {status}\n", user.name);
        }
        expect![[r#"
            system:anonymous: {"incomplete":false,"nonResourceRules":[{"nonResourceURLs":["/cacerts","/ping"],"verbs":["get"]},{"nonResourceURLs":["/healthz","/livez","/readyz","/version","/version/"],"verbs":["get"]}],"resourceRules":[]}
            dev: {"incomplete":false,"nonResourceRules":[{"nonResourceURLs":["/cacerts","/ping"],"verbs":["get"]},{"nonResourceURLs":["/api","/api/*","/apis","/apis/*","/healthz","/livez","/openapi","/openapi/*","/readyz","/version","/version/"],"verbs":["get"]},{"nonResourceURLs":["/healthz","/livez","/readyz","/version","/version/"],"verbs":["get"]}],"resourceRules":[{"apiGroups":["authorization.k8s.io"],"resources":["selfsubjectaccessreviews","selfsubjectrulesreviews"],"verbs":["create"]},{"apiGroups":["authentication.k8s.io"],"resources":["selfsubjectreviews"],"verbs":["create"]}]}
            admin: {"incomplete":false,"nonResourceRules":[{"nonResourceURLs":["*"],"verbs":["*"]},{"nonResourceURLs":["/cacerts","/ping"],"verbs":["get"]},{"nonResourceURLs":["/api","/api/*","/apis","/apis/*","/healthz","/livez","/openapi","/openapi/*","/readyz","/version","/version/"],"verbs":["get"]},{"nonResourceURLs":["/healthz","/livez","/readyz","/version","/version/"],"verbs":["get"]}],"resourceRules":[{"apiGroups":["*"],"resources":["*"],"verbs":["*"]},{"apiGroups":["authorization.k8s.io"],"resources":["selfsubjectaccessreviews","selfsubjectrulesreviews"],"verbs":["create"]},{"apiGroups":["authentication.k8s.io"],"resources":["selfsubjectreviews"],"verbs":["create"]}]}
            system:node:n1: {"evaluationError":"node authorizer does not support user rule resolution","incomplete":true,"nonResourceRules":[{"nonResourceURLs":["/cacerts","/ping"],"verbs":["get"]},{"nonResourceURLs":["/api","/api/*","/apis","/apis/*","/healthz","/livez","/openapi","/openapi/*","/readyz","/version","/version/"],"verbs":["get"]},{"nonResourceURLs":["/healthz","/livez","/readyz","/version","/version/"],"verbs":["get"]}],"resourceRules":[{"apiGroups":["authorization.k8s.io"],"resources":["selfsubjectaccessreviews","selfsubjectrulesreviews"],"verbs":["create"]},{"apiGroups":["authentication.k8s.io"],"resources":["selfsubjectreviews"],"verbs":["create"]}]}
        "#]].assert_eq(&shown);
    }
}
