//! Roles and bindings, found by their names and by whom they are for.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use apimachinery::UserInfo;

use super::{Binding, Role, RuleSource, SubjectKey};

/// Namespace (empty at the cluster scope) and name.
type Key = (String, String);

/// A lookup costs as much as the user has groups and bindings, however many there are of others.
#[derive(Debug, Default)]
pub(crate) struct RuleTable {
    roles: HashMap<Key, Arc<Role>>,
    bindings: HashMap<Key, Arc<Binding>>,
    /// Per namespace and subject, by the binding's name.
    by_subject: HashMap<(String, SubjectKey), BTreeMap<String, Arc<Binding>>>,
}

impl RuleTable {
    pub(crate) fn put_role(&mut self, role: Role) {
        let key = (role.namespace.clone(), role.name.clone());
        self.roles.insert(key, Arc::new(role));
    }

    pub(crate) fn remove_role(&mut self, namespace: &str, name: &str) {
        self.roles.remove(&(namespace.to_owned(), name.to_owned()));
    }

    pub(crate) fn put_binding(&mut self, binding: Binding) {
        self.remove_binding(&binding.namespace, &binding.name);
        let binding = Arc::new(binding);
        for subject in &binding.subjects {
            let key = (binding.namespace.clone(), subject.key(&binding));
            let list = self.by_subject.entry(key).or_default();
            list.insert(binding.name.clone(), binding.clone());
        }
        let key = (binding.namespace.clone(), binding.name.clone());
        self.bindings.insert(key, binding);
    }

    pub(crate) fn remove_binding(&mut self, namespace: &str, name: &str) {
        let key = (namespace.to_owned(), name.to_owned());
        let Some(binding) = self.bindings.remove(&key) else {
            return;
        };
        for subject in &binding.subjects {
            let key = (namespace.to_owned(), subject.key(&binding));
            if let Some(list) = self.by_subject.get_mut(&key) {
                list.remove(name);
                if list.is_empty() {
                    self.by_subject.remove(&key);
                }
            }
        }
    }

    pub(crate) fn has_binding(&self, namespace: &str, name: &str) -> bool {
        let key = (namespace.to_owned(), name.to_owned());
        self.bindings.contains_key(&key)
    }

    #[cfg(test)]
    pub(crate) fn all_bindings(&self) -> impl Iterator<Item = &Arc<Binding>> {
        self.bindings.values()
    }
}

impl RuleSource for RuleTable {
    fn bindings(&self, namespace: &str, user: &UserInfo) -> Vec<Arc<Binding>> {
        let groups = user.groups.iter().cloned().map(SubjectKey::Group);
        let keys = std::iter::once(SubjectKey::User(user.name.clone())).chain(groups);
        let mut found = Vec::new();
        for key in keys {
            let list = self.by_subject.get(&(namespace.to_owned(), key));
            found.extend(list.into_iter().flat_map(|list| list.values().cloned()));
        }
        found.sort_by(|one, other| one.name.cmp(&other.name));
        // One binding may name the user in several ways.
        found.dedup_by(|one, other| Arc::ptr_eq(one, other));
        found
    }

    fn role(&self, namespace: &str, name: &str) -> Option<Arc<Role>> {
        let key = (namespace.to_owned(), name.to_owned());
        self.roles.get(&key).cloned()
    }
}
