//! What happens in a cluster that may make a rejected pod schedulable.

use crate::node::NodeInfo;
use crate::pod::PodInfo;

/// Plugins name the kinds that may undo their rejections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// A node appeared.
    NodeAdd,
    /// A node is gone, with the pods that hold it.
    NodeDelete,
    /// A node's allocatable resources changed.
    NodeAllocatable,
    /// A node's labels changed.
    NodeLabel,
    /// A node's taints or its `unschedulable` changed.
    NodeTaint,
    /// A pod was bound to a node.
    AssignedPodAdd,
    /// The labels of a pod that holds a node changed.
    AssignedPodLabel,
    /// A pod that held a node is finished or gone.
    AssignedPodDelete,
    /// A pod that holds a node asks for less.
    AssignedPodScaleDown,
    /// The labels of the rejected pod itself changed.
    PodLabel,
    /// The rejected pod itself tolerates something else.
    PodTolerations,
    /// The rejected pod itself asks for less.
    PodScaleDown,
    /// The rejected pod itself lost its last scheduling gate.
    PodGatesEliminated,
    /// A namespace appeared, or its labels changed.
    Namespace,
}

impl EventKind {
    /// As upstream's metrics call it: a resource, and what happened to it.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::NodeAdd => "NodeAdd",
            Self::NodeDelete => "NodeDelete",
            Self::NodeAllocatable => "NodeUpdateNodeAllocatable",
            Self::NodeLabel => "NodeUpdateNodeLabel",
            Self::NodeTaint => "NodeUpdateNodeTaint",
            Self::AssignedPodAdd => "AssignedPodAdd",
            Self::AssignedPodLabel => "AssignedPodUpdatePodLabel",
            Self::AssignedPodDelete => "AssignedPodDelete",
            Self::AssignedPodScaleDown => "AssignedPodUpdatePodScaleDown",
            Self::PodLabel => "UnschedulablePodUpdatePodLabel",
            Self::PodTolerations => "UnschedulablePodUpdatePodToleration",
            Self::PodScaleDown => "UnschedulablePodUpdatePodScaleDown",
            Self::PodGatesEliminated => "UnschedulablePodUpdatePodSchedulingGatesEliminated",
            // Upstream listens to no such event.
            Self::Namespace => "NamespaceUpdate",
        }
    }
}

/// One such happening.
#[derive(Clone, Copy, Debug)]
pub struct ClusterEvent<'a> {
    pub kind: EventKind,
    pub subject: Subject<'a>,
}

/// What it happened to, in its new state (its last, when it is gone).
#[derive(Clone, Copy, Debug)]
pub enum Subject<'a> {
    Node(&'a NodeInfo),
    Pod(&'a PodInfo),
    /// A pod whose labels changed.
    Relabelled {
        old: &'a PodInfo,
        new: &'a PodInfo,
    },
    /// By name.
    Namespace(&'a str),
}

impl<'a> ClusterEvent<'a> {
    #[must_use]
    pub fn node(kind: EventKind, node: &'a NodeInfo) -> Self {
        let subject = Subject::Node(node);
        Self { kind, subject }
    }

    #[must_use]
    pub fn pod(kind: EventKind, pod: &'a PodInfo) -> Self {
        let subject = Subject::Pod(pod);
        Self { kind, subject }
    }

    #[must_use]
    pub fn relabelled(old: &'a PodInfo, new: &'a PodInfo) -> Self {
        Self {
            kind: EventKind::AssignedPodLabel,
            subject: Subject::Relabelled { old, new },
        }
    }

    #[must_use]
    pub fn namespace(name: &'a str) -> Self {
        Self {
            kind: EventKind::Namespace,
            subject: Subject::Namespace(name),
        }
    }
}

/// What an update of a waiting pod may change about its chances.
#[must_use]
pub fn own_changes(old: &PodInfo, new: &PodInfo) -> Vec<EventKind> {
    let changes = [
        (old.labels != new.labels, EventKind::PodLabel),
        (
            old.tolerations != new.tolerations,
            EventKind::PodTolerations,
        ),
        (asks_for_less(old, new), EventKind::PodScaleDown),
        (
            !old.gates.is_empty() && new.gates.is_empty(),
            EventKind::PodGatesEliminated,
        ),
    ];
    let changed = changes.into_iter().filter(|(changed, _)| *changed);
    changed.map(|(_, kind)| kind).collect()
}

/// Whether some request became smaller.
#[must_use]
pub fn asks_for_less(old: &PodInfo, new: &PodInfo) -> bool {
    let mut before = old.requests.entries();
    before.any(|(name, amount)| new.requests.get(name) < amount)
}
