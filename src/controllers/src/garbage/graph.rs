//! Who owns whom: the metadata of every object that informers have shown.

use std::collections::{BTreeSet, HashMap};

use api::wellknown::finalizers::{FOREGROUND, ORPHAN};
use apimachinery::{Encoded, Object, OwnerReference};
use informer::{Change, Key};

/// What the graph keeps of an object.
#[derive(Clone, Debug)]
pub(super) struct Node {
    /// Index into the served resources.
    pub(super) resource: usize,
    pub(super) key: Key,
    pub(super) owners: Vec<OwnerReference>,
    /// Its dependents are to go before it.
    pub(super) foreground: bool,
    /// Its dependents are to stay without it.
    pub(super) orphaning: bool,
}

impl Node {
    fn of(resource: usize, object: &Object) -> Self {
        let deleting = !object.meta("deletionTimestamp").is_empty();
        let has = |name| deleting && object.finalizers().any(|f| f == name);
        Self {
            resource,
            key: Key::new(object.namespace(), object.name()),
            owners: object.owner_references(),
            foreground: has(FOREGROUND),
            orphaning: has(ORPHAN),
        }
    }

    fn blocks(&self, owner: &str) -> bool {
        let mut owners = self.owners.iter();
        owners.any(|o| o.uid == owner && o.block_owner_deletion == Some(true))
    }
}

/// A dependent as its owner's plan sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Dependent {
    pub(super) uid: String,
    pub(super) blocking: bool,
    pub(super) foreground: bool,
}

/// Objects by UID, and dependents by the UID of their owner, whether that is known or not.
#[derive(Default)]
pub(super) struct Graph {
    nodes: HashMap<String, Node>,
    dependents: HashMap<String, BTreeSet<String>>,
}

impl Graph {
    pub(super) fn node(&self, uid: &str) -> Option<Node> {
        self.nodes.get(uid).cloned()
    }

    pub(super) fn dependents(&self, owner: &str) -> Vec<Dependent> {
        let uids = self.dependents.get(owner).into_iter().flatten();
        let dependent = |uid: &String| {
            let node = self.nodes.get(uid)?;
            Some(Dependent {
                uid: uid.clone(),
                blocking: node.blocks(owner),
                foreground: node.foreground,
            })
        };
        uids.filter_map(dependent).collect()
    }

    /// Takes a change in; gives the UIDs of the objects that are to be looked at for it.
    pub(super) fn apply(&mut self, resource: usize, change: &Change<'_>) -> BTreeSet<String> {
        let Some(object) = decode(change.object()) else {
            return BTreeSet::new();
        };
        let uid = object.uid().to_owned();
        let mut look = BTreeSet::new();
        if let Change::Modified { old, .. } = change
            && let Some(old) = decode(old).filter(|old| old.uid() != uid)
        {
            // Deleted and created again between two lists.
            self.remove(old.uid(), &mut look);
        }
        if matches!(change, Change::Deleted(_)) {
            self.remove(&uid, &mut look);
        } else {
            self.put(&uid, Node::of(resource, &object), &mut look);
        }
        look
    }

    fn put(&mut self, uid: &str, node: Node, look: &mut BTreeSet<String>) {
        let old = self.nodes.insert(uid.to_owned(), node.clone());
        if let Some(old) = &old {
            self.unlink(uid, old);
        }
        for owner in &node.owners {
            let dependents = self.dependents.entry(owner.uid.clone()).or_default();
            dependents.insert(uid.to_owned());
        }
        let had = |flag: fn(&Node) -> bool| old.as_ref().is_some_and(flag);
        if node.orphaning || node.foreground {
            look.insert(uid.to_owned());
        }
        if node.foreground && !had(|old| old.foreground) {
            look.extend(self.dependents.get(uid).into_iter().flatten().cloned());
        }
        if old.as_ref().is_none_or(|old| old.owners != node.owners) {
            let doubtful = |owner: &OwnerReference| {
                let owner = self.nodes.get(&owner.uid);
                owner.is_none_or(|owner| owner.foreground)
            };
            if node.owners.iter().any(doubtful) {
                look.insert(uid.to_owned());
            }
            if let Some(old) = &old {
                self.waiting_owners(old, look);
            }
        }
    }

    fn remove(&mut self, uid: &str, look: &mut BTreeSet<String>) {
        look.extend(self.dependents.get(uid).into_iter().flatten().cloned());
        if let Some(old) = self.nodes.remove(uid) {
            self.unlink(uid, &old);
            self.waiting_owners(&old, look);
        }
    }

    /// Owners that wait for dependents to go, of which this may have been the last.
    fn waiting_owners(&self, node: &Node, look: &mut BTreeSet<String>) {
        let waiting = |uid: &str| self.nodes.get(uid).is_some_and(|owner| owner.foreground);
        let owners = node.owners.iter().map(|owner| owner.uid.clone());
        look.extend(owners.filter(|uid| waiting(uid)));
    }

    fn unlink(&mut self, uid: &str, node: &Node) {
        for owner in &node.owners {
            if let Some(dependents) = self.dependents.get_mut(&owner.uid) {
                dependents.remove(uid);
                if dependents.is_empty() {
                    self.dependents.remove(&owner.uid);
                }
            }
        }
    }
}

fn decode(object: &Encoded) -> Option<Object> {
    match object.to_object() {
        Ok(object) => Some(object),
        Err(error) => {
            tracing::error!(%error, revision = object.revision(), "an object was passed over");
            None
        }
    }
}
