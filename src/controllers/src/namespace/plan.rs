//! What a namespace that is being deleted says about its content: pure functions.

use std::collections::BTreeMap;
use std::time::Duration;

use api::core::NamespaceCondition;
use api::{Namespace, time};
use apimachinery::{GroupResource, Object};
use jiff::Timestamp;
use serde_json::Value;

/// How long content with finalizers is given before the next look, should no event come before.
const FINALIZER_PATIENCE: u64 = 15;

/// What is left of one resource.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Remains {
    count: usize,
    /// How many objects each finalizer holds.
    finalizers: BTreeMap<String, usize>,
    /// The longest time a pod may still take to end.
    grace: u64,
}

impl Remains {
    pub(super) fn of(objects: &[Object]) -> Self {
        let mut remains = Self {
            count: objects.len(),
            ..Self::default()
        };
        for object in objects {
            for finalizer in object.finalizers() {
                *remains.finalizers.entry(finalizer.to_owned()).or_default() += 1;
            }
            let grace = object.at("/metadata/deletionGracePeriodSeconds");
            let grace = grace.and_then(Value::as_u64).unwrap_or(0);
            remains.grace = remains.grace.max(grace);
        }
        remains
    }
}

/// What came of one pass over the content.
#[derive(Debug, Default)]
pub(super) struct Pass {
    remains: BTreeMap<String, Remains>,
    errors: Vec<String>,
}

impl Pass {
    pub(super) fn found(&mut self, resource: &GroupResource, remains: Remains) {
        if remains.count > 0 {
            // As upstream writes it: the core group leaves a dot.
            let name = format!("{}.{}", resource.resource, resource.group);
            self.remains.insert(name, remains);
        }
    }

    pub(super) fn failed(&mut self, error: String) {
        self.errors.push(error);
    }

    /// Whether nothing is left for sure.
    pub(super) fn is_clean(&self) -> bool {
        self.remains.is_empty() && self.errors.is_empty()
    }

    /// When to look again, should no event come before: half of what the content may take.
    pub(super) fn patience(&self) -> Duration {
        let wait = |remains: &Remains| match remains.grace {
            0 => FINALIZER_PATIENCE,
            grace => grace,
        };
        let longest = self.remains.values().map(wait).max();
        Duration::from_secs(longest.unwrap_or(0) / 2 + 1)
    }

    pub(super) fn errors(&self) -> Option<String> {
        (!self.errors.is_empty()).then(|| self.errors.join(", "))
    }

    /// The namespace with the phase and the conditions that say all this.
    pub(super) fn status(&self, namespace: &Namespace, now: Timestamp) -> Namespace {
        let mut after = namespace.clone();
        let status = after.status.get_or_insert_default();
        status.phase = Some("Terminating".to_owned());
        for said in self.conditions() {
            let condition = NamespaceCondition {
                type_: said.type_.to_owned(),
                status: if said.trouble { "True" } else { "False" }.to_owned(),
                reason: Some(said.reason.to_owned()),
                message: Some(said.message),
                last_transition_time: Some(time::seconds(now)),
            };
            api::set_condition(&mut status.conditions, condition);
        }
        after
    }

    fn conditions(&self) -> [Said; 5] {
        [
            Said::fine(
                "NamespaceDeletionDiscoveryFailure",
                "ResourcesDiscovered",
                "All resources successfully discovered",
            ),
            Said::fine(
                "NamespaceDeletionGroupVersionParsingFailure",
                "ParsedGroupVersions",
                "All legacy kube types successfully parsed",
            ),
            self.failure(),
            self.content(),
            self.finalizers(),
        ]
    }

    fn failure(&self) -> Said {
        let type_ = "NamespaceDeletionContentFailure";
        let Some(errors) = self.errors() else {
            let message = "All content successfully deleted, may be waiting on finalization";
            return Said::fine(type_, "ContentDeleted", message);
        };
        let count = self.errors.len();
        let message = format!("Failed to delete all resource types, {count} remaining: {errors}");
        Said::trouble(type_, "ContentDeletionFailed", message)
    }

    fn content(&self) -> Said {
        let type_ = "NamespaceContentRemaining";
        if self.remains.is_empty() {
            return Said::fine(type_, "ContentRemoved", "All content successfully removed");
        }
        let remains = self.remains.iter();
        let parts = remains.map(|(name, r)| format!("{name} has {} resource instances", r.count));
        let parts = parts.collect::<Vec<_>>().join(", ");
        let message = format!("Some resources are remaining: {parts}");
        Said::trouble(type_, "SomeResourcesRemain", message)
    }

    fn finalizers(&self) -> Said {
        let type_ = "NamespaceFinalizersRemaining";
        let mut finalizers: BTreeMap<&str, usize> = BTreeMap::new();
        for (name, count) in self.remains.values().flat_map(|r| &r.finalizers) {
            *finalizers.entry(name).or_default() += count;
        }
        if finalizers.is_empty() {
            let message = "All content-preserving finalizers finished";
            return Said::fine(type_, "ContentHasNoFinalizers", message);
        }
        let parts = finalizers.iter();
        let parts = parts.map(|(name, count)| format!("{name} in {count} resource instances"));
        let parts = parts.collect::<Vec<_>>().join(", ");
        let message = format!("Some content in the namespace has finalizers remaining: {parts}");
        Said::trouble(type_, "SomeFinalizersRemain", message)
    }
}

struct Said {
    type_: &'static str,
    trouble: bool,
    reason: &'static str,
    message: String,
}

impl Said {
    fn fine(type_: &'static str, reason: &'static str, message: &str) -> Self {
        Self {
            type_,
            trouble: false,
            reason,
            message: message.to_owned(),
        }
    }

    fn trouble(type_: &'static str, reason: &'static str, message: String) -> Self {
        Self {
            type_,
            trouble: true,
            reason,
            message,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};
    use serde_json::json;

    fn check(pass: &Pass, expected: &Expect) {
        let after = pass.status(&Namespace::default(), Timestamp::UNIX_EPOCH);
        let conditions = after.status.and_then(|s| s.conditions).unwrap_or_default();
        let line = |c: NamespaceCondition| {
            let text = |text: Option<String>| text.unwrap_or_default();
            let (reason, message) = (text(c.reason), text(c.message));
            format!("{}={} {reason}: {message}\n", c.type_, c.status)
        };
        let mut text: String = conditions.into_iter().map(line).collect();
        text.push_str(&format!(
            "clean {} again {:?}\n",
            pass.is_clean(),
            pass.patience()
        ));
        expected.assert_eq(&text);
    }

    fn objects(metadata: &[Value]) -> Vec<Object> {
        let objects = metadata.iter().map(|m| json!({"metadata": m}));
        objects.filter_map(Object::from_value).collect()
    }

    #[test]
    fn conditions_tell_what_is_left() {
        let mut pass = Pass::default();
        check(
            &pass,
            &expect![[r#"
            NamespaceDeletionDiscoveryFailure=False ResourcesDiscovered: All resources successfully discovered
            NamespaceDeletionGroupVersionParsingFailure=False ParsedGroupVersions: All legacy kube types successfully parsed
            NamespaceDeletionContentFailure=False ContentDeleted: All content successfully deleted, may be waiting on finalization
            NamespaceContentRemaining=False ContentRemoved: All content successfully removed
            NamespaceFinalizersRemaining=False ContentHasNoFinalizers: All content-preserving finalizers finished
            clean true again 1s
        "#]],
        );
        let pods = objects(&[
            json!({"deletionGracePeriodSeconds": 30, "finalizers": ["a/x", "b/y"]}),
            json!({"finalizers": ["a/x"]}),
        ]);
        pass.found(&GroupResource::new("", "pods"), Remains::of(&pods));
        pass.found(
            &GroupResource::new("apps", "daemonsets"),
            Remains::of(&pods[1..]),
        );
        pass.found(&GroupResource::new("", "secrets"), Remains::of(&[]));
        check(
            &pass,
            &expect![[r#"
            NamespaceDeletionDiscoveryFailure=False ResourcesDiscovered: All resources successfully discovered
            NamespaceDeletionGroupVersionParsingFailure=False ParsedGroupVersions: All legacy kube types successfully parsed
            NamespaceDeletionContentFailure=False ContentDeleted: All content successfully deleted, may be waiting on finalization
            NamespaceContentRemaining=True SomeResourcesRemain: Some resources are remaining: daemonsets.apps has 1 resource instances, pods. has 2 resource instances
            NamespaceFinalizersRemaining=True SomeFinalizersRemain: Some content in the namespace has finalizers remaining: a/x in 3 resource instances, b/y in 1 resource instances
            clean false again 16s
        "#]],
        );
        pass.failed("no secrets".to_owned());
        check(
            &pass,
            &expect![[r#"
            NamespaceDeletionDiscoveryFailure=False ResourcesDiscovered: All resources successfully discovered
            NamespaceDeletionGroupVersionParsingFailure=False ParsedGroupVersions: All legacy kube types successfully parsed
            NamespaceDeletionContentFailure=True ContentDeletionFailed: Failed to delete all resource types, 1 remaining: no secrets
            NamespaceContentRemaining=True SomeResourcesRemain: Some resources are remaining: daemonsets.apps has 1 resource instances, pods. has 2 resource instances
            NamespaceFinalizersRemaining=True SomeFinalizersRemain: Some content in the namespace has finalizers remaining: a/x in 3 resource instances, b/y in 1 resource instances
            clean false again 16s
        "#]],
        );
    }
}
