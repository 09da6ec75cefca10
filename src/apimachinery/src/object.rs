//! An API object inside one request: a JSON map with readers for its metadata.

use std::ops::{Deref, DerefMut};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::names::{GroupVersion, GroupVersionKind};
use crate::time;

/// A JSON object with `apiVersion`, `kind` and `metadata`. Dereferences to its map.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Object(pub Map<String, Value>);

/// `metadata.ownerReferences[]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OwnerReference {
    pub api_version: String,
    pub kind: String,
    pub name: String,
    pub uid: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub controller: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub block_owner_deletion: Option<bool>,
}

impl Object {
    /// From a JSON value; `None` unless it is an object.
    #[must_use]
    pub fn from_value(value: Value) -> Option<Self> {
        match value {
            Value::Object(map) => Some(Self(map)),
            _ => None,
        }
    }

    /// As a JSON value.
    #[must_use]
    pub fn into_value(self) -> Value {
        Value::Object(self.0)
    }

    /// `apiVersion` and `kind`, when both are there and well-formed.
    #[must_use]
    pub fn gvk(&self) -> Option<GroupVersionKind> {
        let version = GroupVersion::parse(self.0.get("apiVersion")?.as_str()?)?;
        Some(version.kind(self.0.get("kind")?.as_str()?.to_owned()))
    }

    /// Sets `apiVersion` and `kind`.
    pub fn set_gvk(&mut self, gvk: &GroupVersionKind) {
        self.0
            .insert("apiVersion".into(), gvk.group_version().to_string().into());
        self.0.insert("kind".into(), gvk.kind.as_ref().into());
    }

    /// `metadata`, when it is an object.
    #[must_use]
    pub fn metadata(&self) -> Option<&Map<String, Value>> {
        self.0.get("metadata")?.as_object()
    }

    /// `metadata`, created or replaced when it is not an object.
    pub fn metadata_mut(&mut self) -> &mut Map<String, Value> {
        self.map_mut("metadata")
    }

    /// A top-level object field, created or replaced when it is not an object.
    pub fn map_mut(&mut self, field: &str) -> &mut Map<String, Value> {
        let value = self
            .0
            .entry(field)
            .or_insert_with(|| Value::Object(Map::new()));
        if !value.is_object() {
            *value = Value::Object(Map::new());
        }
        value.as_object_mut().expect("just made an object")
    }

    /// A text field of `metadata`; empty when absent, as in Go.
    #[must_use]
    pub fn meta(&self, field: &str) -> &str {
        self.metadata()
            .and_then(|m| m.get(field))
            .and_then(Value::as_str)
            .unwrap_or("")
    }

    /// Sets a field of `metadata`; an empty text removes it, as `omitempty` does.
    pub fn set_meta(&mut self, field: &str, text: &str) {
        let metadata = self.metadata_mut();
        if text.is_empty() {
            metadata.remove(field);
        } else {
            metadata.insert(field.to_owned(), text.into());
        }
    }

    #[must_use]
    pub fn name(&self) -> &str {
        self.meta("name")
    }

    #[must_use]
    pub fn namespace(&self) -> &str {
        self.meta("namespace")
    }

    #[must_use]
    pub fn uid(&self) -> &str {
        self.meta("uid")
    }

    #[must_use]
    pub fn resource_version(&self) -> &str {
        self.meta("resourceVersion")
    }

    /// `metadata.generation`, 0 when absent.
    #[must_use]
    pub fn generation(&self) -> i64 {
        self.metadata()
            .and_then(|m| m.get("generation"))
            .and_then(Value::as_i64)
            .unwrap_or(0)
    }

    /// A label's value.
    #[must_use]
    pub fn label(&self, key: &str) -> Option<&str> {
        self.metadata()?.get("labels")?.get(key)?.as_str()
    }

    /// Puts a label on it; what is no map of labels gives way.
    pub fn set_label(&mut self, key: &str, value: &str) {
        let labels = self.metadata_mut().entry("labels").or_insert(Value::Null);
        if !labels.is_object() {
            *labels = Value::Object(serde_json::Map::new());
        }
        labels[key] = value.into();
    }

    /// An annotation's value.
    #[must_use]
    pub fn annotation(&self, key: &str) -> Option<&str> {
        self.metadata()?.get("annotations")?.get(key)?.as_str()
    }

    /// `metadata.deletionTimestamp`, when the object is being deleted.
    #[must_use]
    pub fn deletion_timestamp(&self) -> Option<Timestamp> {
        time::parse(self.metadata()?.get("deletionTimestamp")?.as_str()?)
    }

    /// `metadata.creationTimestamp`.
    #[must_use]
    pub fn creation_timestamp(&self) -> Option<Timestamp> {
        time::parse(self.metadata()?.get("creationTimestamp")?.as_str()?)
    }

    /// `metadata.finalizers`; entries that are not texts are passed over.
    pub fn finalizers(&self) -> impl Iterator<Item = &str> {
        let list = self
            .metadata()
            .and_then(|m| m.get("finalizers"))
            .and_then(Value::as_array);
        list.into_iter().flatten().filter_map(Value::as_str)
    }

    /// `metadata.ownerReferences`; malformed entries are passed over, validation refuses them.
    #[must_use]
    pub fn owner_references(&self) -> Vec<OwnerReference> {
        let list = self
            .metadata()
            .and_then(|m| m.get("ownerReferences"))
            .and_then(Value::as_array);
        list.into_iter()
            .flatten()
            .filter_map(|r| OwnerReference::deserialize(r).ok())
            .collect()
    }

    /// The owner with `controller: true`.
    #[must_use]
    pub fn controller(&self) -> Option<OwnerReference> {
        self.owner_references()
            .into_iter()
            .find(|owner| owner.controller == Some(true))
    }

    /// The value at a JSON pointer (`/spec/replicas`).
    #[must_use]
    pub fn at(&self, pointer: &str) -> Option<&Value> {
        let (first, rest) = pointer
            .strip_prefix('/')?
            .split_once('/')
            .map_or((pointer.strip_prefix('/')?, None), |(first, rest)| {
                (first, Some(rest))
            });
        let value = self.0.get(first)?;
        match rest {
            None => Some(value),
            Some(rest) => value.pointer(&format!("/{rest}")),
        }
    }
}

impl Deref for Object {
    type Target = Map<String, Value>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl DerefMut for Object {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}

impl From<Map<String, Value>> for Object {
    fn from(map: Map<String, Value>) -> Self {
        Self(map)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn reads_metadata_and_pointers() {
        let object = Object::from_value(json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "web", "labels": {"app": "web"}, "finalizers": ["a", 1]},
            "spec": {"replicas": 3, "template": {"spec": {"nodeName": "n"}}},
        }))
        .expect("an object");
        assert_eq!(
            object.gvk(),
            Some(GroupVersionKind::new("apps", "v1", "Deployment"))
        );
        assert_eq!((object.name(), object.namespace()), ("web", ""));
        assert_eq!(object.label("app"), Some("web"));
        assert_eq!(object.finalizers().collect::<Vec<_>>(), ["a"]);
        assert_eq!(object.at("/spec/replicas"), Some(&json!(3)));
        assert_eq!(object.at("/spec/template/spec/nodeName"), Some(&json!("n")));
        assert_eq!(object.at("/status"), None);
    }
}
