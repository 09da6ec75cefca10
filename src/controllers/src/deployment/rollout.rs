//! What a deployment's sets should be scaled to: rolling, recreating, resizing, cleaning up.
//!
//! Every function changes the plan's picture of the sets and says whether it did.

use std::collections::BTreeMap;

use api::{Deployment, Kind};

use super::annotations::{self, desired, revision};
use super::budget::{is_rolling, max_surge, max_unavailable, wanted};
use super::sets::{Set, Sets, new_replicas};

/// Brings the new set to its size, as far as the surge allows.
pub(super) fn reconcile_new(sets: &mut Sets, deployment: &Deployment) -> bool {
    let Some(at) = sets.new else {
        return false;
    };
    let (set, wanted) = (&sets.all[at], wanted(deployment));
    if set.replicas() == wanted {
        return false;
    }
    let replicas = if set.replicas() > wanted {
        wanted
    } else {
        new_replicas(sets, set, deployment)
    };
    replicas != sets.all[at].replicas() && sets.scale(at, replicas, deployment)
}

/// Takes pods from old sets: first those that are not available anyway, then as many as may
/// be missing.
pub(super) fn reconcile_old(sets: &mut Sets, deployment: &Deployment) -> bool {
    let old = sets.active(sets.old());
    if old.is_empty() {
        return false;
    }
    let least = wanted(deployment) - max_unavailable(deployment);
    let new_unavailable = sets
        .new_set()
        .map_or(0, |new| new.replicas() - new.available());
    let most = sets.total_replicas() - least - new_unavailable;
    if most <= 0 {
        return false;
    }
    let unhealthy = take(sets, &old, most, deployment, |set| {
        (set.replicas() - set.available()).max(0)
    });
    let available = sets.sum(|set| set.status.as_ref()?.available_replicas);
    let healthy = take(sets, &old, available - least, deployment, Set::replicas);
    unhealthy + healthy > 0
}

/// Takes at most `most` pods from the sets, the oldest first, and from each what `from` says.
fn take(
    sets: &mut Sets,
    old: &[usize],
    most: i32,
    deployment: &Deployment,
    from: impl Fn(&Set) -> i32,
) -> i32 {
    let mut taken = 0;
    for at in old {
        let set = &sets.all[*at];
        let count = from(set).min(most - taken);
        if count > 0 {
            let left = set.replicas() - count;
            sets.scale(*at, left, deployment);
            taken += count;
        }
    }
    taken
}

/// Takes all pods from old sets.
pub(super) fn stop_old(sets: &mut Sets, deployment: &Deployment) -> bool {
    let old = sets.active(sets.old());
    for at in &old {
        sets.scale(*at, 0, deployment);
    }
    !old.is_empty()
}

/// Whether pods of old sets still run or end; `unfinished` counts pods by set. A pod whose fate
/// is unknown counts too.
pub(super) fn old_pods_remain(sets: &Sets, unfinished: &BTreeMap<String, usize>) -> bool {
    let counted = |set: &Set| set.after.status.as_ref().map_or(0, |s| s.replicas);
    let new = sets.new_set().map(|set| set.after.uid());
    sets.old().into_iter().any(|at| counted(&sets.all[at]) > 0)
        || unfinished
            .iter()
            .any(|(uid, count)| *count > 0 && Some(uid.as_str()) != new)
}

/// Whether the deployment's size has changed since a set that wants pods was last scaled.
pub(super) fn was_resized(sets: &Sets, deployment: &Deployment) -> bool {
    let active = sets.active(sets.everyone()).into_iter();
    let mut sizes = active.filter_map(|at| desired(&sets.all[at].after));
    sizes.any(|size| size != wanted(deployment))
}

/// Resizes: a single active set takes it all; when the new set has taken over, old ones end;
/// within a rollout, every set gets its share.
pub(super) fn resize(sets: &mut Sets, deployment: &Deployment) {
    let wanted = wanted(deployment);
    if let Some(only) = active_or_latest(sets) {
        sets.scale(only, wanted, deployment);
    } else if is_saturated(sets, wanted) {
        stop_old(sets, deployment);
    } else if is_rolling(deployment) {
        resize_by_share(sets, deployment);
    }
}

/// The only set that wants pods; when none does, the new one or else the newest. `None` when
/// several do (`FindActiveOrLatest`).
fn active_or_latest(sets: &Sets) -> Option<usize> {
    match sets.active(sets.everyone())[..] {
        [] => sets.new.or(sets.all.len().checked_sub(1)),
        [only] => Some(only),
        _ => None,
    }
}

fn is_saturated(sets: &Sets, wanted: i32) -> bool {
    sets.new_set().is_some_and(|new| {
        new.replicas() == wanted && desired(&new.after) == Some(wanted) && new.available() == wanted
    })
}

fn resize_by_share(sets: &mut Sets, deployment: &Deployment) {
    let wanted = wanted(deployment);
    let allowed = if wanted > 0 {
        wanted + max_surge(deployment)
    } else {
        0
    };
    let mut active = sets.active(sets.everyone());
    let total: i32 = active.iter().map(|at| sets.all[*at].replicas()).sum();
    let to_add = allowed - total;
    // The newest of the largest grow first, the oldest of the largest shrink first.
    sets.sort_by_size(&mut active, to_add > 0);
    let mut added = 0;
    let mut sizes = Vec::new();
    for at in &active {
        let set = &sets.all[*at];
        let part = share(set, deployment, to_add - added);
        added += part;
        sizes.push(set.replicas() + part);
    }
    if let Some(first) = sizes.first_mut() {
        *first = (*first + to_add - added).max(0);
    }
    for (at, size) in active.into_iter().zip(sizes) {
        sets.scale(at, size, deployment);
    }
}

/// A set's part of a resize, at most what is left of it (`GetReplicaSetProportion`).
fn share(set: &Set, deployment: &Deployment, left: i32) -> i32 {
    if left == 0 {
        return 0;
    }
    let part = fraction(set, deployment);
    if left > 0 {
        part.min(left)
    } else {
        part.max(left)
    }
}

/// How much a set grows when its part of the whole shall stay the same.
fn fraction(set: &Set, deployment: &Deployment) -> i32 {
    let replicas = set.replicas();
    if wanted(deployment) == 0 {
        return -replicas;
    }
    let most = wanted(deployment) + max_surge(deployment);
    let status = deployment.status.as_ref().and_then(|s| s.replicas);
    let most_before = annotations::max(&set.after).filter(|max| *max != 0);
    let Some(most_before) = most_before.or(status).filter(|count| *count != 0) else {
        return 0;
    };
    // Rounded half away from zero, as upstream's `RoundToInt32`; all counts are positive.
    let product = 2 * i64::from(replicas) * i64::from(most) + i64::from(most_before);
    let size = product / (2 * i64::from(most_before));
    i32::try_from(size).unwrap_or(i32::MAX) - replicas
}

/// Deletes the oldest revisions beyond the limit, of sets that have and want no pods.
pub(super) fn clean_up(sets: &mut Sets, deployment: &Deployment) {
    let limit = deployment.spec.as_ref();
    let limit = limit.and_then(|spec| spec.revision_history_limit);
    let Some(limit) = limit.filter(|limit| *limit != i32::MAX) else {
        return;
    };
    let mut old = sets.old();
    old.retain(|at| !sets.all[*at].after.is_terminating());
    let limit = usize::try_from(limit).unwrap_or(0);
    let surplus = old.len().saturating_sub(limit);
    // Sets come oldest first and the sort is stable, so equal revisions go by age.
    old.sort_by_key(|at| revision(&sets.all[*at].after));
    for at in old.into_iter().take(surplus) {
        let set = &mut sets.all[at];
        let (metadata, status) = (&set.after.metadata, set.after.status.as_ref());
        let observed = status.and_then(|s| s.observed_generation).unwrap_or(0);
        let has_pods = status.map_or(0, |s| s.replicas) != 0 || set.replicas() != 0;
        set.deleted = !has_pods && metadata.generation.unwrap_or(0) <= observed;
    }
}
