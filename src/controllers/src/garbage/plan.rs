//! What an object's owners, finalizers and dependents ask for: a pure function.

use api::wellknown::finalizers::{FOREGROUND, ORPHAN};
use apimachinery::{Object, OwnerReference};
use client::Propagation;

use super::graph::Dependent;

/// An owner as the server shows it now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OwnerState {
    Present,
    /// There is none with this UID.
    Absent,
    /// It is being deleted and waits for its dependents.
    Waiting,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    Nothing,
    /// Nothing keeps it any more.
    RemoveFinalizer(&'static str),
    /// Its dependents shall lose it as their owner before the finalizer goes.
    Orphan(Vec<String>),
    /// It waits for these to go.
    LookAt(Vec<String>),
    /// It has another owner: those that are absent or wait for it are no longer its owners.
    StripOwners(Vec<String>),
    /// Deleted after its own dependents, which must not wait for it in turn when `unblock`.
    DeleteForeground {
        unblock: bool,
    },
    Delete(Propagation),
}

/// Whether the plan needs to know the owners' states.
pub(super) fn asks_for_owners(object: &Object) -> bool {
    object.meta("deletionTimestamp").is_empty()
}

/// `object` is the server's, `dependents` the graph's. Upstream's `attemptToDeleteItem`,
/// `processDeletingDependentsItem` and `attemptToOrphan`.
pub(super) fn plan(
    object: &Object,
    owners: &[(OwnerReference, OwnerState)],
    dependents: &[Dependent],
) -> Step {
    let has = |name: &str| object.finalizers().any(|finalizer| finalizer == name);
    if !asks_for_owners(object) {
        return match (has(FOREGROUND), has(ORPHAN)) {
            (true, _) => wait_for(dependents),
            (_, true) if dependents.is_empty() => Step::RemoveFinalizer(ORPHAN),
            (_, true) => Step::Orphan(dependents.iter().map(|d| d.uid.clone()).collect()),
            _ => Step::Nothing,
        };
    }
    let any = |state| owners.iter().any(|(_, found)| *found == state);
    if owners.is_empty() || !(any(OwnerState::Absent) || any(OwnerState::Waiting)) {
        return Step::Nothing;
    }
    if any(OwnerState::Present) {
        let gone = owners.iter().filter(|(_, s)| *s != OwnerState::Present);
        return Step::StripOwners(gone.map(|(owner, _)| owner.uid.clone()).collect());
    }
    if any(OwnerState::Waiting) && !dependents.is_empty() {
        // A dependent that itself waits for its dependents closes a circle.
        let unblock = dependents.iter().any(|dependent| dependent.foreground);
        return Step::DeleteForeground { unblock };
    }
    Step::Delete(if has(ORPHAN) {
        Propagation::Orphan
    } else if has(FOREGROUND) {
        Propagation::Foreground
    } else {
        Propagation::Background
    })
}

fn wait_for(dependents: &[Dependent]) -> Step {
    let blocking = dependents.iter().filter(|dependent| dependent.blocking);
    let mut blocking = blocking.peekable();
    if blocking.peek().is_none() {
        return Step::RemoveFinalizer(FOREGROUND);
    }
    let look = blocking.filter(|dependent| !dependent.foreground);
    Step::LookAt(look.map(|dependent| dependent.uid.clone()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object(deleting: bool, finalizers: &[&str]) -> Object {
        let mut object = json!({"metadata": {"name": "a", "finalizers": finalizers}});
        if deleting {
            object["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into();
        }
        Object::from_value(object).expect("an object")
    }

    fn owner(uid: &str, state: OwnerState) -> (OwnerReference, OwnerState) {
        let owner = OwnerReference {
            uid: uid.to_owned(),
            ..OwnerReference::default()
        };
        (owner, state)
    }

    fn dependent(uid: &str, blocking: bool, foreground: bool) -> Dependent {
        Dependent {
            uid: uid.to_owned(),
            blocking,
            foreground,
        }
    }

    #[test]
    fn plans_as_upstream() {
        use OwnerState::{Absent, Present, Waiting};
        let texts = |texts: &[&str]| texts.iter().map(|t| (*t).to_owned()).collect();
        let live = object(false, &[]);
        let rows = [
            (&live, vec![], vec![], Step::Nothing),
            (&live, vec![owner("o", Present)], vec![], Step::Nothing),
            (
                &live,
                vec![owner("o", Absent)],
                vec![dependent("d", true, false)],
                Step::Delete(Propagation::Background),
            ),
            (
                &live,
                vec![owner("o", Absent), owner("p", Present), owner("q", Waiting)],
                vec![],
                Step::StripOwners(texts(&["o", "q"])),
            ),
            (
                &live,
                vec![owner("o", Waiting)],
                vec![],
                Step::Delete(Propagation::Background),
            ),
            (
                &live,
                vec![owner("o", Waiting)],
                vec![dependent("d", false, false)],
                Step::DeleteForeground { unblock: false },
            ),
            (
                &live,
                vec![owner("o", Waiting)],
                vec![dependent("d", false, true)],
                Step::DeleteForeground { unblock: true },
            ),
            (
                &object(false, &["orphan"]),
                vec![owner("o", Absent)],
                vec![],
                Step::Delete(Propagation::Orphan),
            ),
            (
                &object(true, &["other"]),
                vec![owner("o", Absent)],
                vec![],
                Step::Nothing,
            ),
            (
                &object(true, &["foregroundDeletion"]),
                vec![],
                vec![dependent("d", false, false)],
                Step::RemoveFinalizer("foregroundDeletion"),
            ),
            (
                &object(true, &["foregroundDeletion"]),
                vec![],
                vec![dependent("d", true, false), dependent("e", true, true)],
                Step::LookAt(texts(&["d"])),
            ),
            (
                &object(true, &["orphan"]),
                vec![],
                vec![],
                Step::RemoveFinalizer("orphan"),
            ),
            (
                &object(true, &["orphan"]),
                vec![],
                vec![dependent("d", false, false)],
                Step::Orphan(texts(&["d"])),
            ),
        ];
        for (object, owners, dependents, expected) in rows {
            let found = plan(object, &owners, &dependents);
            assert_eq!(found, expected, "{object:?} {owners:?} {dependents:?}");
        }
    }
}
