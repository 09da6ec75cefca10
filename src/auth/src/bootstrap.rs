//! The RBAC objects of a fresh cluster: upstream's, and a few of our own (named `rk3s:`).
//!
//! They are data (`data/*.json`); [`BootstrapPolicy`] answers from them, [`objects`] gives them
//! as API objects for the store.

mod file;
mod objects;
mod reconcile;

use std::collections::BTreeMap;
use std::sync::Arc;

use apimachinery::UserInfo;

use crate::rbac::{Binding, Role, RuleSource, RuleTable};
use crate::rule::Rule;
use file::{ClusterRole, File};

pub use objects::objects;
pub use reconcile::{RbacStore, reconcile};

/// A [`RuleSource`] over the embedded objects alone, aggregated roles filled in.
pub struct BootstrapPolicy(RuleTable);

impl BootstrapPolicy {
    /// Reads the embedded files.
    #[must_use]
    pub fn load() -> Self {
        let file = File::embedded();
        let mut table = RuleTable::default();
        for (name, rules) in aggregated(&file.all_cluster_roles()) {
            table.put_role(Role {
                namespace: String::new(),
                name,
                rules,
            });
        }
        for role in &file.roles {
            table.put_role(Role {
                namespace: role.namespace.clone(),
                name: role.name.clone(),
                rules: role.rules.clone(),
            });
        }
        let cluster = file.all_cluster_role_bindings();
        for binding in cluster.into_iter().chain(file.all_role_bindings()) {
            table.put_binding(binding);
        }
        Self(table)
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
    fn bindings(&self, namespace: &str, user: &UserInfo) -> Vec<Arc<Binding>> {
        self.0.bindings(namespace, user)
    }

    fn role(&self, namespace: &str, name: &str) -> Option<Arc<Role>> {
        self.0.role(namespace, name)
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
