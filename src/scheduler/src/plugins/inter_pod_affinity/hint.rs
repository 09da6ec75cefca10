//! What may undo a rejection because of pod affinity.
//!
//! Broader than upstream's hints where those miss something: upstream tries every pod again
//! after five minutes, which nothing does here.

use crate::pod::PodInfo;
use crate::pod_affinity::PodAffinity;
use crate::wakeup::{ClusterEvent, EventKind, Subject};

pub(super) fn may_help(pod: &PodInfo, event: &ClusterEvent<'_>) -> bool {
    let none = PodAffinity::default();
    let own = pod.affinity.as_deref().unwrap_or(&none);
    match event.subject {
        Subject::Pod(other) => match event.kind {
            EventKind::AssignedPodAdd => is_wanted(own, other),
            EventKind::AssignedPodDelete => {
                // With the last one wanted gone, the pod may be the first of its group.
                is_wanted(own, other) || is_unwanted(own, other) || refuses(other, pod)
            }
            // The pod itself: others look at its labels, and so do its own terms.
            _ => true,
        },
        Subject::Relabelled { old, new } => {
            is_wanted(own, old) != is_wanted(own, new)
                || own
                    .required_anti
                    .iter()
                    .any(|term| term.may_match(old) && !term.may_match(new))
        }
        // A new node is of use when it is in a domain that a term asks for.
        Subject::Node(node) if event.kind == EventKind::NodeAdd => {
            let mut keys = own.required.iter().map(|term| &term.topology_key);
            own.required.is_empty() || keys.any(|key| node.labels.contains_key(&**key))
        }
        // Whatever a label, or the pods of a node that is gone, stood for: this is rare.
        Subject::Node(_) => true,
        // What other pods say of namespaces is not known here, but which one they say it of.
        Subject::Namespace(name) => own.asks_for_namespaces() || *pod.key.namespace == *name,
    }
}

fn is_wanted(own: &PodAffinity, other: &PodInfo) -> bool {
    !own.required.is_empty() && own.required.iter().all(|term| term.may_match(other))
}

fn is_unwanted(own: &PodAffinity, other: &PodInfo) -> bool {
    own.required_anti.iter().any(|term| term.may_match(other))
}

fn refuses(other: &PodInfo, pod: &PodInfo) -> bool {
    let mut terms = other.affinity.iter().flat_map(|own| &own.required_anti);
    terms.any(|term| term.may_match(pod))
}
