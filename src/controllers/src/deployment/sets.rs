//! The replica sets of a deployment as a plan changes them.

use std::cmp::Reverse;

use api::wellknown::labels::POD_TEMPLATE_HASH;
use api::{Deployment, Kind, OwnerReference, ReplicaSet, owner};
use apimachinery::Object;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::annotations::{self, revision};
use super::budget::{is_rolling, max_surge, set_replicas, wanted};
use super::hash::{comparable, set_name, template_hash};
use crate::claim::reference;
use crate::view::Viewed;

/// One set: as the cache shows it, and as it will be.
pub(super) struct Set {
    /// Absent when the plan creates it.
    pub(super) before: Option<Viewed<ReplicaSet>>,
    pub(super) after: ReplicaSet,
    template: Value,
    /// The object to create, for a set that does not exist.
    object: Option<Object>,
    pub(super) deleted: bool,
}

impl Set {
    pub(super) fn replicas(&self) -> i32 {
        set_replicas(&self.after)
    }

    pub(super) fn available(&self) -> i32 {
        let status = self.after.status.as_ref();
        status.and_then(|s| s.available_replicas).unwrap_or(0)
    }

    fn created(&self) -> (Option<Timestamp>, &str) {
        let at = self.after.metadata.creation_timestamp.as_ref();
        (at.map(|time| time.0), self.after.name())
    }
}

/// All sets, the oldest first, and which of them carries the deployment's template.
pub(super) struct Sets {
    pub(super) all: Vec<Set>,
    pub(super) new: Option<usize>,
}

impl Sets {
    pub(super) fn of(deployment: &Viewed<Deployment>, sets: Vec<Viewed<ReplicaSet>>) -> Self {
        let all = sets.into_iter().map(|set| Set {
            template: comparable(template(&set.json)),
            after: set.typed.clone(),
            before: Some(set),
            object: None,
            deleted: false,
        });
        let mut all: Vec<Set> = all.collect();
        all.sort_by(|a, b| a.created().cmp(&b.created()));
        let wanted = comparable(template(&deployment.json));
        // The oldest with this template: a rollback brings it back into use.
        let new = all.iter().position(|set| set.template == wanted);
        Self { all, new }
    }

    pub(super) fn new_set(&self) -> Option<&Set> {
        self.new.map(|at| &self.all[at])
    }

    /// Indexes of all but the new set, the oldest first.
    pub(super) fn old(&self) -> Vec<usize> {
        let all = 0..self.all.len();
        all.filter(|at| Some(*at) != self.new).collect()
    }

    /// Those of `indexes` that want pods.
    pub(super) fn active(&self, mut indexes: Vec<usize>) -> Vec<usize> {
        indexes.retain(|at| self.all[*at].replicas() > 0);
        indexes
    }

    pub(super) fn everyone(&self) -> Vec<usize> {
        (0..self.all.len()).collect()
    }

    pub(super) fn total_replicas(&self) -> i32 {
        self.all.iter().map(Set::replicas).sum()
    }

    /// Sums a count of the statuses.
    pub(super) fn sum(&self, count: impl Fn(&ReplicaSet) -> Option<i32>) -> i32 {
        let counts = self.all.iter().filter_map(|set| count(&set.after));
        counts.sum()
    }

    /// The revision after the highest of the old sets.
    pub(super) fn next_revision(&self) -> i64 {
        let old = self.old().into_iter();
        let highest = old.map(|at| revision(&self.all[at].after)).max();
        highest.unwrap_or(0) + 1
    }

    /// Wants another number of pods of a set, and says whether that is a change.
    pub(super) fn scale(&mut self, at: usize, replicas: i32, deployment: &Deployment) -> bool {
        let set = &mut self.all[at];
        let changed = set.replicas() != replicas;
        set.after.spec.get_or_insert_default().replicas = Some(replicas);
        annotations::set_size(&mut set.after, deployment);
        changed
    }

    /// Sorts by size, the largest first; equals by age, the newer first or last.
    pub(super) fn sort_by_size(&self, indexes: &mut [usize], newer_first: bool) {
        indexes.sort_by(|a, b| {
            let (a, b) = (&self.all[*a], &self.all[*b]);
            let by_age = a.created().cmp(&b.created());
            let by_age = if newer_first {
                by_age.reverse()
            } else {
                by_age
            };
            let by_size = Reverse(a.replicas()).cmp(&Reverse(b.replicas()));
            by_size.then(by_age)
        });
    }

    /// Adds the set that carries the deployment's template, without pods yet.
    pub(super) fn create(&mut self, deployment: &Viewed<Deployment>, now: Timestamp) {
        let owner = owner::controller_reference(&deployment.typed);
        let object = fresh(deployment, &owner);
        let mut after: ReplicaSet = api::view(&object).expect("made of a deployment that decoded");
        after.metadata.creation_timestamp = Some(api::time::seconds(now));
        let revision = self.next_revision();
        annotations::hand_down(&mut after, deployment, revision);
        annotations::set_size(&mut after, deployment);
        self.new = Some(self.all.len());
        self.all.push(Set {
            template: comparable(template(&deployment.json)),
            before: None,
            after,
            object: Some(object),
            deleted: false,
        });
    }
}

impl Set {
    /// The object that creates this set: the deployment's template copied whole, with the
    /// replicas and annotations that the plan came to.
    pub(super) fn to_create(&self) -> Option<Object> {
        let mut object = self.object.clone()?;
        let annotations = self.after.metadata.annotations.clone().unwrap_or_default();
        object
            .metadata_mut()
            .insert("annotations".into(), json!(annotations));
        object
            .map_mut("spec")
            .insert("replicas".into(), self.replicas().into());
        Some(object)
    }
}

pub(super) fn template(object: &Object) -> &Value {
    object.at("/spec/template").unwrap_or(&Value::Null)
}

fn fresh(deployment: &Viewed<Deployment>, owner: &OwnerReference) -> Object {
    let status = deployment.status.as_ref();
    let plain = comparable(template(&deployment.json));
    let hash = template_hash(&plain, status.and_then(|s| s.collision_count));
    let spec = deployment.json.at("/spec");
    let field = |name: &str| spec.and_then(|spec| spec.get(name)).cloned();
    let mut template = template(&deployment.json).clone();
    let mut selector = field("selector").unwrap_or_else(|| json!({}));
    template["metadata"]["labels"][POD_TEMPLATE_HASH] = hash.as_str().into();
    selector["matchLabels"][POD_TEMPLATE_HASH] = hash.as_str().into();
    let set = json!({
        "apiVersion": "apps/v1", "kind": "ReplicaSet",
        "metadata": {
            "name": set_name(deployment.name(), &hash),
            "namespace": deployment.namespace(),
            "labels": template["metadata"]["labels"],
            "ownerReferences": [reference(owner)],
        },
        "spec": {
            "replicas": 0,
            "minReadySeconds": field("minReadySeconds").unwrap_or_else(|| 0.into()),
            "selector": selector,
            "template": template,
        },
    });
    Object::from_value(set).expect("just written as an object")
}

/// How many replicas the new set should have, whatever the old ones do (`NewRSNewReplicas`).
pub(super) fn new_replicas(sets: &Sets, new: &Set, deployment: &Deployment) -> i32 {
    let wanted = wanted(deployment);
    if !is_rolling(deployment) {
        return wanted;
    }
    let room = wanted + max_surge(deployment) - sets.total_replicas();
    if room <= 0 {
        return new.replicas();
    }
    new.replicas() + room.min(wanted - new.replicas())
}
