//! What a deployment's sets need: a pure function from a snapshot to steps.

use std::collections::BTreeMap;
use std::time::Duration;

use api::wellknown::annotations::DEPLOYMENT_REVISION;
use api::{Deployment, Kind, ReplicaSet};
use apimachinery::Object;
use jiff::Timestamp;

use super::annotations::{hand_down, put};
use super::hash::comparable;
use super::sets::{Sets, new_replicas, template};
use super::{budget, rollout, status};
use crate::view::Viewed;

/// What is known when a plan is made.
pub(super) struct Snapshot<'a> {
    pub(super) deployment: &'a Viewed<Deployment>,
    /// The sets it controls.
    pub(super) sets: Vec<Viewed<ReplicaSet>>,
    /// By the UID of their set, pods that are neither succeeded nor failed.
    pub(super) unfinished_pods: BTreeMap<String, usize>,
    pub(super) now: Timestamp,
}

/// What is to be done, in this order; the deployment last.
pub(super) struct Plan {
    pub(super) steps: Vec<Step>,
    pub(super) after: Deployment,
    pub(super) again: Option<Duration>,
}

pub(super) enum Step {
    /// A new set.
    Create { object: Object, replicas: i32 },
    /// Another size, or other annotations.
    Update {
        before: Box<Viewed<ReplicaSet>>,
        after: Box<ReplicaSet>,
    },
    /// A revision beyond the limit.
    Delete(Box<ReplicaSet>),
}

pub(super) fn plan(snapshot: Snapshot<'_>) -> Plan {
    let mut work = Work {
        deployment: snapshot.deployment.typed.clone(),
        sets: Sets::of(snapshot.deployment, snapshot.sets),
        source: snapshot.deployment,
        now: snapshot.now,
    };
    let spec = snapshot.deployment.spec.as_ref();
    let paused = spec.and_then(|spec| spec.paused) == Some(true);
    let mut rolling_out = false;
    if snapshot.deployment.is_terminating() {
        work.follow_revision();
    } else {
        status::note_pause(&mut work.deployment, work.now);
        work.follow_revision();
        if paused {
            rollout::resize(&mut work.sets, &work.deployment);
            rollout::clean_up(&mut work.sets, &work.deployment);
        } else if rollout::was_resized(&work.sets, &work.deployment) {
            rollout::resize(&mut work.sets, &work.deployment);
        } else {
            rolling_out = true;
            work.roll_out(&snapshot.unfinished_pods);
        }
    }
    work.finish(rolling_out)
}

/// A plan in the making: the deployment and its sets as they will be.
struct Work<'a> {
    deployment: Deployment,
    sets: Sets,
    source: &'a Viewed<Deployment>,
    now: Timestamp,
}

impl Work<'_> {
    /// Keeps the new set's revision the highest, and the deployment's annotation equal to it.
    fn follow_revision(&mut self) {
        let revision = self.sets.next_revision();
        let Some(at) = self.sets.new else {
            return;
        };
        let set = &mut self.sets.all[at].after;
        hand_down(set, &self.deployment, revision);
        let spec = self.deployment.spec.as_ref();
        let seconds = spec.and_then(|spec| spec.min_ready_seconds);
        if let Some(spec) = &mut set.spec
            && spec.min_ready_seconds.unwrap_or(0) != seconds.unwrap_or(0)
        {
            spec.min_ready_seconds = seconds;
        }
        let name = set.name().to_owned();
        self.show_revision(at);
        if !status::has_progress(&self.deployment) {
            let message = format!("Found new replica set {name:?}");
            let why = ("FoundNewReplicaSet", message.as_str());
            status::progressing(&mut self.deployment, "True", why, self.now);
        }
    }

    fn show_revision(&mut self, at: usize) {
        let revision = self.sets.all[at].after.annotation(DEPLOYMENT_REVISION);
        if let Some(revision) = revision.map(str::to_owned) {
            put(&mut self.deployment, DEPLOYMENT_REVISION, revision);
        }
    }

    fn roll_out(&mut self, unfinished_pods: &BTreeMap<String, usize>) {
        let moved = if budget::is_rolling(&self.deployment) {
            self.create_new();
            rollout::reconcile_new(&mut self.sets, &self.deployment)
                || rollout::reconcile_old(&mut self.sets, &self.deployment)
        } else {
            self.recreate(unfinished_pods)
        };
        let complete = |s| status::is_complete(&self.deployment, s);
        if !moved && self.deployment.status.as_ref().is_some_and(complete) {
            rollout::clean_up(&mut self.sets, &self.deployment);
        }
    }

    /// First all old pods go, terminating ones too, then the new ones come.
    fn recreate(&mut self, unfinished_pods: &BTreeMap<String, usize>) -> bool {
        if rollout::stop_old(&mut self.sets, &self.deployment)
            || rollout::old_pods_remain(&self.sets, unfinished_pods)
        {
            return true;
        }
        self.create_new();
        let wanted = budget::wanted(&self.deployment);
        match self.sets.new {
            Some(at) if self.sets.all[at].replicas() != wanted => {
                self.sets.scale(at, wanted, &self.deployment)
            }
            _ => false,
        }
    }

    /// Makes the set for the template, unless there is one.
    fn create_new(&mut self) {
        if self.sets.new.is_some() {
            return;
        }
        self.sets.create(self.source, self.now);
        let at = self.sets.all.len() - 1;
        let replicas = new_replicas(&self.sets, &self.sets.all[at], &self.deployment);
        self.sets.scale(at, replicas, &self.deployment);
        self.show_revision(at);
        let message = format!(
            "Created new replica set {:?}",
            self.sets.all[at].after.name()
        );
        let why = ("NewReplicaSetCreated", message.as_str());
        status::progressing(&mut self.deployment, "True", why, self.now);
    }

    fn finish(self, rolling_out: bool) -> Plan {
        let (deployment, sets, now) = (&self.deployment, &self.sets, self.now);
        let status = if rolling_out {
            status::rollout(deployment, sets, now)
        } else {
            status::calculate(deployment, sets, now)
        };
        let mut after = self.deployment;
        after.status = Some(status);
        let again = status::next_look(&after, now);
        let mut steps = Vec::new();
        for set in self.sets.all {
            match (set.to_create(), set.before) {
                (Some(object), _) => steps.push(Step::Create {
                    object,
                    replicas: set.after.spec.and_then(|s| s.replicas).unwrap_or(0),
                }),
                (None, Some(before)) if set.deleted => {
                    steps.push(Step::Delete(before.typed.into()));
                }
                (None, Some(before)) if before.typed != set.after => steps.push(Step::Update {
                    before: before.into(),
                    after: set.after.into(),
                }),
                _ => {}
            }
        }
        steps.sort_by_key(Step::rank);
        Plan {
            steps,
            after,
            again,
        }
    }
}

impl Step {
    /// What adds pods comes first: should it fail, nothing has been taken away for it.
    fn rank(&self) -> u8 {
        match self {
            Self::Create { .. } => 0,
            Self::Update { before, after } => {
                let grows = budget::set_replicas(after) > budget::set_replicas(before);
                if grows { 1 } else { 2 }
            }
            Self::Delete(_) => 3,
        }
    }
}

/// The deployment whose new set could not be created.
pub(super) fn create_failed(
    deployment: &Deployment,
    set: &str,
    error: &str,
    now: Timestamp,
) -> (Deployment, String) {
    let message = format!("Failed to create new replica set {set:?}: {error}");
    let mut after = deployment.clone();
    let why = ("ReplicaSetCreateError", message.as_str());
    status::progressing(&mut after, "False", why, now);
    (after, message)
}

/// The deployment whose new set's name is taken: its next hash will be another.
pub(super) fn collided(deployment: &Deployment) -> Deployment {
    let mut after = deployment.clone();
    let status = after.status.get_or_insert_default();
    status.collision_count = Some(status.collision_count.unwrap_or(0) + 1);
    after
}

/// Whether two sets carry the same template.
pub(super) fn same_template(a: &Object, b: &Object) -> bool {
    comparable(template(a)) == comparable(template(b))
}

#[cfg(test)]
mod tests;
