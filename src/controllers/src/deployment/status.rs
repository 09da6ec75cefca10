//! A deployment's status: counts, availability, progress.

use std::time::Duration;

use api::apps::{DeploymentCondition, DeploymentStatus};
use api::wellknown::conditions::{AVAILABLE, PROGRESSING, REPLICA_FAILURE};
use api::{Deployment, Kind, condition, remove_condition, time};
use jiff::{SignedDuration, Timestamp};

use super::budget::{max_unavailable, wanted};
use super::sets::Sets;

const TIMED_OUT: &str = "ProgressDeadlineExceeded";
const NEW_SET_AVAILABLE: &str = "NewReplicaSetAvailable";
const PAUSED: &str = "DeploymentPaused";

/// Within which progress must show; `None` for no limit.
fn deadline(deployment: &Deployment) -> Option<SignedDuration> {
    let seconds = deployment.spec.as_ref()?.progress_deadline_seconds?;
    (seconds != i32::MAX).then(|| SignedDuration::from_secs(seconds.into()))
}

/// Sets a condition, unless one with this status and reason is there: what was said first stays,
/// with its time (`SetDeploymentCondition`).
fn set(status: &mut DeploymentStatus, type_: &str, is: &str, why: (&str, &str), now: Timestamp) {
    let (reason, message) = why;
    let mut since = time::seconds(now);
    if let Some(old) = condition(&status.conditions, type_) {
        if old.status == is && old.reason.as_deref() == Some(reason) {
            return;
        }
        if let (true, Some(time)) = (old.status == is, &old.last_transition_time) {
            since = time.clone();
        }
    }
    let conditions = status.conditions.get_or_insert_default();
    conditions.retain(|c| c.type_ != type_);
    conditions.push(DeploymentCondition {
        type_: type_.to_owned(),
        status: is.to_owned(),
        reason: Some(reason.to_owned()),
        message: Some(message.to_owned()),
        last_transition_time: Some(since),
        last_update_time: Some(time::seconds(now)),
    });
}

fn progress(deployment: &Deployment) -> Option<&DeploymentCondition> {
    condition(&deployment.status.as_ref()?.conditions, PROGRESSING)
}

/// Sets `Progressing`, where a deadline asks for it.
pub(super) fn progressing(
    deployment: &mut Deployment,
    is: &str,
    why: (&str, &str),
    now: Timestamp,
) {
    if deadline(deployment).is_some() {
        let status = deployment.status.get_or_insert_default();
        set(status, PROGRESSING, is, why, now);
    }
}

/// Whether anything has been said about progress, or nothing needs to be.
pub(super) fn has_progress(deployment: &Deployment) -> bool {
    deadline(deployment).is_none() || progress(deployment).is_some()
}

/// Says that the clock of the deadline stands still while paused, or goes on.
pub(super) fn note_pause(deployment: &mut Deployment, now: Timestamp) {
    let paused = deployment.spec.as_ref().and_then(|s| s.paused) == Some(true);
    let reason = progress(deployment).and_then(|c| c.reason.as_deref());
    match (paused, reason) {
        (_, Some(TIMED_OUT)) | (true, Some(PAUSED)) => {}
        (true, _) => {
            progressing(deployment, "Unknown", (PAUSED, "Deployment is paused"), now);
        }
        (false, Some(PAUSED)) => {
            let why = ("DeploymentResumed", "Deployment is resumed");
            progressing(deployment, "Unknown", why, now);
        }
        (false, _) => {}
    }
}

/// The counts and the `Available` condition (`calculateStatus`).
pub(super) fn calculate(deployment: &Deployment, sets: &Sets, now: Timestamp) -> DeploymentStatus {
    let some = |count: i32| (count > 0).then_some(count);
    let available = sets.sum(|set| set.status.as_ref()?.available_replicas);
    let old = deployment.status.clone().unwrap_or_default();
    let updated = sets.new_set().and_then(|set| set.after.status.as_ref());
    let terminating = sets.all.iter().map(|set| match &set.after.status {
        // A set that is about to be created has none.
        None => Some(0),
        Some(status) => status.terminating_replicas,
    });
    let mut status = DeploymentStatus {
        observed_generation: deployment.metadata.generation,
        replicas: some(sets.sum(|set| Some(set.status.as_ref()?.replicas))),
        updated_replicas: some(updated.map_or(0, |status| status.replicas)),
        ready_replicas: some(sets.sum(|set| set.status.as_ref()?.ready_replicas)),
        available_replicas: some(available),
        unavailable_replicas: some(sets.total_replicas() - available),
        terminating_replicas: terminating.sum(),
        collision_count: old.collision_count,
        conditions: old.conditions,
    };
    let (is, why) = if available >= wanted(deployment) - max_unavailable(deployment) {
        let message = "Deployment has minimum availability.";
        ("True", ("MinimumReplicasAvailable", message))
    } else {
        let message = "Deployment does not have minimum availability.";
        ("False", ("MinimumReplicasUnavailable", message))
    };
    set(&mut status, AVAILABLE, is, why, now);
    status
}

/// The status during and after a rollout: with progress, and what keeps sets from having pods.
pub(super) fn rollout(deployment: &Deployment, sets: &Sets, now: Timestamp) -> DeploymentStatus {
    let mut status = calculate(deployment, sets, now);
    if deadline(deployment).is_none() {
        remove_condition(&mut status.conditions, PROGRESSING);
    } else {
        note_progress(&mut status, deployment, sets, now);
    }
    match failure(sets) {
        None => {
            remove_condition(&mut status.conditions, REPLICA_FAILURE);
        }
        Some((is, reason, message)) => {
            set(&mut status, REPLICA_FAILURE, &is, (&reason, &message), now);
        }
    }
    status
}

fn note_progress(
    status: &mut DeploymentStatus,
    deployment: &Deployment,
    sets: &Sets,
    now: Timestamp,
) {
    let said = progress(deployment);
    let over = said.is_some_and(|c| c.reason.as_deref() == Some(NEW_SET_AVAILABLE));
    if over && status.replicas == status.updated_replicas {
        return;
    }
    let subject = match sets.new_set() {
        Some(set) => format!("ReplicaSet {:?}", set.after.name()),
        None => format!("Deployment {:?}", deployment.name()),
    };
    if is_complete(deployment, status) {
        let message = format!("{subject} has successfully progressed.");
        set(
            status,
            PROGRESSING,
            "True",
            (NEW_SET_AVAILABLE, &message),
            now,
        );
    } else if has_moved(deployment, status) {
        let message = format!("{subject} is progressing.");
        // Taken away first, so that the time of the last progress is renewed.
        let since = said
            .filter(|c| c.status == "True")
            .map(|c| c.last_transition_time.clone());
        remove_condition(&mut status.conditions, PROGRESSING);
        set(
            status,
            PROGRESSING,
            "True",
            ("ReplicaSetUpdated", &message),
            now,
        );
        let conditions = status.conditions.iter_mut().flatten();
        if let (Some(since), Some(condition)) = (since, conditions.last()) {
            condition.last_transition_time = since;
        }
    } else if is_late(deployment, status, now) {
        let message = format!("{subject} has timed out progressing.");
        set(status, PROGRESSING, "False", (TIMED_OUT, &message), now);
    }
}

/// All pods are new and available, and there are no others (`DeploymentComplete`).
pub(super) fn is_complete(deployment: &Deployment, status: &DeploymentStatus) -> bool {
    let wanted = wanted(deployment);
    let counts = [
        status.updated_replicas,
        status.replicas,
        status.available_replicas,
    ];
    counts.into_iter().all(|count| count.unwrap_or(0) == wanted)
        && status.observed_generation >= deployment.metadata.generation
}

/// More new, ready or available pods than before, or fewer old ones (`DeploymentProgressing`).
fn has_moved(deployment: &Deployment, status: &DeploymentStatus) -> bool {
    let before = deployment.status.clone().unwrap_or_default();
    let old_pods = |s: &DeploymentStatus| s.replicas.unwrap_or(0) - s.updated_replicas.unwrap_or(0);
    status.updated_replicas > before.updated_replicas
        || old_pods(status) < old_pods(&before)
        || status.ready_replicas > before.ready_replicas
        || status.available_replicas > before.available_replicas
}

fn is_late(deployment: &Deployment, status: &DeploymentStatus, now: Timestamp) -> bool {
    let Some(progress) = condition(&status.conditions, PROGRESSING) else {
        return false;
    };
    match progress.reason.as_deref() {
        Some(NEW_SET_AVAILABLE) => false,
        Some(TIMED_OUT) => true,
        _ => left(deployment, progress, now).is_some_and(|left| left.is_negative()),
    }
}

/// How much of the deadline is left.
fn left(
    deployment: &Deployment,
    progress: &DeploymentCondition,
    now: Timestamp,
) -> Option<SignedDuration> {
    let since = progress.last_update_time.as_ref()?.0;
    Some(deadline(deployment)? - now.duration_since(since))
}

/// When to look again whether the deadline has passed: nothing else would happen then.
pub(super) fn next_look(deployment: &Deployment, now: Timestamp) -> Option<Duration> {
    let status = deployment.status.as_ref()?;
    let progress = progress(deployment)?;
    let settled = matches!(
        progress.reason.as_deref(),
        Some(TIMED_OUT | NEW_SET_AVAILABLE | PAUSED)
    );
    if settled || is_complete(deployment, status) {
        return None;
    }
    let left = Duration::try_from(left(deployment, progress, now)?).unwrap_or_default();
    Some(left + Duration::from_secs(1))
}

/// What keeps a set from having its pods; the new set's word counts first.
fn failure(sets: &Sets) -> Option<(String, String, String)> {
    let first = sets.new_set().into_iter();
    for set in first.chain(&sets.all) {
        let status = set.after.status.as_ref();
        let found = status.and_then(|s| condition(&s.conditions, REPLICA_FAILURE));
        if let Some(found) = found {
            let text = |text: &Option<String>| text.clone().unwrap_or_default();
            return Some((
                found.status.clone(),
                text(&found.reason),
                text(&found.message),
            ));
        }
    }
    None
}
