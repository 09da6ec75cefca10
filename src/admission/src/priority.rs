//! A pod's priority comes from its class, never from the pod.

use apimachinery::admission::{Attributes, Operation, Plugin};
use apimachinery::{Object, StatusError};
use futures::future::BoxFuture;

use crate::request::{creates_pod, forbidden, is_pod, text};

/// The classes every cluster has; those that users make come with their kind's informer.
const BUILT_IN: [(&str, i64); 2] = [
    ("system-cluster-critical", 2_000_000_000),
    ("system-node-critical", 2_000_001_000),
];
/// Of a pod without a class.
const DEFAULT_PRIORITY: i64 = 0;
/// Of every class above, and of a pod without a class.
const POLICY: &str = "PreemptLowerPriority";

/// See the module.
#[derive(Clone, Copy, Debug)]
pub struct Priority;

impl Plugin for Priority {
    fn name(&self) -> &'static str {
        "Priority"
    }

    fn mutate<'a>(
        &'a self,
        attributes: &'a Attributes<'a>,
        pod: &'a mut Object,
    ) -> BoxFuture<'a, Result<(), StatusError>> {
        let answer = if creates_pod(attributes) {
            set(attributes, pod)
        } else {
            if attributes.operation == Operation::Update && is_pod(attributes) {
                keep(attributes, pod);
            }
            Ok(())
        };
        Box::pin(std::future::ready(answer))
    }
}

fn set(attributes: &Attributes<'_>, pod: &mut Object) -> Result<(), StatusError> {
    let class = text(pod, "/spec/priorityClassName");
    let priority = match class {
        "" => DEFAULT_PRIORITY,
        class => BUILT_IN
            .iter()
            .find(|(name, _)| *name == class)
            .map(|(_, value)| *value)
            .ok_or_else(|| {
                let why = format!("no PriorityClass with name {class} was found");
                forbidden(attributes, &why)
            })?,
    };
    let given = pod.at("/spec/priority").and_then(|value| value.as_i64());
    if let Some(given) = given.filter(|given| *given != priority) {
        let why = format!(
            "the integer value of priority ({given}) must not be provided in pod spec; priority \
             admission controller computed {priority} from the given PriorityClass name"
        );
        return Err(forbidden(attributes, &why));
    }
    let given = text(pod, "/spec/preemptionPolicy");
    if !["", POLICY].contains(&given) {
        let why = format!(
            "the string value of PreemptionPolicy ({given}) must not be provided in pod spec; \
             priority admission controller computed {POLICY} from the given PriorityClass name"
        );
        return Err(forbidden(attributes, &why));
    }
    let spec = pod.map_mut("spec");
    spec.insert("priority".into(), priority.into());
    spec.insert("preemptionPolicy".into(), POLICY.into());
    Ok(())
}

/// An update by a client that does not know the fields keeps them.
fn keep(attributes: &Attributes<'_>, pod: &mut Object) {
    for field in ["priority", "preemptionPolicy"] {
        let pointer = format!("/spec/{field}");
        let missing = pod.at(&pointer).is_none_or(|value| value.is_null());
        let old = attributes.old.and_then(|old| old.at(&pointer));
        if let (true, Some(old)) = (missing, old) {
            pod.map_mut("spec").insert(field.into(), old.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Request;
    use serde_json::{Value, json};

    fn create() -> Request {
        Request::create("pods", "ns", "web")
    }

    #[tokio::test]
    async fn classes_give_priorities() {
        let given = |class: &str, priority: i64| {
            let mut spec = json!({"priority": priority, "preemptionPolicy": POLICY});
            if !class.is_empty() {
                spec["priorityClassName"] = class.into();
            }
            spec
        };
        let old = || json!({"spec": {"priority": 7, "preemptionPolicy": "Never"}});
        let update = || create().update(old());
        let node = "system-node-critical";
        let rows = [
            (create(), json!({}), given("", 0)),
            (
                create(),
                json!({"priority": 0, "preemptionPolicy": POLICY}),
                given("", 0),
            ),
            (
                create(),
                json!({"priorityClassName": node}),
                given(node, 2_000_001_000),
            ),
            (
                create(),
                json!({"priorityClassName": "system-cluster-critical", "priority": 2_000_000_000}),
                given("system-cluster-critical", 2_000_000_000),
            ),
            (update(), json!({}), old()["spec"].clone()),
            (
                update(),
                json!({"priority": 9, "preemptionPolicy": null}),
                json!({"priority": 9, "preemptionPolicy": "Never"}),
            ),
            (update().subresource("status"), json!({}), json!({})),
            (Request::create("jobs", "ns", "web"), json!({}), json!({})),
        ];
        for (number, (request, before, after)) in rows.into_iter().enumerate() {
            let answer = request.run(&Priority, json!({"spec": before})).await;
            let answer: Value = serde_json::from_str(&answer).expect("admitted");
            assert_eq!(answer, json!({"spec": after}), "row {number}");
        }
    }

    #[tokio::test]
    async fn refusals_read_as_upstreams() {
        let rows = [
            (
                json!({"priorityClassName": "high"}),
                "no PriorityClass with name high was found",
            ),
            (
                json!({"priority": 5}),
                "the integer value of priority (5) must not be provided in pod spec; priority \
                 admission controller computed 0 from the given PriorityClass name",
            ),
            (
                json!({"preemptionPolicy": "Never"}),
                "the string value of PreemptionPolicy (Never) must not be provided in pod spec; \
                 priority admission controller computed PreemptLowerPriority from the given \
                 PriorityClass name",
            ),
        ];
        for (spec, why) in rows {
            let answer = create().run(&Priority, json!({"spec": spec})).await;
            assert_eq!(answer, format!("403 pods \"web\" is forbidden: {why}"));
        }
    }
}
