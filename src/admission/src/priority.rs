//! A pod's priority comes from its class, never from the pod.

use std::sync::Arc;

use apimachinery::admission::{Attributes, Operation, Pass, Plugin};
use apimachinery::{Object, StatusError};
use futures::future::BoxFuture;
use serde_json::Value;

use crate::request::{creates_pod, decoded, forbidden, is_about, is_pod, text};
use crate::sources::ObjectSource;

/// Of a pod without a class, in a cluster without a default.
const DEFAULT_PRIORITY: i64 = 0;
/// Of a class that does not say, and of a pod without one.
const POLICY: &str = "PreemptLowerPriority";
const GROUP: &str = "scheduling.k8s.io";

/// See the module. Also sees to it that one class at most is the default.
pub struct Priority(Arc<dyn ObjectSource>);

/// What a class gives its pods.
struct Class {
    name: String,
    value: i64,
    policy: String,
}

impl Class {
    fn of(class: &Object) -> Self {
        let policy = text(class, "/preemptionPolicy");
        Self {
            name: class.name().to_owned(),
            value: class.at("/value").and_then(Value::as_i64).unwrap_or(0),
            policy: if policy.is_empty() { POLICY } else { policy }.to_owned(),
        }
    }

    /// In a cluster without a default.
    fn none() -> Self {
        Self {
            name: String::new(),
            value: DEFAULT_PRIORITY,
            policy: POLICY.to_owned(),
        }
    }
}

impl Priority {
    #[must_use]
    pub fn new(objects: Arc<dyn ObjectSource>) -> Self {
        Self(objects)
    }

    /// The default class; the lowest, should there be several.
    async fn default_class(&self) -> Result<Option<Class>, StatusError> {
        let classes = self.0.list(GROUP, "PriorityClass", "").await?;
        let classes: Vec<Object> = classes.iter().map(decoded).collect::<Result<_, _>>()?;
        let defaults = classes.iter().filter(|class| is_default(class));
        Ok(defaults.map(Class::of).min_by_key(|class| class.value))
    }

    async fn class(&self, attributes: &Attributes<'_>, name: &str) -> Result<Class, StatusError> {
        if name.is_empty() {
            return Ok(self.default_class().await?.unwrap_or_else(Class::none));
        }
        let found = self.0.get(GROUP, "PriorityClass", "", name).await?;
        found.as_ref().map(Class::of).ok_or_else(|| {
            let why = format!("no PriorityClass with name {name} was found");
            forbidden(attributes, &why)
        })
    }
}

fn is_default(class: &Object) -> bool {
    class.at("/globalDefault") == Some(&Value::Bool(true))
}

impl Plugin for Priority {
    fn name(&self) -> &'static str {
        "Priority"
    }

    fn handles(&self, _pass: Pass, operation: Operation) -> bool {
        matches!(operation, Operation::Create | Operation::Update)
    }

    fn mutate<'a>(
        &'a self,
        attributes: &'a Attributes<'a>,
        pod: &'a mut Object,
    ) -> BoxFuture<'a, Result<(), StatusError>> {
        Box::pin(async move {
            if creates_pod(attributes) {
                let class = self.class(attributes, text(pod, "/spec/priorityClassName"));
                let class = class.await?;
                return set(&class, pod).map_err(|why| forbidden(attributes, &why));
            }
            if is_pod(attributes) {
                keep(attributes, pod);
            }
            Ok(())
        })
    }

    fn validate<'a>(
        &'a self,
        attributes: &'a Attributes<'a>,
        class: Option<&'a Object>,
    ) -> BoxFuture<'a, Result<(), StatusError>> {
        Box::pin(async move {
            let about = is_about(attributes, GROUP, "priorityclasses");
            let Some(class) = class.filter(|class| about && is_default(class)) else {
                return Ok(());
            };
            let other = self.default_class().await?;
            let creates = attributes.operation == Operation::Create;
            match other.filter(|other| creates || other.name != class.name()) {
                Some(other) => {
                    let why = format!(
                        "PriorityClass {} is already marked as default. Only one default can \
                         exist",
                        other.name
                    );
                    Err(forbidden(attributes, &why))
                }
                None => Ok(()),
            }
        })
    }
}

/// Gives the pod what its class says; the error says why it cannot be.
fn set(class: &Class, pod: &mut Object) -> Result<(), String> {
    let Class {
        name,
        value: priority,
        policy,
    } = class;
    let given = pod.at("/spec/priority").and_then(Value::as_i64);
    if let Some(given) = given.filter(|given| given != priority) {
        return Err(format!(
            "the integer value of priority ({given}) must not be provided in pod spec; priority \
             admission controller computed {priority} from the given PriorityClass name"
        ));
    }
    let given = text(pod, "/spec/preemptionPolicy");
    if !["", policy].contains(&given) {
        return Err(format!(
            "the string value of PreemptionPolicy ({given}) must not be provided in pod spec; \
             priority admission controller computed {policy} from the given PriorityClass name"
        ));
    }
    let spec = pod.map_mut("spec");
    if !name.is_empty() {
        spec.insert("priorityClassName".into(), name.as_str().into());
    }
    spec.insert("priority".into(), (*priority).into());
    spec.insert("preemptionPolicy".into(), policy.as_str().into());
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
    use crate::testing::{Cluster, Request};
    use serde_json::json;

    fn class(name: &str, value: i64, rest: Value) -> Value {
        let mut class = json!({"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass",
            "metadata": {"name": name}, "value": value});
        for (key, value) in rest.as_object().expect("an object") {
            class[key] = value.clone();
        }
        class
    }

    /// Over a cluster with its own classes, and with a default if wished.
    fn plugin(default: bool) -> Priority {
        let mut classes = vec![
            class("system-node-critical", 2_000_001_000, json!({})),
            class("patient", 5, json!({"preemptionPolicy": "Never"})),
        ];
        if default {
            classes.push(class("usual", 9, json!({"globalDefault": true})));
        }
        Priority::new(Arc::new(Cluster::of(classes)))
    }

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
                json!({"priorityClassName": "patient", "priority": 5}),
                json!({"priorityClassName": "patient", "priority": 5, "preemptionPolicy": "Never"}),
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
            let answer = request.run(&plugin(false), json!({"spec": before})).await;
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
            let answer = create().run(&plugin(false), json!({"spec": spec})).await;
            assert_eq!(answer, format!("403 pods \"web\" is forbidden: {why}"));
        }
    }
    #[tokio::test]
    async fn one_class_is_the_default() {
        let answer = create().run(&plugin(true), json!({"spec": {}})).await;
        let answer: Value = serde_json::from_str(&answer).expect("admitted");
        let expected =
            json!({"priorityClassName": "usual", "priority": 9, "preemptionPolicy": POLICY});
        assert_eq!(answer["spec"], expected);

        let classes =
            |name: &'static str| Request::create("priorityclasses", "", name).group(GROUP);
        let default = |name: &str| class(name, 1, json!({"globalDefault": true}));
        let taken = |name: &str| {
            format!(
                "403 priorityclasses.scheduling.k8s.io {name:?} is forbidden: PriorityClass usual \
                 is already marked as default. Only one default can exist"
            )
        };
        let rows = [
            (classes("new"), default("new"), taken("new")),
            (
                classes("new").update(json!({})),
                default("new"),
                taken("new"),
            ),
            (
                classes("usual").update(json!({})),
                default("usual"),
                String::new(),
            ),
            (classes("new"), class("new", 1, json!({})), String::new()),
        ];
        for (request, object, expected) in rows {
            let answer = request.run(&plugin(true), object).await;
            let refusal = if answer.starts_with("403") {
                answer
            } else {
                String::new()
            };
            assert_eq!(refusal, expected);
        }
    }
}
