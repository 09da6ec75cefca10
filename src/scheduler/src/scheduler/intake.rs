//! How the snapshot and the queue learn of the cluster, change by change.

use std::sync::Arc;

use api::policy::PodDisruptionBudget;
use api::{Kind, Namespace, Node};
use apimachinery::Encoded;
use informer::{Change, Informer, Key};
use tokio::sync::mpsc::UnboundedSender;
use tracing::warn;

use super::Scheduler;
use crate::budget::Budget;
use crate::effects::{BindError, NAME};
use crate::node::NodeInfo;
use crate::pod::PodInfo;
use crate::wakeup::{ClusterEvent, EventKind, asks_for_less};

/// What the loop hears, in order.
pub(super) enum News {
    Pod(Encoded),
    PodGone(Encoded),
    Node(Encoded),
    NodeGone(Encoded),
    Namespace(Encoded),
    NamespaceGone(Encoded),
    Budget(Encoded),
    BudgetGone(Encoded),
    Bound {
        pod: Arc<PodInfo>,
        outcome: Result<(), BindError>,
    },
    /// A victim of this pod's preemption stayed.
    PreemptionFailed(Arc<PodInfo>),
}

/// Turns the changes of an informer into news.
pub(super) fn listen(
    informer: &Informer,
    sender: &UnboundedSender<News>,
    put: fn(Encoded) -> News,
    gone: fn(Encoded) -> News,
) {
    let sender = sender.clone();
    informer.on_change(move |change| {
        let news = match change {
            Change::Added(object) | Change::Modified { new: object, .. } => put((*object).clone()),
            Change::Deleted(object) => gone((*object).clone()),
        };
        // After shutdown nobody listens, and nothing needs to be heard.
        let _ = sender.send(news);
    });
}

impl Scheduler {
    pub(super) fn hear(&mut self, news: News) {
        match news {
            News::Pod(object) => match PodInfo::decode(&object) {
                Ok(pod) => self.put_pod(Arc::new(pod)),
                Err(error) => warn!(%error, "a pod was passed over"),
            },
            News::PodGone(object) => {
                let uid = Key::of(&object).and_then(|key| self.uids.remove(&key));
                if let Some(uid) = uid {
                    self.forget_pod(&uid);
                }
            }
            News::Node(object) => match api::decode::<Node>(&object) {
                Ok(node) => self.put_node(&node),
                Err(error) => warn!(%error, "a node was passed over"),
            },
            News::NodeGone(object) => {
                let gone = Key::of(&object).and_then(|key| self.snapshot.remove_node(&key.name));
                if let Some(node) = gone {
                    let gone = ClusterEvent::node(EventKind::NodeDelete, &node);
                    self.queue.wake(&gone);
                }
            }
            News::Namespace(object) => match api::decode::<Namespace>(&object) {
                Ok(namespace) => self.put_namespace(&namespace),
                Err(error) => warn!(%error, "a namespace was passed over"),
            },
            News::NamespaceGone(object) => {
                if let Some(key) = Key::of(&object) {
                    self.snapshot.remove_namespace(&key.name);
                }
            }
            News::Budget(object) => match api::decode::<PodDisruptionBudget>(&object) {
                Ok(budget) => {
                    let key = Key::new(budget.namespace(), budget.name());
                    self.snapshot.put_budget(key, Budget::of(&budget));
                }
                Err(error) => warn!(%error, "a disruption budget was passed over"),
            },
            News::BudgetGone(object) => {
                if let Some(key) = Key::of(&object) {
                    self.snapshot.remove_budget(&key);
                }
            }
            News::Bound { pod, outcome } => self.end_binding(&pod, outcome),
            News::PreemptionFailed(pod) => {
                self.snapshot.forget_nomination(&pod.uid);
                self.queue.fail(&pod.uid);
            }
        }
    }

    pub(super) fn put_node(&mut self, node: &Node) {
        let changes = self.snapshot.put_node(NodeInfo::of(node));
        let Some(info) = self.snapshot.node(node.name()) else {
            return;
        };
        for kind in changes {
            self.queue.wake(&ClusterEvent::node(kind, info));
        }
    }

    pub(super) fn put_namespace(&mut self, namespace: &Namespace) {
        let (name, labels) = (namespace.name(), namespace.labels().clone());
        if self.snapshot.put_namespace(name, labels) {
            self.queue.wake(&ClusterEvent::namespace(name));
        }
    }

    pub(super) fn put_pod(&mut self, pod: Arc<PodInfo>) {
        let before = self.uids.insert(pod.key.clone(), pod.uid.clone());
        if let Some(before) = before.filter(|before| *before != pod.uid) {
            self.forget_pod(&before);
        }
        if pod.finished {
            self.forget_pod(&pod.uid);
        } else if !pod.node_name.is_empty() {
            self.put_assigned(pod);
        } else if pod.terminating || pod.scheduler_name != NAME {
            self.forget_pod(&pod.uid);
        } else {
            self.put_waiting(pod);
        }
    }

    fn put_assigned(&mut self, pod: Arc<PodInfo>) {
        self.queue.remove(&pod.uid);
        let before = self.snapshot.placed(&pod.uid).cloned();
        let node = pod.node_name.clone();
        self.snapshot.place(pod.clone(), &node, false);
        let known = before.as_ref().filter(|before| *before.node == *node);
        if known.is_none_or(|before| before.assumed) {
            let added = ClusterEvent::pod(EventKind::AssignedPodAdd, &pod);
            self.queue.wake(&added);
        }
        let Some(before) = before else { return };
        if before.pod.labels != pod.labels {
            let relabelled = ClusterEvent::relabelled(&before.pod, &pod);
            self.queue.wake(&relabelled);
        }
        if *before.node != *node {
            let freed = ClusterEvent::pod(EventKind::AssignedPodDelete, &before.pod);
            self.queue.wake(&freed);
        } else if asks_for_less(&before.pod, &pod) {
            let shrunk = ClusterEvent::pod(EventKind::AssignedPodScaleDown, &pod);
            self.queue.wake(&shrunk);
        }
    }

    fn put_waiting(&mut self, pod: Arc<PodInfo>) {
        // While the cluster has not yet heard of a nomination, it does not end it.
        let before = self.queue.get(&pod.uid).map(|old| old.nominated.clone());
        let heard = before.is_some_and(|before| !before.is_empty());
        if self.snapshot.placed(&pod.uid).is_none() && (heard || !pod.nominated.is_empty()) {
            self.snapshot.nominate(&pod, &pod.nominated);
        }
        self.queue.put(pod);
    }

    /// The pod needs no node any more, and holds none.
    pub(super) fn forget_pod(&mut self, uid: &Arc<str>) {
        let waiting = self.queue.get(uid).cloned();
        let nominated = !self.snapshot.nomination(uid).is_empty();
        self.queue.remove(uid);
        self.snapshot.forget_nomination(uid);
        let placed = self.snapshot.unplace(uid).map(|placed| placed.pod);
        if let Some(pod) = placed.or(waiting.filter(|_| nominated)) {
            let freed = ClusterEvent::pod(EventKind::AssignedPodDelete, &pod);
            self.queue.wake(&freed);
        }
    }
}
