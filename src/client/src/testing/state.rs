//! Objects, revisions and their history.

use std::collections::BTreeMap;

use apimachinery::{GroupResource, GroupVersionResource, Object};
use base::TraceId;

use super::Recorded;
use super::faults::Faults;

/// Where an object lives: resource, namespace, name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) resource: GroupResource,
    pub(super) namespace: String,
    pub(super) name: String,
}

impl Key {
    pub(super) fn new(gvr: &GroupVersionResource, namespace: &str, name: &str) -> Self {
        Self {
            resource: gvr.group_resource(),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        }
    }

    pub(super) fn of(gvr: &GroupVersionResource, object: &Object) -> Self {
        Self::new(gvr, object.namespace(), object.name())
    }
}

/// One commit, as watches see it.
#[derive(Clone, Debug)]
pub(super) struct Change {
    pub(super) resource: GroupResource,
    pub(super) revision: u64,
    pub(super) old: Option<Object>,
    /// `None` when the object went away.
    pub(super) new: Option<Object>,
    pub(super) trace: TraceId,
}

pub(super) struct State {
    pub(super) revision: u64,
    /// Watches from before this revision are too old.
    pub(super) oldest: u64,
    objects: BTreeMap<Key, Object>,
    pub(super) log: Vec<Change>,
    pub(super) faults: Faults,
    pub(super) requests: Vec<Recorded>,
}

impl State {
    pub(super) fn new() -> Self {
        Self {
            revision: 1,
            oldest: 0,
            objects: BTreeMap::new(),
            log: Vec::new(),
            faults: Faults::default(),
            requests: Vec::new(),
        }
    }

    pub(super) fn get(&self, key: &Key) -> Option<&Object> {
        self.objects.get(key)
    }

    /// Objects of a resource, of one namespace or, when empty, of all, in key order.
    pub(super) fn all<'a>(
        &'a self,
        resource: GroupResource,
        namespace: &'a str,
    ) -> impl Iterator<Item = &'a Object> {
        let all = self.objects.iter();
        all.filter(move |(key, _)| {
            key.resource == resource && (namespace.is_empty() || key.namespace == namespace)
        })
        .map(|(_, object)| object)
    }

    /// Writes or, with `None`, removes an object at the next revision. Gives its last state.
    pub(super) fn commit(&mut self, key: Key, new: Option<Object>, trace: TraceId) -> Object {
        self.revision += 1;
        let version = self.revision.to_string();
        let old = self.objects.remove(&key);
        let stamped = new.map(|mut object| {
            object.set_meta("resourceVersion", &version);
            object
        });
        let last = stamped.clone().or_else(|| old.clone()).map(|mut object| {
            object.set_meta("resourceVersion", &version);
            object
        });
        if !self.faults.drops(&key.resource.resource) {
            self.log.push(Change {
                resource: key.resource.clone(),
                revision: self.revision,
                old,
                new: stamped.clone(),
                trace,
            });
        }
        if let Some(object) = stamped {
            self.objects.insert(key, object);
        }
        last.expect("an object is written or was there")
    }
}
