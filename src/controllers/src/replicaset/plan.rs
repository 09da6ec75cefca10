//! What a ReplicaSet's pods need: a pure function from a snapshot to steps.

use std::collections::BTreeMap;
use std::time::Duration;

use api::wellknown::conditions::REPLICA_FAILURE;
use api::{Kind, Pod, ReplicaSet, apps::ReplicaSetCondition, pod, time};
use apimachinery::LabelSelector;
use jiff::Timestamp;

use super::rank::Rank;
use crate::claim::{Claim, Claimant};

/// At most so many pods are created or deleted in one go (upstream's `BurstReplicas`).
const BURST: usize = 500;

/// What is known when a plan is made.
pub(super) struct Snapshot<'a> {
    pub(super) set: &'a ReplicaSet,
    pub(super) selector: &'a LabelSelector,
    /// Pods of the namespace that the set owns or might adopt.
    pub(super) pods: Vec<Pod>,
    /// By node, the active pods of this set and of those that share its owner.
    pub(super) crowds: BTreeMap<String, usize>,
    pub(super) now: Timestamp,
}

/// What is to be done, in this order.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) adopt: Vec<Pod>,
    pub(super) release: Vec<Pod>,
    pub(super) work: Work,
    pub(super) counts: Counts,
    /// When a pod that is ready becomes available.
    pub(super) again: Option<Duration>,
}

#[derive(Debug, Default)]
pub(super) enum Work {
    #[default]
    Nothing,
    Create(usize),
    Delete(Vec<Pod>),
}

/// What the status counts.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) active: i32,
    labeled: i32,
    ready: i32,
    available: i32,
    terminating: i32,
}

/// The replicas that a set wants; 1 when it does not say, as the server defaults it.
pub(super) fn wanted(set: &ReplicaSet) -> i32 {
    set.spec.as_ref().and_then(|s| s.replicas).unwrap_or(1)
}

fn min_ready_seconds(set: &ReplicaSet) -> i32 {
    let spec = set.spec.as_ref();
    spec.and_then(|s| s.min_ready_seconds).unwrap_or(0)
}

pub(super) fn plan(snapshot: Snapshot<'_>) -> Plan {
    let set = snapshot.set;
    let claimant = Claimant {
        metadata: &set.metadata,
        selector: snapshot.selector,
    };
    let mut plan = Plan::default();
    let mut active = Vec::new();
    for pod in snapshot.pods {
        let claim = claimant.claim(&pod.metadata);
        if !pod::is_active(&pod) {
            let terminating = claim == Claim::Owned && !pod::is_finished(&pod);
            plan.counts.terminating += i32::from(terminating);
            continue;
        }
        match claim {
            Claim::Foreign => continue,
            Claim::Release => {
                plan.release.push(pod);
                continue;
            }
            Claim::Adopt => plan.adopt.push(pod.clone()),
            Claim::Owned => {}
        }
        active.push(pod);
    }
    count(&mut plan, set, &active, snapshot.now);
    if !set.is_terminating() {
        plan.work = work(set, active, &snapshot.crowds, snapshot.now);
    }
    plan
}

fn count(plan: &mut Plan, set: &ReplicaSet, active: &[Pod], now: Timestamp) {
    let template = set.spec.as_ref().and_then(|s| s.template.as_ref());
    let labels = template.and_then(|t| t.metadata.as_ref()?.labels.as_ref());
    let labeled = |pod: &&Pod| {
        let mut labels = labels.into_iter().flatten();
        labels.all(|(key, value)| pod.label(key) == Some(value))
    };
    let waits = active
        .iter()
        .filter_map(|pod| pod::until_available(pod, min_ready_seconds(set), now));
    let waits: Vec<Duration> = waits.collect();
    let counts = &mut plan.counts;
    counts.active = number(active.len());
    counts.labeled = number(active.iter().filter(labeled).count());
    counts.ready = number(active.iter().filter(|pod| pod::is_ready(pod)).count());
    counts.available = number(waits.iter().filter(|wait| wait.is_zero()).count());
    plan.again = waits.into_iter().filter(|wait| !wait.is_zero()).min();
}

fn number(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

fn work(
    set: &ReplicaSet,
    mut active: Vec<Pod>,
    crowds: &BTreeMap<String, usize>,
    now: Timestamp,
) -> Work {
    let wanted = usize::try_from(wanted(set)).unwrap_or(0);
    if active.len() < wanted {
        return Work::Create((wanted - active.len()).min(BURST));
    }
    let surplus = (active.len() - wanted).min(BURST);
    if surplus == 0 {
        return Work::Nothing;
    }
    active.sort_by_cached_key(|pod| Rank::of(pod, crowds, now));
    active.truncate(surplus);
    Work::Delete(active)
}

/// The set with the status it should have. `failure` is what came of the work.
pub(super) fn with_status(
    set: &ReplicaSet,
    counts: &Counts,
    failure: Option<&str>,
    now: Timestamp,
) -> ReplicaSet {
    let mut set = set.clone();
    let short = counts.active < wanted(&set);
    let status = set.status.get_or_insert_default();
    let some = |count: i32| (count > 0).then_some(count);
    status.replicas = counts.active;
    status.fully_labeled_replicas = some(counts.labeled);
    status.ready_replicas = some(counts.ready);
    status.available_replicas = some(counts.available);
    status.terminating_replicas = Some(counts.terminating);
    status.observed_generation = set.metadata.generation;
    let Some(message) = failure else {
        api::remove_condition(&mut status.conditions, REPLICA_FAILURE);
        return set;
    };
    // The first failure stays until a success, as upstream keeps it.
    if api::condition(&status.conditions, REPLICA_FAILURE).is_none() {
        let reason = if short {
            "FailedCreate"
        } else {
            "FailedDelete"
        };
        let condition = ReplicaSetCondition {
            type_: REPLICA_FAILURE.to_owned(),
            status: "True".to_owned(),
            reason: Some(reason.to_owned()),
            message: Some(message.to_owned()),
            last_transition_time: Some(time::seconds(now)),
        };
        api::set_condition(&mut status.conditions, condition);
    }
    set
}

#[cfg(test)]
mod tests;
