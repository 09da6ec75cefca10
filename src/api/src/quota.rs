//! What objects cost a namespace, and whether its ResourceQuotas allow it.
//!
//! Entry points: [`charge`], the decision about one write, and [`usage`], the cost of one object.
//! All of it is pure: the API server charges in the transaction of the write, the controller
//! counts anew what is there.

mod charge;
mod objects;
mod pods;
mod scopes;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use apimachinery::{GroupResource, Object};
use jiff::Timestamp;
use serde_json::Value;

use crate::requests::ResourceList;

pub use charge::{Write, charge, is_charged};
pub use scopes::{Scope, scopes};

/// A ResourceQuota as far as a decision needs it.
#[derive(Clone, Debug)]
pub struct Quota {
    pub name: String,
    /// All must match.
    pub scopes: Vec<Scope>,
    /// `status.hard`: what the controller has begun to count. A limit that is only in the spec
    /// is not enforced yet.
    pub hard: ResourceList,
    /// `status.used`.
    pub used: ResourceList,
}

impl Quota {
    #[must_use]
    pub fn of(quota: &Object) -> Self {
        Self {
            name: quota.name().to_owned(),
            scopes: scopes(quota),
            hard: list(quota.at("/status/hard")),
            used: list(quota.at("/status/used")),
        }
    }
}

/// Quantities by name, from JSON; what does not parse was refused by validation.
#[must_use]
pub fn list(value: Option<&Value>) -> ResourceList {
    let entries = value.and_then(Value::as_object).into_iter().flatten();
    entries
        .filter_map(|(name, text)| Some((name.clone(), text.as_str()?.parse().ok()?)))
        .collect()
}

/// Quantities by name, as JSON.
#[must_use]
pub fn print(list: &ResourceList) -> Value {
    let texts: BTreeMap<&str, String> = list
        .iter()
        .map(|(name, amount)| (name.as_str(), amount.to_string()))
        .collect();
    texts.into_iter().collect()
}

/// Whether a quota's limit of this name counts objects of the resource. Limits that no resource
/// counts are never enforced.
#[must_use]
pub fn counts(resource: &GroupResource, name: &str) -> bool {
    match core(resource) {
        // There are too many, and they go by themselves.
        "events" => false,
        "pods" => pods::counts(name),
        "services" => objects::counts_service(name),
        "persistentvolumeclaims" => objects::counts_claim(name),
        _ => objects::counts_object(resource, name),
    }
}

/// Whether an object's cost changes while it lives.
#[must_use]
pub fn varies(resource: &GroupResource) -> bool {
    ["pods", "services", "persistentvolumeclaims"].contains(&core(resource))
}

/// When a pod that is being deleted ceases to hold what it asked for, even if it does not go.
#[must_use]
pub fn overstays_at(resource: &GroupResource, object: &Object) -> Option<Timestamp> {
    let ends = core(resource) == "pods" && object.deletion_timestamp().is_some();
    ends.then(|| pods::overstays_at(object))?
}

/// What an object costs, by the names of limits. `now` tells whether a pod has overstayed its
/// deletion.
#[must_use]
pub fn usage(resource: &GroupResource, object: &Object, now: Timestamp) -> ResourceList {
    match core(resource) {
        "pods" => pods::usage(object, now),
        "services" => objects::service_usage(object),
        "persistentvolumeclaims" => objects::claim_usage(object),
        _ => objects::object_usage(resource),
    }
}

/// Whether an object is of those that a quota with these scopes counts. Only pods and claims have
/// scopes; a quota with one counts nothing else.
#[must_use]
pub fn in_scope(resource: &GroupResource, object: &Object, scopes: &[Scope]) -> bool {
    if scopes.is_empty() {
        return true;
    }
    match core(resource) {
        "pods" => scopes::matches_pod(object, scopes),
        "persistentvolumeclaims" => scopes.iter().all(|scope| scope.matches_claim(object)),
        _ => false,
    }
}

/// The name of a resource of the core group; empty for others.
fn core(resource: &GroupResource) -> &str {
    if resource.group.is_empty() {
        &resource.resource
    } else {
        ""
    }
}
