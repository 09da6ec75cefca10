//! Pods from pod templates.

use api::OwnerReference;
use apimachinery::Object;
use serde_json::{Value, json};

use crate::claim;

/// A pod as a template describes it, named by the server (`generateName`), controlled by
/// `owner` (`GetPodFromTemplate`).
pub(crate) fn pod(template: &Value, namespace: &str, owner: &OwnerReference) -> Object {
    let mut metadata = json!({
        "generateName": format!("{}-", owner.name),
        "namespace": namespace,
        "ownerReferences": [claim::reference(owner)],
    });
    for field in ["labels", "annotations", "finalizers"] {
        if let Some(value) = template.pointer(&format!("/metadata/{field}")) {
            metadata[field] = value.clone();
        }
    }
    let spec = template.get("spec").cloned().unwrap_or_default();
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec});
    Object::from_value(pod).expect("just written as an object")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pod_takes_over_what_the_template_says() {
        let template = json!({
            "metadata": {"labels": {"app": "web"}, "annotations": {"a": "b"}, "name": "ignored"},
            "spec": {"containers": [], "fromTheFuture": 1},
        });
        let owner = OwnerReference {
            name: "web-1".to_owned(),
            uid: "u".to_owned(),
            ..OwnerReference::default()
        };
        let expected = json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {
                "generateName": "web-1-", "namespace": "n",
                "labels": {"app": "web"}, "annotations": {"a": "b"},
                "ownerReferences": [{"apiVersion": "", "kind": "", "name": "web-1", "uid": "u"}],
            },
            "spec": {"containers": [], "fromTheFuture": 1},
        });
        assert_eq!(pod(&template, "n", &owner).into_value(), expected);
    }
}
