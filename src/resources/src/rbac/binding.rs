//! RoleBinding and ClusterRoleBinding.

use apimachinery::{FieldError, FieldErrors, Object};
use serde_json::{Value, json};

use super::GROUP;
use crate::at::At;
use crate::cells::{AGE, NAME, text, wide};
use crate::column::{Cell, Column};
use crate::json::{self, Fill, Json, fill};
use crate::meta::{dns_subdomain, path_segment};
use crate::row::{COMMON, Resource, Scope};
use crate::strategy::{Cx, Strategy};

pub static ROLE_BINDING: Resource = Resource {
    group: GROUP,
    kind: "RoleBinding",
    plural: "rolebindings",
    singular: "rolebinding",
    prefix: "rolebindings",
    create_on_update: true,
    columns: COLUMNS,
    strategy: &Binding {
        is_namespaced: true,
    },
    ..COMMON
};

pub static CLUSTER_ROLE_BINDING: Resource = Resource {
    group: GROUP,
    kind: "ClusterRoleBinding",
    plural: "clusterrolebindings",
    singular: "clusterrolebinding",
    scope: Scope::Cluster,
    prefix: "clusterrolebindings",
    create_on_update: true,
    columns: COLUMNS,
    strategy: &Binding {
        is_namespaced: false,
    },
    ..COMMON
};

const COLUMNS: &[Column] = &[
    NAME,
    text("Role", "The role that is granted.", |cell| {
        let role = json::map(cell.object, "roleRef");
        let part = |field| role.map_or("", |role| json::text(role, field));
        format!("{}/{}", part("kind"), part("name")).into()
    }),
    AGE,
    wide(text("Users", "Users it is granted to.", |cell| {
        subjects(cell, "User", plain_name)
    })),
    wide(text("Groups", "Groups it is granted to.", |cell| {
        subjects(cell, "Group", plain_name)
    })),
    wide(text(
        "ServiceAccounts",
        "Service accounts it is granted to.",
        |cell| {
            subjects(cell, "ServiceAccount", |subject| {
                let namespace = json::text(subject, "namespace");
                format!("{namespace}/{}", json::text(subject, "name"))
            })
        },
    )),
];

fn plain_name(subject: &Json) -> String {
    json::text(subject, "name").to_owned()
}

fn subjects(cell: &Cell<'_>, kind: &str, name: fn(&Json) -> String) -> Value {
    let of_kind = |subject: &&Json| json::text(subject, "kind") == kind;
    let names: Vec<String> = json::maps(cell.object, "subjects")
        .filter(of_kind)
        .map(name)
        .collect();
    names.join(", ").into()
}

struct Binding {
    is_namespaced: bool,
}

impl Strategy for Binding {
    fn default(&self, _cx: &Cx<'_>, object: &mut Object) {
        fill(
            object.map_mut("roleRef"),
            &[("apiGroup", Fill::Text(GROUP))],
        );
        for subject in json::maps_mut(object, "subjects") {
            // A service account's group is the empty one.
            if matches!(json::text(subject, "kind"), "User" | "Group") {
                fill(subject, &[("apiGroup", Fill::Text(GROUP))]);
            }
        }
    }

    fn validate_name(&self, name: &str) -> Result<(), String> {
        path_segment(name)
    }

    fn validate(&self, _cx: &Cx<'_>, object: &Object) -> FieldErrors {
        let mut errors = FieldErrors::new();
        self.validate_role(&At::root(object, "roleRef"), &mut errors);
        At::root(object, "subjects").each(&mut errors, |subject, errors| {
            self.validate_subject(&subject, errors);
        });
        errors
    }

    fn validate_update(&self, cx: &Cx<'_>, new: &Object, old: &Object) -> FieldErrors {
        let mut errors = self.validate(cx, new);
        let role = At::root(new, "roleRef");
        if !json::same(Some(role.value), old.get("roleRef")) {
            // The value is the internal form, which has no JSON names.
            let part = |field| role.child(field).text();
            let shown = json!({
                "APIGroup": part("apiGroup"), "Kind": part("kind"), "Name": part("name"),
            });
            errors.push(FieldError::invalid(
                &role.path,
                shown,
                "cannot change roleRef",
            ));
        }
        errors
    }
}

impl Binding {
    fn validate_role(&self, role: &At<'_>, errors: &mut FieldErrors) {
        role.child("apiGroup").one_of(&[GROUP], errors);
        let kinds: &[&str] = if self.is_namespaced {
            &["Role", "ClusterRole"]
        } else {
            &["ClusterRole"]
        };
        role.child("kind").one_of(kinds, errors);
        role.child("name").check_required(path_segment, errors);
    }

    fn validate_subject(&self, subject: &At<'_>, errors: &mut FieldErrors) {
        let [name, kind, group, namespace] =
            ["name", "kind", "apiGroup", "namespace"].map(|field| subject.child(field));
        if name.text().is_empty() {
            errors.push(name.required(""));
        }
        match kind.text() {
            "ServiceAccount" => {
                name.check_optional(dns_subdomain, errors);
                group.one_of(&[""], errors);
                if !self.is_namespaced && namespace.text().is_empty() {
                    errors.push(namespace.required(""));
                }
            }
            "User" | "Group" => group.one_of(&[GROUP], errors),
            _ => kind.one_of(&["ServiceAccount", "User", "Group"], errors),
        }
    }
}
