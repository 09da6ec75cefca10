//! What the checks look at: a pod, or the template of pods.

use apimachinery::Object;
use serde_json::{Map, Value};

pub(super) struct Subject<'a> {
    annotations: Option<&'a Map<String, Value>>,
    spec: &'a Value,
}

impl<'a> Subject<'a> {
    pub(super) fn of_pod(pod: &'a Object) -> Self {
        Self {
            annotations: pod.at("/metadata/annotations").and_then(Value::as_object),
            spec: pod.get("spec").unwrap_or(&Value::Null),
        }
    }

    pub(super) fn of_template(template: &'a Value) -> Self {
        let annotations = template.pointer("/metadata/annotations");
        Self {
            annotations: annotations.and_then(Value::as_object),
            spec: &template["spec"],
        }
    }

    /// The annotations with texts for values.
    pub(super) fn annotations(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        let all = self.annotations.into_iter().flatten();
        all.filter_map(|(key, value)| Some((key.as_str(), value.as_str()?)))
    }

    /// A value of the spec.
    pub(super) fn at(&self, pointer: &str) -> Option<&'a Value> {
        self.spec.pointer(pointer).filter(|value| !value.is_null())
    }

    pub(super) fn is_true(&self, field: &str) -> bool {
        self.spec[field] == true
    }

    /// Whether root inside the pod is nobody outside.
    pub(super) fn has_own_users(&self) -> bool {
        self.spec["hostUsers"] == false
    }

    pub(super) fn is_windows(&self) -> bool {
        self.spec["os"]["name"] == "windows"
    }

    fn list(&self, field: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
        self.spec[field].as_array().into_iter().flatten()
    }

    pub(super) fn volumes(&self) -> impl Iterator<Item = &'a Value> + use<'a> {
        self.list("volumes")
    }

    /// In upstream's order.
    pub(super) fn containers(&self) -> impl Iterator<Item = &'a Value> + use<'a> {
        let init = self.list("initContainers");
        init.chain(self.list("containers"))
            .chain(self.list("ephemeralContainers"))
    }

    /// The names of containers of which something is true.
    pub(super) fn named(&self, found: impl Fn(&'a Value) -> bool) -> Vec<&'a str> {
        let containers = self.containers().filter(|c| found(c));
        containers.map(name).collect()
    }
}

pub(super) fn name(item: &Value) -> &str {
    item["name"].as_str().unwrap_or_default()
}
