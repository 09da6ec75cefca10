//! The cluster's own roles and bindings, as informers see them.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use apimachinery::{GroupVersionResource, Object, UserInfo};
use base::Clock;
use informer::{Change, Informers};
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::Notify;
use tracing::warn;

use super::{Binding, Role, RuleSource, RuleTable};
use crate::bootstrap::{BootstrapPolicy, objects};

const GROUP: &str = "rbac.authorization.k8s.io";
/// The four resources, and whether one is a role.
const RESOURCES: [(&str, bool); 4] = [
    ("clusterroles", true),
    ("clusterrolebindings", false),
    ("roles", true),
    ("rolebindings", false),
];

/// A [`RuleSource`] over stored objects. Before they have been read nobody has a right: what an
/// administrator took from the bootstrap policy is not known yet. Once they have been, and until
/// those that are missing have been written, the bootstrap policy answers for the latter, so that
/// the components of a first start need not wait.
#[derive(Default)]
pub struct StoredRules {
    table: RwLock<RuleTable>,
    /// For what is missing; `None` before the stored objects are read and once they say
    /// everything.
    stand_in: RwLock<Option<BootstrapPolicy>>,
    /// Told after every change, with one place to remember it.
    changed: Notify,
}

impl StoredRules {
    /// Follows the four resources from now on. Resolves when what is stored has been read.
    pub async fn follow(self: &Arc<Self>, informers: &Informers) {
        for (resource, is_role) in RESOURCES {
            let rules = self.clone();
            informers.of(&gvr(resource)).on_change(move |change| {
                let is_gone = matches!(change, Change::Deleted(_));
                match change.object().to_object() {
                    Ok(object) if is_role => rules.role_changed(&object, is_gone),
                    Ok(object) => rules.binding_changed(&object, is_gone),
                    // It grants nothing new; what it granted before stays, as in upstream's cache.
                    Err(error) => warn!(%error, resource, "an RBAC object cannot be read"),
                }
                rules.changed.notify_one();
            });
        }
        for (resource, _) in RESOURCES {
            informers.of(&gvr(resource)).synced().await;
        }
        self.let_policy_stand_in();
    }

    /// For roles and bindings that are not stored.
    pub(crate) fn let_policy_stand_in(&self) {
        self.set_stand_in(Some(BootstrapPolicy::load()));
    }

    fn set_stand_in(&self, policy: Option<BootstrapPolicy>) {
        *self
            .stand_in
            .write()
            .unwrap_or_else(PoisonError::into_inner) = policy;
    }

    /// Waits until the objects of the bootstrap policy have been read and lets it go: call it
    /// after [`crate::bootstrap::reconcile`] has written them. One that does not appear within
    /// `patience` has been removed on purpose.
    pub async fn take_over(&self, clock: &Clock, patience: Duration) {
        let expected = objects();
        let whole = async {
            while !expected.iter().all(|object| self.has(object)) {
                self.changed.notified().await;
            }
        };
        if clock.timeout(patience, whole).await.is_err() {
            warn!("not all objects of the bootstrap policy are stored");
        }
        self.set_stand_in(None);
    }

    fn has(&self, object: &Object) -> bool {
        let (namespace, name) = (object.namespace(), object.name());
        self.read(|table, _| {
            if object.contains_key("roleRef") {
                table.has_binding(namespace, name)
            } else {
                table.role(namespace, name).is_some()
            }
        })
    }

    /// A Role or ClusterRole was made, changed or removed.
    pub fn role_changed(&self, object: &Object, is_gone: bool) {
        let (namespace, name) = (object.namespace(), object.name());
        let mut table = self.table.write().unwrap_or_else(PoisonError::into_inner);
        if is_gone {
            table.remove_role(namespace, name);
            return;
        }
        table.put_role(Role {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            rules: list(object, "rules"),
        });
    }

    /// A RoleBinding or ClusterRoleBinding was made, changed or removed.
    pub fn binding_changed(&self, object: &Object, is_gone: bool) {
        let (namespace, name) = (object.namespace(), object.name());
        let role = object.get("roleRef").map(Deserialize::deserialize);
        let mut table = self.table.write().unwrap_or_else(PoisonError::into_inner);
        match role {
            Some(Ok(role)) if !is_gone => table.put_binding(Binding {
                namespace: namespace.to_owned(),
                name: name.to_owned(),
                role,
                subjects: list(object, "subjects"),
            }),
            // Validation lets no other roleRef through; this one gives nothing.
            _ => table.remove_binding(namespace, name),
        }
    }

    fn read<T>(&self, of: impl FnOnce(&RuleTable, Option<&BootstrapPolicy>) -> T) -> T {
        let policy = self.stand_in.read().unwrap_or_else(PoisonError::into_inner);
        let table = self.table.read().unwrap_or_else(PoisonError::into_inner);
        of(&table, policy.as_ref())
    }
}

impl RuleSource for StoredRules {
    fn bindings(&self, namespace: &str, user: &UserInfo) -> Vec<Arc<Binding>> {
        self.read(|table, policy| {
            let mut found = table.bindings(namespace, user);
            let policy = policy.map(|policy| policy.bindings(namespace, user));
            // A stored binding says itself whom it is for, be it fewer than at first.
            let missing = policy.into_iter().flatten();
            found.extend(missing.filter(|one| !table.has_binding(&one.namespace, &one.name)));
            found
        })
    }

    fn role(&self, namespace: &str, name: &str) -> Option<Arc<Role>> {
        self.read(|table, policy| {
            // What is stored counts, be it less than at first. No component waits for the rules
            // that a role aggregates, which its controller adds.
            let stored = table.role(namespace, name);
            stored.or_else(|| policy?.role(namespace, name))
        })
    }
}

fn gvr(resource: &'static str) -> GroupVersionResource {
    GroupVersionResource::new(GROUP, "v1", resource)
}

/// The items that can be read: one of a kind that is not known grants nothing, and hides none.
fn list<T: for<'de> Deserialize<'de>>(object: &Object, field: &str) -> Vec<T> {
    let items = object.get(field).and_then(Value::as_array);
    items
        .into_iter()
        .flatten()
        .filter_map(|item| T::deserialize(item).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Authorizer, AuthzAttributes, Rbac};
    use serde_json::json;

    fn object(value: Value) -> Object {
        Object::from_value(value).expect("an object")
    }

    #[test]
    fn what_was_taken_from_the_policy_stays_taken() {
        let scheduler = crate::identity::scheduler();
        for object_of in ["ClusterRoleBinding", "ClusterRole"] {
            let rules = Arc::new(StoredRules::default());
            let rbac = Rbac::new(rules.clone());
            let may = || {
                let asked = AuthzAttributes::resource(&scheduler, "list", "", "pods");
                rbac.authorize(&asked).is_allowed()
            };
            assert!(!may(), "before it is read");
            rules.let_policy_stand_in();
            assert!(may(), "before it is written");
            let taken = |name: &str| {
                object(json!({
                    "kind": object_of, "metadata": {"name": name}, "subjects": [], "rules": [],
                    "roleRef": {"apiGroup": GROUP, "kind": "ClusterRole", "name": name},
                }))
            };
            for name in ["system:kube-scheduler", "system:volume-scheduler"] {
                match object_of {
                    "ClusterRole" => rules.role_changed(&taken(name), false),
                    _ => rules.binding_changed(&taken(name), false),
                }
            }
            assert!(!may(), "{object_of}");
        }
    }

    #[test]
    fn stored_objects_count_and_the_policy_only_before_them() {
        let rules = Arc::new(StoredRules::default());
        rules.let_policy_stand_in();
        let rbac = Rbac::new(rules.clone());
        let dev = UserInfo::new("dev", &[]);
        let may = |user: &UserInfo, group: &str, resource: &str| {
            let asked = AuthzAttributes {
                namespace: "ns",
                ..AuthzAttributes::resource(user, "list", group, resource)
            };
            rbac.authorize(&asked).is_allowed()
        };
        let scheduler = crate::identity::scheduler();
        assert!(may(&scheduler, "", "pods") && !may(&dev, "", "pods"));

        let role = object(json!({
            "kind": "Role", "metadata": {"namespace": "ns", "name": "reader"},
            "rules": [{"verbs": ["list"], "apiGroups": [""], "resources": ["pods"]}],
        }));
        let binding = |kind: &str| {
            object(json!({
                "kind": "RoleBinding", "metadata": {"namespace": "ns", "name": "readers"},
                "roleRef": {"apiGroup": GROUP, "kind": kind, "name": "reader"},
                "subjects": [
                    {"kind": "Martian", "name": "x"},
                    {"kind": "User", "apiGroup": GROUP, "name": "dev"},
                ],
            }))
        };
        rules.role_changed(&role, false);
        rules.binding_changed(&binding("Role"), false);
        assert!(may(&dev, "", "pods") && !may(&dev, "", "secrets"));
        rules.set_stand_in(None);
        assert!(may(&dev, "", "pods") && !may(&scheduler, "", "pods"));

        rules.binding_changed(&binding("ClusterRole"), false);
        assert!(!may(&dev, "", "pods"));
        rules.binding_changed(&binding("Role"), false);
        rules.role_changed(&role, true);
        assert!(!may(&dev, "", "pods"));
        rules.role_changed(&role, false);
        assert!(may(&dev, "", "pods"));
        rules.binding_changed(&binding("Role"), true);
        assert!(!may(&dev, "", "pods"));
    }
}
