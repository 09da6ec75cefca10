//! The RBAC objects of a fresh cluster: upstream's, and a few of our own (named `rk3s:`).
//!
//! They are data (`data/*.json`); [`BootstrapPolicy`] answers from them, [`objects`] gives them
//! as API objects for the store.

mod file;
mod objects;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::rbac::{Binding, Role, RuleSource};
use crate::rule::Rule;
use file::{ClusterRole, File};

pub use objects::objects;

/// A [`RuleSource`] over the embedded objects alone, aggregated roles filled in.
pub struct BootstrapPolicy {
    cluster_role_bindings: Arc<[Binding]>,
    role_bindings: HashMap<String, Arc<[Binding]>>,
    cluster_roles: HashMap<String, Arc<Role>>,
    roles: HashMap<(String, String), Arc<Role>>,
    nowhere: Arc<[Binding]>,
}

impl BootstrapPolicy {
    /// Reads the embedded files.
    #[must_use]
    pub fn load() -> Self {
        let file = File::embedded();
        let cluster_roles = aggregated(&file.all_cluster_roles());
        let roles = file.roles.iter().map(|role| {
            let key = (role.namespace.clone(), role.name.clone());
            let rules = role.rules.clone();
            (key.clone(), Arc::new(named(key, rules)))
        });
        let mut role_bindings = HashMap::<_, Vec<_>>::new();
        for binding in file.all_role_bindings() {
            let list = role_bindings.entry(binding.namespace.clone());
            list.or_default().push(binding);
        }
        Self {
            cluster_role_bindings: file.all_cluster_role_bindings().into(),
            role_bindings: role_bindings
                .into_iter()
                .map(|(namespace, list)| (namespace, list.into()))
                .collect(),
            cluster_roles: cluster_roles
                .into_iter()
                .map(|(name, rules)| (name.clone(), named((String::new(), name), rules).into()))
                .collect(),
            roles: roles.collect(),
            nowhere: Arc::new([]),
        }
    }
}

fn named((namespace, name): (String, String), rules: Vec<Rule>) -> Role {
    Role {
        namespace,
        name,
        rules,
    }
}

/// Rules by role. A role that aggregates has the rules of all roles with its label, some of which
/// aggregate too, until nothing changes any more.
fn aggregated(roles: &[ClusterRole]) -> BTreeMap<String, Vec<Rule>> {
    let mut rules: BTreeMap<_, _> = roles
        .iter()
        .map(|role| (role.name.clone(), role.rules.clone()))
        .collect();
    loop {
        let mut changed = false;
        for role in roles.iter().filter(|role| role.aggregates()) {
            let sources = roles.iter().filter(|source| role.selects(source));
            let mut sum: Vec<Rule> = Vec::new();
            for rule in sources.flat_map(|source| &rules[&source.name]) {
                if !sum.contains(rule) {
                    sum.push(rule.clone());
                }
            }
            changed |= rules[&role.name] != sum;
            rules.insert(role.name.clone(), sum);
        }
        if !changed {
            return rules;
        }
    }
}

impl RuleSource for BootstrapPolicy {
    fn cluster_role_bindings(&self) -> Arc<[Binding]> {
        self.cluster_role_bindings.clone()
    }

    fn role_bindings(&self, namespace: &str) -> Arc<[Binding]> {
        let there = self.role_bindings.get(namespace);
        there.unwrap_or(&self.nowhere).clone()
    }

    fn cluster_role(&self, name: &str) -> Option<Arc<Role>> {
        self.cluster_roles.get(name).cloned()
    }

    fn role(&self, namespace: &str, name: &str) -> Option<Arc<Role>> {
        let key = (namespace.to_owned(), name.to_owned());
        self.roles.get(&key).cloned()
    }
}

/// The rules of the ClusterRole `system:node`, which the Node authorizer applies.
pub(crate) fn node_rules() -> Vec<Rule> {
    let roles = File::embedded().cluster_roles;
    let node = roles.into_iter().find(|role| role.name == "system:node");
    node.expect("a test reads the embedded files").rules
}

#[cfg(test)]
mod tests;
