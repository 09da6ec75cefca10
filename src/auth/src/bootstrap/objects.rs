//! The bootstrap policy as API objects.

use apimachinery::Object;
use serde_json::{Map, Value, json};

use super::file::{ClusterRole, File};
use crate::rbac::{Binding, RoleKind, Subject};
use crate::rule::Rule;

/// Every object, in the order in which upstream makes them: ClusterRoles, ClusterRoleBindings,
/// Roles, RoleBindings. Aggregated roles are without rules: their controller fills them in.
#[must_use]
pub fn objects() -> Vec<Object> {
    let file = File::embedded();
    let cluster_roles = file.all_cluster_roles();
    let cluster_roles = cluster_roles.iter().map(cluster_role);
    let cluster_bindings = file.all_cluster_role_bindings();
    let roles = file.roles.iter().map(|role| {
        let mut object = object("Role", &role.namespace, &role.name);
        object.insert("rules".into(), rules(&role.rules));
        object
    });
    let bindings = file.all_role_bindings();
    cluster_roles
        .chain(cluster_bindings.iter().map(binding))
        .chain(roles)
        .chain(bindings.iter().map(binding))
        .map(Object::from)
        .collect()
}

fn object(kind: &str, namespace: &str, name: &str) -> Map<String, Value> {
    let mut metadata = json!({
        "name": name,
        "labels": {"kubernetes.io/bootstrapping": "rbac-defaults"},
        "annotations": {"rbac.authorization.kubernetes.io/autoupdate": "true"},
    });
    if !namespace.is_empty() {
        metadata["namespace"] = namespace.into();
    }
    let mut object = Map::new();
    object.insert("apiVersion".into(), "rbac.authorization.k8s.io/v1".into());
    object.insert("kind".into(), kind.into());
    object.insert("metadata".into(), metadata);
    object
}

fn cluster_role(role: &ClusterRole) -> Map<String, Value> {
    let mut object = object("ClusterRole", "", &role.name);
    for (key, value) in &role.labels {
        object["metadata"]["labels"][key] = value.as_str().into();
    }
    if let Some(rule) = &role.aggregation_rule {
        object.insert("aggregationRule".into(), rule.clone());
    }
    object.insert("rules".into(), rules(&role.rules));
    object
}

fn rules(rules: &[Rule]) -> Value {
    let rule = |rule: &Rule| {
        let lists = [
            ("apiGroups", &rule.api_groups),
            ("nonResourceURLs", &rule.non_resource_urls),
            ("resourceNames", &rule.resource_names),
            ("resources", &rule.resources),
            ("verbs", &rule.verbs),
        ];
        let lists = lists.into_iter().filter(|(_, list)| !list.is_empty());
        let lists = lists.map(|(key, list)| (key.to_owned(), json!(list)));
        Value::Object(lists.collect())
    };
    rules.iter().map(rule).collect()
}

fn binding(binding: &Binding) -> Map<String, Value> {
    let kind = if binding.namespace.is_empty() {
        "ClusterRoleBinding"
    } else {
        "RoleBinding"
    };
    let mut object = object(kind, &binding.namespace, &binding.name);
    let role = match binding.role.kind {
        RoleKind::ClusterRole => "ClusterRole",
        RoleKind::Role => "Role",
    };
    let group = "rbac.authorization.k8s.io";
    let reference = json!({"apiGroup": group, "kind": role, "name": binding.role.name});
    object.insert("roleRef".into(), reference);
    if !binding.subjects.is_empty() {
        let subjects = binding.subjects.iter().map(|subject| match subject {
            Subject::User { name } => json!({"apiGroup": group, "kind": "User", "name": name}),
            Subject::Group { name } => json!({"apiGroup": group, "kind": "Group", "name": name}),
            Subject::ServiceAccount { name, namespace } => {
                json!({"kind": "ServiceAccount", "name": name, "namespace": namespace})
            }
        });
        object.insert("subjects".into(), subjects.collect());
    }
    object
}
