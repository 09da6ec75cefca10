//! `POST pods/<name>/binding`: the scheduler's decision, made once.

use apimachinery::{Encoded, GroupResource, Object, StatusError, time};
use serde_json::{Map, Value, json};

use crate::{Target, WriteOptions, Writer};

impl Writer<'_> {
    /// Assigns a pod to the node that a Binding names, and marks it scheduled.
    ///
    /// # Errors
    /// BadRequest without a target, Conflict when the pod has a node or is being deleted.
    pub async fn bind(
        &self,
        target: Target<'_>,
        binding: &Object,
        options: &WriteOptions,
    ) -> Result<Encoded, StatusError> {
        let node = target_node(binding).map_err(StatusError::bad_request)?;
        let now = time::format(self.registry.clock.wall());
        let change = |old: &Object| {
            check(old, binding).map_err(|why| {
                let resource = GroupResource::new("", "pods/binding");
                StatusError::conflict(&resource, target.name, &why)
            })?;
            Ok(bound(old, binding, node, &now))
        };
        self.update(target, &change, options).await
    }
}

/// The name of the node that a Binding is to.
fn target_node(binding: &Object) -> Result<&str, String> {
    let text = |pointer| binding.at(pointer).and_then(Value::as_str);
    let kind = text("/target/kind").unwrap_or_default();
    if !["", "Node"].contains(&kind) {
        return Err(format!(
            "target.kind: Unsupported value: {kind:?}: supported values: \"Node\", \"<empty>\""
        ));
    }
    let name = text("/target/name").unwrap_or_default();
    if name.is_empty() {
        return Err("target.name: Required value".to_owned());
    }
    // No Node can have another name, and the pod would wait for it forever.
    resources::meta::dns_subdomain(name)
        .map_err(|why| format!("target.name: Invalid value: {name:?}: {why}"))?;
    Ok(name)
}

/// Whether the pod can still be given a node; the error says why not.
fn check(pod: &Object, binding: &Object) -> Result<(), String> {
    let name = pod.name();
    let demands = [
        ("UID", binding.uid(), pod.uid()),
        (
            "ResourceVersion",
            binding.resource_version(),
            pod.resource_version(),
        ),
    ];
    for (what, demanded, actual) in demands {
        if !demanded.is_empty() && demanded != actual {
            return Err(format!(
                "Precondition failed: {what} in precondition: {demanded}, {what} in object meta: \
                 {actual}"
            ));
        }
    }
    if pod.deletion_timestamp().is_some() {
        return Err(format!(
            "pod {name} is being deleted, cannot be assigned to a host"
        ));
    }
    let node = pod.at("/spec/nodeName").and_then(Value::as_str);
    if let Some(node) = node.filter(|node| !node.is_empty()) {
        return Err(format!("pod {name} is already assigned to node {node:?}"));
    }
    let gates = pod.at("/spec/schedulingGates").and_then(Value::as_array);
    if gates.is_some_and(|gates| !gates.is_empty()) {
        return Err(format!("pod {name} has non-empty .spec.schedulingGates"));
    }
    Ok(())
}

/// The pod on its node, with the binding's labels and annotations.
fn bound(pod: &Object, binding: &Object, node: &str, now: &str) -> Object {
    let mut pod = pod.clone();
    for field in ["annotations", "labels"] {
        let given = binding.metadata().and_then(|m| m.get(field));
        let Some(given) = given.and_then(Value::as_object) else {
            continue;
        };
        let all = pod.metadata_mut().entry(field).or_insert_with(|| json!({}));
        if let Some(all) = all.as_object_mut() {
            all.extend(given.clone());
        }
    }
    pod.map_mut("spec").insert("nodeName".into(), node.into());
    let mut scheduled = Map::new();
    scheduled.insert("type".into(), "PodScheduled".into());
    scheduled.insert("status".into(), "True".into());
    scheduled.insert("lastProbeTime".into(), Value::Null);
    scheduled.insert("lastTransitionTime".into(), now.into());
    scheduled.insert("observedGeneration".into(), pod.generation().into());
    let status = pod.map_mut("status");
    let conditions = status.entry("conditions").or_insert_with(|| json!([]));
    if let Some(conditions) = conditions.as_array_mut() {
        conditions.retain(|c| c.get("type").and_then(Value::as_str) != Some("PodScheduled"));
        conditions.push(scheduled.into());
    }
    pod
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(value: Value) -> Object {
        Object::from_value(value).expect("an object")
    }

    #[test]
    fn a_binding_is_to_a_node_by_its_name() {
        let rows = [
            (json!({"name": "n1"}), Ok("n1")),
            (json!({"kind": "Node", "name": "n1"}), Ok("n1")),
            (
                json!({"kind": "Minion", "name": "n1"}),
                Err(
                    "target.kind: Unsupported value: \"Minion\": supported values: \"Node\", \
                     \"<empty>\"",
                ),
            ),
            (json!({}), Err("target.name: Required value")),
            (
                json!({"name": "../x"}),
                Err("target.name: Invalid value: \"../x\": a lowercase RFC 1123 subdomain"),
            ),
        ];
        for (target, expected) in rows {
            let binding = object(json!({"target": target}));
            match (target_node(&binding), expected) {
                (Ok(node), Ok(expected)) => assert_eq!(node, expected),
                (Err(why), Err(expected)) => assert!(why.starts_with(expected), "{why}"),
                (found, expected) => panic!("{found:?} for {expected:?}"),
            }
        }
    }

    #[test]
    fn a_bindings_versions_are_preconditions() {
        let pod = object(json!({"metadata": {"name": "p", "uid": "u", "resourceVersion": "7"}}));
        let rows = [
            (json!({}), ""),
            (json!({"uid": "u", "resourceVersion": "7"}), ""),
            (
                json!({"uid": "v"}),
                "Precondition failed: UID in precondition: v, UID in object meta: u",
            ),
            (
                json!({"resourceVersion": "6"}),
                "Precondition failed: ResourceVersion in precondition: 6, ResourceVersion in \
                 object meta: 7",
            ),
        ];
        for (metadata, expected) in rows {
            let checked = check(&pod, &object(json!({"metadata": metadata})));
            assert_eq!(checked.err().unwrap_or_default(), expected);
        }
    }
}
