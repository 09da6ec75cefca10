//! What happens in a cluster that may make a rejected pod schedulable.

use crate::node::NodeInfo;
use crate::pod::PodInfo;

/// Plugins name the kinds that may undo their rejections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// A node appeared.
    NodeAdd,
    /// A node's allocatable resources changed.
    NodeAllocatable,
    /// A node's labels changed.
    NodeLabel,
    /// A node's taints or its `unschedulable` changed.
    NodeTaint,
    /// A pod that held a node is finished or gone.
    AssignedPodDelete,
    /// A pod that holds a node asks for less.
    AssignedPodScaleDown,
    /// The rejected pod itself tolerates something else.
    PodTolerations,
    /// The rejected pod itself asks for less.
    PodScaleDown,
    /// The rejected pod itself lost its last scheduling gate.
    PodGatesEliminated,
}

impl EventKind {
    /// As upstream's metrics call it: a resource, and what happened to it.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::NodeAdd => "NodeAdd",
            Self::NodeAllocatable => "NodeUpdateNodeAllocatable",
            Self::NodeLabel => "NodeUpdateNodeLabel",
            Self::NodeTaint => "NodeUpdateNodeTaint",
            Self::AssignedPodDelete => "AssignedPodDelete",
            Self::AssignedPodScaleDown => "AssignedPodUpdatePodScaleDown",
            Self::PodTolerations => "UnschedulablePodUpdatePodToleration",
            Self::PodScaleDown => "UnschedulablePodUpdatePodScaleDown",
            Self::PodGatesEliminated => "UnschedulablePodUpdatePodSchedulingGatesEliminated",
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
}

/// What an update of a waiting pod may change about its chances.
#[must_use]
pub fn own_changes(old: &PodInfo, new: &PodInfo) -> Vec<EventKind> {
    let changes = [
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
