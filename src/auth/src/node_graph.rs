//! A [`NodeGraph`] kept up to date with pods and volumes as they come and go.

use std::collections::{BTreeSet, HashMap};
use std::sync::{PoisonError, RwLock};

use apimachinery::Object;

use crate::node::{NodeGraph, NodeObject};
use crate::pod_references::{references, volume_secrets};

/// Pods and what they refer to; volumes and what they need; what belongs to a node by its own
/// word.
#[derive(Debug, Default)]
pub struct PodGraph(RwLock<State>);

/// Namespace and name.
type Key = (String, String);

#[derive(Debug, Default)]
struct State {
    pods: HashMap<Key, Edges>,
    /// How many pods of a node refer to an object: (node, kind, namespace, name).
    counts: HashMap<(String, NodeObject, String, String), usize>,
    /// By the volume's name.
    volumes: HashMap<String, Volume>,
    /// The volumes that need a Secret.
    secrets: HashMap<Key, BTreeSet<String>>,
    /// The node that an attachment or a slice of devices names.
    owned: HashMap<(NodeObject, String), String>,
}

#[derive(Debug)]
struct Volume {
    claim: Key,
    secrets: Vec<Key>,
}

#[derive(Debug)]
struct Edges {
    node: String,
    references: Vec<(NodeObject, String)>,
}

impl PodGraph {
    /// An object that counts was added, changed or removed; others change nothing.
    pub fn changed(&self, kind: NodeObject, object: &Object, is_gone: bool) {
        let name = object.name();
        match (kind, is_gone) {
            (NodeObject::Pod, false) => self.set_pod(object),
            (NodeObject::Pod, true) => self.remove_pod(object.namespace(), name),
            (NodeObject::PersistentVolume, false) => self.set_volume(object),
            (NodeObject::PersistentVolume, true) => self.remove_volume(name),
            (NodeObject::VolumeAttachment | NodeObject::ResourceSlice, false) => {
                self.set_owned(kind, object);
            }
            (NodeObject::VolumeAttachment | NodeObject::ResourceSlice, true) => {
                self.remove_owned(kind, name);
            }
            _ => {}
        }
    }

    /// A pod was added or changed.
    pub fn set_pod(&self, pod: &Object) {
        let key = (pod.namespace().to_owned(), pod.name().to_owned());
        let node = pod.at("/spec/nodeName").and_then(|node| node.as_str());
        let mut state = self.0.write().unwrap_or_else(PoisonError::into_inner);
        state.remove(&key);
        if let Some(node) = node.filter(|node| !node.is_empty()) {
            let edges = Edges {
                node: node.to_owned(),
                references: references(pod),
            };
            state.insert(key, edges);
        }
    }

    /// A pod is gone.
    pub fn remove_pod(&self, namespace: &str, name: &str) {
        let mut state = self.0.write().unwrap_or_else(PoisonError::into_inner);
        state.remove(&(namespace.to_owned(), name.to_owned()));
    }

    /// A PersistentVolume was added or changed.
    pub fn set_volume(&self, volume: &Object) {
        let text = |pointer| volume.at(pointer).and_then(|value| value.as_str());
        let claim = text("/spec/claimRef/namespace").zip(text("/spec/claimRef/name"));
        let mut state = self.0.write().unwrap_or_else(PoisonError::into_inner);
        state.remove_volume(volume.name());
        // Unbound, it is nobody's.
        if let Some((namespace, name)) = claim {
            let claim = (namespace.to_owned(), name.to_owned());
            let secrets = volume_secrets(volume);
            state.insert_volume(volume.name(), Volume { claim, secrets });
        }
    }

    /// A PersistentVolume is gone.
    pub fn remove_volume(&self, name: &str) {
        let mut state = self.0.write().unwrap_or_else(PoisonError::into_inner);
        state.remove_volume(name);
    }

    /// A VolumeAttachment or ResourceSlice, which names its node itself, was added or changed.
    pub fn set_owned(&self, kind: NodeObject, object: &Object) {
        let node = object.at("/spec/nodeName").and_then(|node| node.as_str());
        let key = (kind, object.name().to_owned());
        let mut state = self.0.write().unwrap_or_else(PoisonError::into_inner);
        match node {
            Some(node) => drop(state.owned.insert(key, node.to_owned())),
            None => drop(state.owned.remove(&key)),
        }
    }

    /// A VolumeAttachment or ResourceSlice is gone.
    pub fn remove_owned(&self, kind: NodeObject, name: &str) {
        let mut state = self.0.write().unwrap_or_else(PoisonError::into_inner);
        state.owned.remove(&(kind, name.to_owned()));
    }
}

impl State {
    fn insert(&mut self, key: Key, edges: Edges) {
        for (kind, name) in &edges.references {
            let object = (edges.node.clone(), *kind, key.0.clone(), name.clone());
            *self.counts.entry(object).or_default() += 1;
        }
        self.pods.insert(key, edges);
    }

    fn remove(&mut self, key: &Key) {
        let Some(edges) = self.pods.remove(key) else {
            return;
        };
        for (kind, name) in edges.references {
            let object = (edges.node.clone(), kind, key.0.clone(), name);
            if let Some(count) = self.counts.get_mut(&object) {
                *count -= 1;
                if *count == 0 {
                    self.counts.remove(&object);
                }
            }
        }
    }

    fn insert_volume(&mut self, name: &str, volume: Volume) {
        for secret in &volume.secrets {
            let needed_by = self.secrets.entry(secret.clone()).or_default();
            needed_by.insert(name.to_owned());
        }
        self.volumes.insert(name.to_owned(), volume);
    }

    fn remove_volume(&mut self, name: &str) {
        let Some(volume) = self.volumes.remove(name) else {
            return;
        };
        for secret in volume.secrets {
            if let Some(needed_by) = self.secrets.get_mut(&secret) {
                needed_by.remove(name);
                if needed_by.is_empty() {
                    self.secrets.remove(&secret);
                }
            }
        }
    }

    /// Whether a pod of the node uses the volume.
    fn mounts(&self, node: &str, volume: &str) -> bool {
        let claims = NodeObject::PersistentVolumeClaim;
        let volume = self.volumes.get(volume);
        volume.is_some_and(|volume| {
            let (namespace, name) = &volume.claim;
            self.counts(node, claims, namespace, name)
        })
    }

    /// Whether a pod of the node uses a volume that needs the Secret.
    fn needs(&self, node: &str, namespace: &str, secret: &str) -> bool {
        let key = (namespace.to_owned(), secret.to_owned());
        let mut volumes = self.secrets.get(&key).into_iter().flatten();
        volumes.any(|volume| self.mounts(node, volume))
    }

    fn counts(&self, node: &str, kind: NodeObject, namespace: &str, name: &str) -> bool {
        let object = (node.to_owned(), kind, namespace.to_owned(), name.to_owned());
        self.counts.contains_key(&object)
    }
}

impl NodeGraph for PodGraph {
    fn relates(&self, node: &str, kind: NodeObject, namespace: &str, name: &str) -> bool {
        let state = self.0.read().unwrap_or_else(PoisonError::into_inner);
        match kind {
            NodeObject::Pod => {
                let pod = state.pods.get(&(namespace.to_owned(), name.to_owned()));
                pod.is_some_and(|edges| edges.node == node)
            }
            NodeObject::PersistentVolume => state.mounts(node, name),
            NodeObject::VolumeAttachment | NodeObject::ResourceSlice => {
                let owner = state.owned.get(&(kind, name.to_owned()));
                owner.is_some_and(|owner| owner == node)
            }
            NodeObject::Secret => {
                state.counts(node, kind, namespace, name) || state.needs(node, namespace, name)
            }
            _ => state.counts(node, kind, namespace, name),
        }
    }
}

#[cfg(test)]
mod tests;
