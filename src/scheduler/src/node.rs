//! A node as the scheduler keeps it: what it has, and the pods that count against it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use api::core::Taint;
use api::requests::parse;
use api::{Kind, Node};

use crate::amount::Amount;
use crate::pod::{PodInfo, Scored};
use crate::ports::UsedPorts;
use crate::wakeup::EventKind;

/// What scheduling needs of a node.
#[derive(Clone, Debug, Default)]
pub struct NodeInfo {
    pub name: Arc<str>,
    pub labels: BTreeMap<String, String>,
    pub taints: Vec<Taint>,
    pub unschedulable: bool,
    pub allocatable: Amount,
    /// How many pods fit, whatever they ask for.
    pub allowed_pods: i64,
    /// The sum over `pods`.
    pub requested: Amount,
    pub scored: Scored,
    pub ports: UsedPorts,
    /// By UID: bound, or assumed to be.
    pub pods: HashMap<Arc<str>, Arc<PodInfo>>,
    /// Those of them that have pod affinity or anti-affinity terms.
    pub with_affinity: HashMap<Arc<str>, Arc<PodInfo>>,
}

impl NodeInfo {
    /// An empty node.
    #[must_use]
    pub fn of(node: &Node) -> Self {
        let spec = node.spec.as_ref();
        let status = node.status.as_ref();
        let allocatable = parse(status.and_then(|status| status.allocatable.as_ref()));
        Self {
            name: node.name().into(),
            labels: node.labels().clone(),
            taints: spec.and_then(|s| s.taints.clone()).unwrap_or_default(),
            unschedulable: spec.and_then(|s| s.unschedulable).unwrap_or(false),
            allocatable: Amount::of(&allocatable),
            allowed_pods: allocatable.get("pods").map_or(0, |pods| pods.units()),
            ..Self::default()
        }
    }

    /// Takes over what the node says of itself; gives what changed of it.
    pub fn update(&mut self, new: Self) -> Vec<EventKind> {
        let room = (&self.allocatable, self.allowed_pods) != (&new.allocatable, new.allowed_pods);
        let taints = self.taints != new.taints || self.unschedulable != new.unschedulable;
        let changes = [
            (room, EventKind::NodeAllocatable),
            (self.labels != new.labels, EventKind::NodeLabel),
            (taints, EventKind::NodeTaint),
        ];
        self.labels = new.labels;
        self.taints = new.taints;
        self.unschedulable = new.unschedulable;
        self.allocatable = new.allocatable;
        self.allowed_pods = new.allowed_pods;
        let changed = changes.into_iter().filter(|(changed, _)| *changed);
        changed.map(|(_, kind)| kind).collect()
    }

    pub fn add_pod(&mut self, pod: Arc<PodInfo>) {
        if let Some(old) = self.pods.insert(pod.uid.clone(), pod.clone()) {
            self.uncount(&old);
        }
        if pod.affinity.is_some() {
            self.with_affinity.insert(pod.uid.clone(), pod.clone());
        }
        self.requested.add(&pod.requests);
        self.scored.milli_cpu += pod.scored.milli_cpu;
        self.scored.memory += pod.scored.memory;
        self.ports.add(&pod.ports);
    }

    pub fn remove_pod(&mut self, uid: &str) {
        if let Some(pod) = self.pods.remove(uid) {
            self.uncount(&pod);
        }
    }

    fn uncount(&mut self, pod: &PodInfo) {
        self.with_affinity.remove(&pod.uid);
        self.requested.subtract(&pod.requests);
        self.scored.milli_cpu -= pod.scored.milli_cpu;
        self.scored.memory -= pod.scored.memory;
        self.ports.remove(&pod.ports);
    }

    /// How many pods count against the node.
    #[must_use]
    pub fn pod_count(&self) -> i64 {
        i64::try_from(self.pods.len()).unwrap_or(i64::MAX)
    }
}
