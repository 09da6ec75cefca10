//! The cluster as scheduling sees it: nodes with the pods that hold them, bound or assumed.
//!
//! The loop owns it and brings it up to date between cycles, change by change, so that a cycle
//! reads it without copying or locking.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use informer::Key;

use crate::budget::Budget;
use crate::node::NodeInfo;
use crate::pod::PodInfo;
use crate::selector::Labels;
use crate::wakeup::EventKind;

/// A pod that counts against a node, which need not exist (yet).
#[derive(Clone, Debug)]
pub struct Placed {
    pub pod: Arc<PodInfo>,
    pub node: Arc<str>,
    /// Decided here, not yet seen in the cluster.
    pub assumed: bool,
}

/// Invariant: every placed pod whose node exists is in that node's sums, and nothing else is.
#[derive(Default)]
pub struct Snapshot {
    nodes: Vec<NodeInfo>,
    by_name: HashMap<Arc<str>, usize>,
    placed: HashMap<Arc<str>, Placed>,
    /// By UID: pods that wait for room on the node that was nominated for them.
    nominated: HashMap<Arc<str>, (Arc<str>, Arc<PodInfo>)>,
    budgets: HashMap<Key, Budget>,
    /// Labels by name.
    namespaces: HashMap<String, Labels>,
}

impl Snapshot {
    #[must_use]
    pub fn nodes(&self) -> &[NodeInfo] {
        &self.nodes
    }

    #[must_use]
    pub fn node(&self, name: &str) -> Option<&NodeInfo> {
        self.by_name.get(name).map(|at| &self.nodes[*at])
    }

    /// Adds a node or brings it up to date; gives what changed.
    pub fn put_node(&mut self, mut node: NodeInfo) -> Vec<EventKind> {
        if let Some(at) = self.by_name.get(&node.name) {
            return self.nodes[*at].update(node);
        }
        for placed in self.placed.values() {
            if placed.node == node.name {
                node.add_pod(placed.pod.clone());
            }
        }
        self.by_name.insert(node.name.clone(), self.nodes.len());
        self.nodes.push(node);
        vec![EventKind::NodeAdd]
    }

    /// Forgets a node; its pods stay placed, for the case that it comes back.
    pub fn remove_node(&mut self, name: &str) -> Option<NodeInfo> {
        let at = self.by_name.remove(name)?;
        let gone = self.nodes.swap_remove(at);
        if let Some(moved) = self.nodes.get(at) {
            self.by_name.insert(moved.name.clone(), at);
        }
        Some(gone)
    }

    #[must_use]
    pub fn placed(&self, uid: &str) -> Option<&Placed> {
        self.placed.get(uid)
    }

    /// Counts a pod against a node, and no longer where it was before.
    pub fn place(&mut self, pod: Arc<PodInfo>, node: &str, assumed: bool) {
        let before = self.placed.get(&pod.uid);
        if before.is_some_and(|placed| &*placed.node != node) {
            self.unplace(&pod.uid);
        }
        self.nominated.remove(&pod.uid);
        if let Some(at) = self.by_name.get(node) {
            self.nodes[*at].add_pod(pod.clone());
        }
        let placed = Placed {
            node: node.into(),
            assumed,
            pod: pod.clone(),
        };
        self.placed.insert(pod.uid.clone(), placed);
    }

    /// Counts a pod against nothing any more.
    pub fn unplace(&mut self, uid: &str) -> Option<Placed> {
        let placed = self.placed.remove(uid)?;
        if let Some(at) = self.by_name.get(&placed.node) {
            self.nodes[*at].remove_pod(uid);
        }
        Some(placed)
    }

    /// Keeps room on a node for a pod, against those of lower priority; empty takes it back.
    pub fn nominate(&mut self, pod: &Arc<PodInfo>, node: &str) {
        if node.is_empty() {
            self.nominated.remove(&pod.uid);
        } else {
            let nomination = (node.into(), pod.clone());
            self.nominated.insert(pod.uid.clone(), nomination);
        }
    }

    pub fn forget_nomination(&mut self, uid: &str) {
        self.nominated.remove(uid);
    }

    /// Where room is kept for a pod; empty without.
    #[must_use]
    pub fn nomination(&self, uid: &str) -> &str {
        self.nominated.get(uid).map_or("", |(node, _)| node)
    }

    /// Whom room is kept for.
    pub fn nominated(&self) -> impl Iterator<Item = &Arc<PodInfo>> {
        self.nominated.values().map(|(_, pod)| pod)
    }

    /// Whom room is kept for on a node.
    pub fn nominated_on(&self, node: &str) -> impl Iterator<Item = &Arc<PodInfo>> {
        let all = self.nominated.values();
        all.filter(move |(on, _)| **on == *node).map(|(_, pod)| pod)
    }

    /// The node as `pod` has to see it: with the pods of at least its priority that room is
    /// kept for. Copies the node only when there are some.
    #[must_use]
    pub fn with_nominated<'a>(&self, node: &'a NodeInfo, pod: &PodInfo) -> Cow<'a, NodeInfo> {
        let mut seen = Cow::Borrowed(node);
        if self.nominated.is_empty() {
            return seen;
        }
        for other in self.nominated_on(&node.name) {
            if other.priority >= pod.priority && other.uid != pod.uid {
                seen.to_mut().add_pod(other.clone());
            }
        }
        seen
    }

    /// Adds a namespace or brings it up to date; gives whether that says something new.
    pub fn put_namespace(&mut self, name: &str, labels: Labels) -> bool {
        let before = self.namespaces.insert(name.to_owned(), labels);
        before.as_ref() != self.namespaces.get(name)
    }

    pub fn remove_namespace(&mut self, name: &str) {
        self.namespaces.remove(name);
    }

    /// The labels of a namespace; none while it is not known.
    #[must_use]
    pub fn namespace(&self, name: &str) -> &Labels {
        static NONE: Labels = Labels::new();
        self.namespaces.get(name).unwrap_or(&NONE)
    }

    /// Names and labels.
    pub fn namespaces(&self) -> impl Iterator<Item = (&str, &Labels)> + Clone {
        let all = self.namespaces.iter();
        all.map(|(name, labels)| (name.as_str(), labels))
    }

    pub fn put_budget(&mut self, key: Key, budget: Budget) {
        self.budgets.insert(key, budget);
    }

    pub fn remove_budget(&mut self, key: &Key) {
        self.budgets.remove(key);
    }

    pub fn budgets(&self) -> impl Iterator<Item = (&Key, &Budget)> {
        self.budgets.iter()
    }
}
