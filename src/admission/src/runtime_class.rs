//! What a pod's runtime class says goes for the pod: its overhead, where it can run.

use std::collections::HashSet;
use std::sync::Arc;

use api::quota::list;
use apimachinery::admission::{Attributes, Operation, Pass, Plugin};
use apimachinery::{Object, StatusError};
use futures::future::BoxFuture;
use serde_json::{Map, Value};

use crate::request::{append, forbidden, is_pod, text};
use crate::sources::ObjectSource;

/// See the module.
pub struct RuntimeClass(Arc<dyn ObjectSource>);

const OTHER_OVERHEAD: &str =
    "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead";

impl RuntimeClass {
    #[must_use]
    pub fn new(objects: Arc<dyn ObjectSource>) -> Self {
        Self(objects)
    }

    /// The class that a pod names.
    async fn class(
        &self,
        attributes: &Attributes<'_>,
        pod: &Object,
    ) -> Result<Option<Object>, StatusError> {
        let name = text(pod, "/spec/runtimeClassName");
        if name.is_empty() {
            return Ok(None);
        }
        let found = self.0.get("node.k8s.io", "RuntimeClass", "", name).await?;
        if found.is_none() {
            let why = format!("pod rejected: RuntimeClass {name:?} not found");
            return Err(forbidden(attributes, &why));
        }
        Ok(found)
    }
}

impl Plugin for RuntimeClass {
    fn name(&self) -> &'static str {
        "RuntimeClass"
    }

    fn handles(&self, _pass: Pass, operation: Operation) -> bool {
        operation == Operation::Create
    }

    fn mutate<'a>(
        &'a self,
        attributes: &'a Attributes<'a>,
        pod: &'a mut Object,
    ) -> BoxFuture<'a, Result<(), StatusError>> {
        Box::pin(async move {
            if is_pod(attributes)
                && let Some(class) = self.class(attributes, pod).await?
            {
                let done = set_overhead(&class, pod).and_then(|()| set_scheduling(&class, pod));
                done.map_err(|why| forbidden(attributes, &why))?;
            }
            Ok(())
        })
    }

    fn validate<'a>(
        &'a self,
        attributes: &'a Attributes<'a>,
        pod: Option<&'a Object>,
    ) -> BoxFuture<'a, Result<(), StatusError>> {
        Box::pin(async move {
            let Some(pod) = pod.filter(|_| is_pod(attributes)) else {
                return Ok(());
            };
            let class = self.class(attributes, pod).await?;
            let given = list(pod.at("/spec/overhead"));
            match class
                .as_ref()
                .and_then(|class| class.at("/overhead/podFixed"))
            {
                Some(fixed) if list(Some(fixed)) != given => {
                    Err(forbidden(attributes, OTHER_OVERHEAD))
                }
                None if !given.is_empty() => Err(forbidden(
                    attributes,
                    "pod rejected: Pod Overhead set without corresponding RuntimeClass defined \
                     Overhead",
                )),
                _ => Ok(()),
            }
        })
    }
}

fn set_overhead(class: &Object, pod: &mut Object) -> Result<(), String> {
    let Some(fixed) = class.at("/overhead/podFixed") else {
        return Ok(());
    };
    let given = list(pod.at("/spec/overhead"));
    if !given.is_empty() && given != list(Some(fixed)) {
        return Err(OTHER_OVERHEAD.to_owned());
    }
    pod.map_mut("spec").insert("overhead".into(), fixed.clone());
    Ok(())
}

/// The class's node labels and tolerations join the pod's.
fn set_scheduling(class: &Object, pod: &mut Object) -> Result<(), String> {
    let wanted = class
        .at("/scheduling/nodeSelector")
        .and_then(Value::as_object);
    let spec = pod.map_mut("spec");
    if let Some(wanted) = wanted.filter(|wanted| !wanted.is_empty()) {
        let selector = spec.entry("nodeSelector").or_insert(Value::Null);
        if !selector.is_object() {
            *selector = Value::Object(Map::new());
        }
        for (key, value) in wanted {
            let own = selector.get(key).filter(|own| *own != value);
            if let Some(own) = own {
                let texts = [value, own].map(|value| value.as_str().unwrap_or_default());
                let [class, pod] = texts;
                return Err(format!(
                    "conflict: runtimeClass.scheduling.nodeSelector[{key}] = {class}; \
                     pod.spec.nodeSelector[{key}] = {pod}"
                ));
            }
            selector[key] = value.clone();
        }
    }
    let own = spec.get("tolerations").and_then(Value::as_array);
    let own: HashSet<&Value> = own.into_iter().flatten().collect();
    let added = class
        .at("/scheduling/tolerations")
        .and_then(Value::as_array);
    let added = added.into_iter().flatten().filter(|one| !own.contains(one));
    let added: Vec<_> = added.cloned().collect();
    if !added.is_empty() {
        append(spec, "tolerations", added);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Cluster, Request};
    use serde_json::json;

    async fn run(spec: Value) -> String {
        let class = |name: &str, rest: Value| {
            let mut class = json!({"apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass",
                "metadata": {"name": name}, "handler": "h"});
            for (key, value) in rest.as_object().expect("an object") {
                class[key] = value.clone();
            }
            class
        };
        let heavy = json!({"overhead": {"podFixed": {"cpu": "250m"}},
            "scheduling": {"nodeSelector": {"kind": "vm"}, "tolerations": [{"key": "vm"}]}});
        let cluster = Cluster::of([class("plain", json!({})), class("heavy", heavy)]);
        let plugin = RuntimeClass::new(Arc::new(cluster));
        let create = Request::create("pods", "default", "web");
        let answer = create.run(&plugin, json!({"spec": spec})).await;
        match serde_json::from_str::<Value>(&answer) {
            Ok(pod) => pod["spec"].to_string(),
            Err(_) => answer
                .trim_start_matches("403 pods \"web\" is forbidden: ")
                .to_owned(),
        }
    }

    #[tokio::test]
    async fn classes_go_for_their_pods() {
        let rows = [
            (json!({}), json!({}).to_string()),
            (
                json!({"runtimeClassName": "plain"}),
                json!({"runtimeClassName": "plain"}).to_string(),
            ),
            (
                json!({"runtimeClassName": "heavy", "overhead": {"cpu": "0.25"},
                    "nodeSelector": {"a": "b"}, "tolerations": [{"key": "x"}, {"key": "vm"}]}),
                json!({"runtimeClassName": "heavy", "overhead": {"cpu": "250m"},
                    "nodeSelector": {"a": "b", "kind": "vm"},
                    "tolerations": [{"key": "x"}, {"key": "vm"}]})
                .to_string(),
            ),
            (
                json!({"runtimeClassName": "heavy"}),
                json!({"runtimeClassName": "heavy", "overhead": {"cpu": "250m"},
                    "nodeSelector": {"kind": "vm"}, "tolerations": [{"key": "vm"}]})
                .to_string(),
            ),
            (
                json!({"runtimeClassName": "gone"}),
                "pod rejected: RuntimeClass \"gone\" not found".to_owned(),
            ),
            (
                json!({"runtimeClassName": "heavy", "overhead": {"cpu": "1"}}),
                OTHER_OVERHEAD.to_owned(),
            ),
            (
                json!({"overhead": {"cpu": "1"}}),
                "pod rejected: Pod Overhead set without corresponding RuntimeClass defined \
                 Overhead"
                    .to_owned(),
            ),
            (
                json!({"runtimeClassName": "heavy", "nodeSelector": {"kind": "bare"}}),
                "conflict: runtimeClass.scheduling.nodeSelector[kind] = vm; \
                 pod.spec.nodeSelector[kind] = bare"
                    .to_owned(),
            ),
        ];
        for (spec, expected) in rows {
            assert_eq!(run(spec).await, expected);
        }
    }
}
