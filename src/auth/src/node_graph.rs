//! A [`NodeGraph`] kept up to date with pods and volumes as they come and go.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use apimachinery::Object;

use crate::node::{NodeGraph, NodeObject};
use crate::pod_references::references;

/// Pods and what they refer to, by name. Volume attachments, resource claims and slices stand in
/// no relation yet: no component of rk3s makes them.
#[derive(Debug, Default)]
pub struct PodGraph(RwLock<State>);

/// Namespace and name.
type Key = (String, String);

#[derive(Debug, Default)]
struct State {
    pods: HashMap<Key, Edges>,
    /// How many pods of a node refer to an object: (node, kind, namespace, name).
    counts: HashMap<(String, NodeObject, String, String), usize>,
    /// The claim that a volume is bound to, by the volume's name.
    volumes: HashMap<String, Key>,
}

#[derive(Debug)]
struct Edges {
    node: String,
    references: Vec<(NodeObject, String)>,
}

impl PodGraph {
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
        match claim {
            Some((namespace, name)) => {
                let claim = (namespace.to_owned(), name.to_owned());
                state.volumes.insert(volume.name().to_owned(), claim);
            }
            None => drop(state.volumes.remove(volume.name())),
        }
    }

    /// A PersistentVolume is gone.
    pub fn remove_volume(&self, name: &str) {
        let mut state = self.0.write().unwrap_or_else(PoisonError::into_inner);
        state.volumes.remove(name);
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
            NodeObject::PersistentVolume => {
                let claims = NodeObject::PersistentVolumeClaim;
                let claim = state.volumes.get(name);
                claim.is_some_and(|(space, claim)| state.counts(node, claims, space, claim))
            }
            _ => state.counts(node, kind, namespace, name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn object(value: Value) -> Object {
        Object::from_value(value).expect("an object")
    }

    fn pod() -> Value {
        json!({
            "metadata": {"name": "web", "namespace": "ns"},
            "spec": {
                "nodeName": "n1",
                "serviceAccountName": "robot",
                "imagePullSecrets": [{"name": "pull"}],
                "initContainers": [{"envFrom": [{"secretRef": {"name": "init"}}]}],
                "containers": [{
                    "env": [
                        {"name": "A", "valueFrom": {"secretKeyRef": {"name": "env", "key": "k"}}},
                        {"name": "B", "valueFrom": {"configMapKeyRef": {"name": "env", "key": "k"}}},
                        {"name": "C", "value": "plain"},
                    ],
                    "envFrom": [{"configMapRef": {"name": "all"}}],
                }],
                "ephemeralContainers": [{"envFrom": [{"secretRef": {"name": "debug"}}]}],
                "volumes": [
                    {"name": "a", "secret": {"secretName": "volume"}},
                    {"name": "b", "configMap": {"name": "volume"}},
                    {"name": "c", "persistentVolumeClaim": {"claimName": "data"}},
                    {"name": "d", "ephemeral": {"volumeClaimTemplate": {}}},
                    {"name": "e", "csi": {"nodePublishSecretRef": {"name": "csi"}}},
                    {"name": "f", "projected": {"sources": [
                        {"serviceAccountToken": {"path": "token"}},
                        {"configMap": {"name": "root-ca"}},
                        {"secret": {"name": "projected"}},
                    ]}},
                ],
            },
        })
    }

    /// Everything a node may read of namespace `ns`, in short.
    fn seen(graph: &PodGraph, node: &str) -> String {
        let kinds = [
            NodeObject::Pod,
            NodeObject::ServiceAccount,
            NodeObject::Secret,
            NodeObject::ConfigMap,
            NodeObject::PersistentVolumeClaim,
            NodeObject::PersistentVolume,
        ];
        let names = [
            "web",
            "robot",
            "pull",
            "init",
            "env",
            "all",
            "debug",
            "volume",
            "data",
            "web-d",
            "csi",
            "root-ca",
            "projected",
            "other",
            "pv",
        ];
        let mut lines = String::new();
        for kind in kinds {
            let space = if kind == NodeObject::PersistentVolume {
                ""
            } else {
                "ns"
            };
            let related = names
                .iter()
                .filter(|name| graph.relates(node, kind, space, name));
            let related: Vec<_> = related.copied().collect();
            if !related.is_empty() {
                lines += &format!("{kind:?} {}\n", related.join(" "));
            }
        }
        lines
    }

    #[test]
    fn a_node_sees_what_its_pods_refer_to_while_they_are_there() {
        let graph = PodGraph::default();
        let volume = |claim: &str| {
            let claim = json!({"namespace": "ns", "name": claim});
            object(json!({"metadata": {"name": "pv"}, "spec": {"claimRef": claim}}))
        };
        graph.set_pod(&object(pod()));
        graph.set_volume(&volume("data"));
        let all = seen(&graph, "n1");
        expect_test::expect![[r#"
            Pod web
            ServiceAccount robot
            Secret pull init env debug volume csi projected
            ConfigMap env all volume root-ca
            PersistentVolumeClaim data web-d
            PersistentVolume pv
        "#]]
        .assert_eq(&all);
        assert_eq!(seen(&graph, "n2"), "");
        assert!(!graph.relates("n1", NodeObject::Secret, "other", "pull"));

        // A second pod with one of the references keeps it alive.
        let second = json!({
            "metadata": {"name": "second", "namespace": "ns"},
            "spec": {"nodeName": "n1", "imagePullSecrets": [{"name": "pull"}, {"name": "pull"}]},
        });
        graph.set_pod(&object(second));
        graph.set_pod(&object(pod()));
        graph.remove_pod("ns", "web");
        assert_eq!(seen(&graph, "n1"), "Secret pull\n");
        graph.remove_pod("ns", "second");
        graph.remove_pod("ns", "second");
        assert_eq!(seen(&graph, "n1"), "");
    }

    #[test]
    fn unbound_and_mirror_pods_open_nothing() {
        let graph = PodGraph::default();
        let mut unbound = pod();
        unbound["spec"]["nodeName"] = "".into();
        graph.set_pod(&object(unbound));
        assert_eq!(seen(&graph, "n1"), "");
        let mut mirror = pod();
        mirror["metadata"]["annotations"] = json!({"kubernetes.io/config.mirror": "x"});
        graph.set_pod(&object(mirror));
        assert_eq!(seen(&graph, "n1"), "Pod web\n");
    }

    #[test]
    fn a_volume_follows_its_claim() {
        let graph = PodGraph::default();
        graph.set_pod(&object(pod()));
        let relates = || graph.relates("n1", NodeObject::PersistentVolume, "", "pv");
        let volume =
            |claim: Value| object(json!({"metadata": {"name": "pv"}, "spec": {"claimRef": claim}}));
        graph.set_volume(&volume(json!({"namespace": "ns", "name": "data"})));
        assert!(relates());
        graph.set_volume(&volume(json!({"namespace": "other", "name": "data"})));
        assert!(!relates());
        graph.set_volume(&volume(json!({"namespace": "ns", "name": "web-d"})));
        assert!(relates());
        graph.set_volume(&volume(Value::Null));
        assert!(!relates());
        graph.set_volume(&volume(json!({"namespace": "ns", "name": "data"})));
        graph.remove_volume("pv");
        assert!(!relates());
    }
}
