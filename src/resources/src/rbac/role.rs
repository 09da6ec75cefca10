//! Role and ClusterRole.

use apimachinery::{FieldErrors, Object};

use super::GROUP;
use crate::at::At;
use crate::cells::{CREATED_AT, NAME};
use crate::column::Column;
use crate::meta::{path_segment, validate_label_selector};
use crate::row::{COMMON, Resource, Scope};
use crate::strategy::{Cx, Strategy};

pub static ROLE: Resource = Resource {
    group: GROUP,
    kind: "Role",
    plural: "roles",
    singular: "role",
    prefix: "roles",
    create_on_update: true,
    columns: COLUMNS,
    strategy: &Role {
        is_namespaced: true,
    },
    ..COMMON
};

pub static CLUSTER_ROLE: Resource = Resource {
    group: GROUP,
    kind: "ClusterRole",
    plural: "clusterroles",
    singular: "clusterrole",
    scope: Scope::Cluster,
    prefix: "clusterroles",
    create_on_update: true,
    columns: COLUMNS,
    strategy: &Role {
        is_namespaced: false,
    },
    ..COMMON
};

const COLUMNS: &[Column] = &[NAME, CREATED_AT];

struct Role {
    is_namespaced: bool,
}

impl Strategy for Role {
    fn validate_name(&self, name: &str) -> Result<(), String> {
        path_segment(name)
    }

    fn validate(&self, _cx: &Cx<'_>, object: &Object) -> FieldErrors {
        let mut errors = FieldErrors::new();
        At::root(object, "rules").each(&mut errors, |rule, errors| {
            validate_rule(&rule, self.is_namespaced, errors);
        });
        validate_aggregation(&At::root(object, "aggregationRule"), &mut errors);
        errors
    }
}

fn validate_rule(rule: &At<'_>, is_namespaced: bool, errors: &mut FieldErrors) {
    let [verbs, groups, resources, names, urls] = [
        "verbs",
        "apiGroups",
        "resources",
        "resourceNames",
        "nonResourceURLs",
    ]
    .map(|field| rule.child(field));
    if verbs.is_zero() {
        errors.push(verbs.required("verbs must contain at least one value"));
    }
    if !urls.is_zero() {
        if is_namespaced {
            errors.push(urls.invalid("namespaced rules cannot apply to non-resource URLs"));
        }
        if ![groups, resources, names].iter().all(At::is_zero) {
            errors.push(
                urls.invalid("rules cannot apply to both regular resources and non-resource URLs"),
            );
        }
        return;
    }
    if groups.is_zero() {
        errors.push(groups.required("resource rules must supply at least one api group"));
    }
    if resources.is_zero() {
        errors.push(resources.required("resource rules must supply at least one resource"));
    }
}

/// Roles in namespaces have no such field.
fn validate_aggregation(aggregation: &At<'_>, errors: &mut FieldErrors) {
    if !aggregation.is_present() {
        return;
    }
    let selectors = aggregation.child("clusterRoleSelectors");
    if selectors.is_zero() {
        errors.push(
            selectors.required(
                "at least one clusterRoleSelector required if aggregationRule is non-nil",
            ),
        );
    }
    for selector in selectors.items() {
        validate_label_selector(&selector, errors);
    }
}
