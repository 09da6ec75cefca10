//! What a quota's status should say: pure functions.

use std::time::Duration;

use api::quota::{self, Scope};
use api::requests::{self, ResourceList};
use apimachinery::{Encoded, GroupResource, Object, Quantity};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

/// Resources whose limits have a count, served or not: none of what is not served is used.
const ALWAYS_COUNTED: [GroupResource; 7] = [
    GroupResource::new("", "configmaps"),
    GroupResource::new("", "persistentvolumeclaims"),
    GroupResource::new("", "pods"),
    GroupResource::new("", "replicationcontrollers"),
    GroupResource::new("", "resourcequotas"),
    GroupResource::new("", "secrets"),
    GroupResource::new("", "services"),
];

/// A count that is under way.
pub(super) struct Count {
    hard: ResourceList,
    scopes: Vec<Scope>,
    used: ResourceList,
    now: Timestamp,
    /// When a pod that is being deleted stops to count.
    again: Option<Timestamp>,
}

impl Count {
    pub(super) fn new(quota: &Object, now: Timestamp) -> Self {
        let hard = quota::list(quota.at("/spec/hard"));
        let known = |name: &&String| ALWAYS_COUNTED.iter().any(|of| quota::counts(of, name));
        let used = hard.keys().filter(known);
        Self {
            used: used
                .map(|name| (name.clone(), Quantity::default()))
                .collect(),
            hard,
            scopes: quota::scopes(quota),
            now,
            again: None,
        }
    }

    /// Whether objects of the resource must be looked at; what they use begins at zero.
    pub(super) fn begin(&mut self, resource: &GroupResource) -> bool {
        let names = self.hard.keys();
        let counted = names.filter(|name| quota::counts(resource, name));
        let mut is_counted = false;
        for name in counted {
            is_counted = true;
            self.used.entry(name.clone()).or_default();
        }
        is_counted
    }

    pub(super) fn add(&mut self, resource: &GroupResource, object: &Object) {
        if !quota::in_scope(resource, object, &self.scopes) {
            return;
        }
        let mut usage = quota::usage(resource, object, self.now);
        usage.retain(|name, _| self.used.contains_key(name));
        requests::add(&mut self.used, &usage);
        let end = quota::overstays_at(resource, object);
        let end = end.filter(|end| *end >= self.now);
        self.again = self.again.into_iter().chain(end).min();
    }

    /// How long until the count changes by itself.
    pub(super) fn again(&self) -> Option<Duration> {
        let end = self.again?.duration_since(self.now);
        // A second later it is over for sure.
        let end = end.saturating_add(SignedDuration::from_secs(1));
        Some(Duration::try_from(end).unwrap_or_default())
    }

    /// The quota as it should be; `None` when it is. Usage that nothing here counts stays.
    pub(super) fn status(self, quota: &Object) -> Option<Object> {
        let mut used = quota::list(quota.at("/status/used"));
        used.extend(self.used);
        used.retain(|name, _| self.hard.contains_key(name));
        let right = |pointer, list: &ResourceList| {
            let found = quota.at(pointer).filter(|found| found.is_object());
            found.is_some_and(|found| quota::list(Some(found)) == *list)
        };
        if right("/status/hard", &self.hard) && right("/status/used", &used) {
            return None;
        }
        let mut counted = quota.clone();
        let status = counted.map_mut("status");
        status.insert("hard".into(), quota::print(&self.hard));
        status.insert("used".into(), quota::print(&used));
        Some(counted)
    }
}

/// Whether a quota's change calls for a count: of its limits, or of what is enforced. The latter
/// is the loop's own write; objects that came while it counted were not charged yet.
pub(super) fn is_recounted(old: &Encoded, new: &Encoded) -> bool {
    let parts = |quota: &Encoded| {
        let quota = quota.to_object().ok()?;
        let part = |pointer| quota.at(pointer).cloned().unwrap_or(Value::Null);
        Some([part("/spec"), part("/status/hard")])
    };
    parts(old) != parts(new)
}

/// Whether a quota has a limit that counts the resource.
pub(super) fn counts(quota: &Object, resource: &GroupResource) -> bool {
    let hard = quota.at("/spec/hard").and_then(Value::as_object);
    let mut names = hard.into_iter().flatten();
    names.any(|(name, _)| quota::counts(resource, name))
}

/// Whether an object costs less than before, or something else by another scope.
pub(super) fn shrinks(
    resource: &GroupResource,
    old: &Encoded,
    new: &Encoded,
    now: Timestamp,
) -> bool {
    // What does not decode costs what it did.
    let (Ok(old), Ok(new)) = (old.to_object(), new.to_object()) else {
        return false;
    };
    let before = quota::usage(resource, &old, now);
    let after = quota::usage(resource, &new, now);
    let scoped = |object: &Object| object.at("/spec/activeDeadlineSeconds").cloned();
    let leaving = |object: &Object| object.deletion_timestamp();
    let less = before
        .iter()
        .any(|(name, amount)| after.get(name).is_none_or(|after| after < amount));
    less || scoped(&old) != scoped(&new) || leaving(&old) != leaving(&new)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object(value: Value) -> Object {
        Object::from_value(value).expect("an object")
    }

    const PODS: GroupResource = GroupResource::new("", "pods");

    #[test]
    fn what_is_not_served_is_not_used() {
        let now: Timestamp = "2026-01-01T00:00:00Z".parse().expect("a time");
        let hard = json!({"replicationcontrollers": "2", "count/widgets.example.com": "1"});
        let quota = object(json!({"metadata": {"name": "q"}, "spec": {"hard": hard}}));
        let status = Count::new(&quota, now).status(&quota).expect("new");
        assert_eq!(
            status.at("/status/used"),
            Some(&json!({"replicationcontrollers": "0"}))
        );
    }

    #[test]
    fn a_count_says_what_is_there() {
        let now: Timestamp = "2026-01-01T00:00:00Z".parse().expect("a time");
        let quota = |scopes: Value, status: Value| {
            object(json!({"metadata": {"name": "q"}, "status": status,
                "spec": {"hard": {"pods": "4", "count/widgets.example.com": "1"}, "scopes": scopes}}))
        };
        let running = object(json!({"spec": {"containers": []}}));
        let ended = object(json!({"spec": {"containers": []}, "status": {"phase": "Succeeded"}}));
        let leaving = object(
            json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:10Z",
            "deletionGracePeriodSeconds": 30}, "spec": {"containers": []}}),
        );
        let hard = json!({"pods": "4", "count/widgets.example.com": "1"});
        let right = json!({"hard": hard, "used": {"pods": "2", "count/widgets.example.com": "7"}});
        let rows = [
            (
                json!([]),
                json!(null),
                Some(json!({"hard": hard, "used": {"pods": "2"}})),
            ),
            (
                json!([]),
                json!({"used": {"count/widgets.example.com": "7", "secrets": "1"}}),
                Some(right.clone()),
            ),
            (json!([]), right, None),
            (
                json!(["Terminating"]),
                json!(null),
                Some(json!({"hard": hard, "used": {"pods": "0"}})),
            ),
        ];
        for (scopes, status, expected) in rows {
            let quota = quota(scopes, status);
            let mut count = Count::new(&quota, now);
            assert!(count.begin(&PODS) && !count.begin(&GroupResource::new("", "services")));
            for pod in [&running, &ended, &leaving] {
                count.add(&PODS, pod);
            }
            let scoped = !count.scopes.is_empty();
            let again = (!scoped).then(|| Duration::from_secs(41));
            assert_eq!(count.again(), again);
            let status = count.status(&quota).map(|quota| quota["status"].clone());
            assert_eq!(status, expected);
        }
    }
}
