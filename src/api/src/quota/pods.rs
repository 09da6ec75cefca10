//! The cost of pods.

use std::collections::{BTreeMap, BTreeSet};

use apimachinery::{Object, Quantity};
use jiff::{SignedDuration, Timestamp};

use crate::requests::{self, ResourceList};
use crate::{Container, Pod, pod, view};

const COUNT: &str = "count/pods";

/// Resources whose bare name in a quota stands for their requests, with `limits.` beside it.
const COMPUTE: [&str; 3] = ["cpu", "memory", "ephemeral-storage"];

/// Limits that every container must say something about where a quota has them.
const REQUIRED: [&str; 6] = [
    "cpu",
    "memory",
    "requests.cpu",
    "requests.memory",
    "limits.cpu",
    "limits.memory",
];

pub(super) fn counts(name: &str) -> bool {
    let plain = name
        .strip_prefix("requests.")
        .or_else(|| name.strip_prefix("limits."))
        .unwrap_or(name);
    let huge_pages = ["hugepages-", "requests.hugepages-"];
    [COUNT, "pods"].contains(&name)
        || COMPUTE.contains(&plain)
        || huge_pages.iter().any(|prefix| name.starts_with(prefix))
        // Extended resources cannot be overcommitted: their requests are their limits.
        || (name.starts_with("requests.") && is_extended(plain))
}

/// `nvidia.com/gpu`: a domain, and not Kubernetes' own.
fn is_extended(name: &str) -> bool {
    name.contains('/') && !name.contains("kubernetes.io/") && !name.starts_with("requests.")
}

/// A pod that has ended, or should long be gone, holds nothing but its object.
pub(super) fn usage(object: &Object, now: Timestamp) -> ResourceList {
    let mut usage = ResourceList::from([(COUNT.to_owned(), Quantity::from_units(1))]);
    // What does not decode was refused by validation.
    if let Ok(pod) = view::<Pod>(object)
        && !pod::is_finished(&pod)
        && overstays_at(object).is_none_or(|end| now <= end)
        && let Some(spec) = &pod.spec
    {
        let requests = requests::pod_requests_during_resize(&pod);
        usage.extend(compute(&requests, &requests::pod_limits(spec)));
    }
    usage
}

/// A pod of a node that is lost may stay long past its grace.
pub(super) fn overstays_at(pod: &Object) -> Option<Timestamp> {
    let metadata = pod.metadata()?;
    let grace = metadata.get("deletionGracePeriodSeconds")?.as_i64()?;
    let end = pod.deletion_timestamp()?;
    let end = end.saturating_add(SignedDuration::from_secs(grace));
    // Past the end of time nothing is.
    Some(end.unwrap_or(Timestamp::MAX))
}

/// The names of limits that amounts count against.
fn compute(requested: &ResourceList, limited: &ResourceList) -> ResourceList {
    let mut usage = ResourceList::from([("pods".to_owned(), Quantity::from_units(1))]);
    for (name, amount) in requested {
        let compute = COMPUTE.contains(&name.as_str()) || name.starts_with("hugepages-");
        if compute {
            usage.insert(name.clone(), *amount);
        }
        if compute || is_extended(name) {
            usage.insert(format!("requests.{name}"), *amount);
        }
    }
    for name in COMPUTE {
        let limit = limited.get(name);
        usage.extend(limit.map(|amount| (format!("limits.{name}"), *amount)));
    }
    usage
}

/// What containers fail to say of the limits that a quota has: `must specify limits.cpu for: c`.
/// Amounts of the whole pod stand in for those of its containers.
pub(super) fn missing(object: &Object, hard: &ResourceList) -> Option<String> {
    let required: BTreeSet<&str> = REQUIRED
        .into_iter()
        .filter(|name| hard.contains_key(*name))
        .collect();
    let spec = view::<Pod>(object).ok()?.spec?;
    if required.is_empty() || spec.resources.as_ref().is_some_and(speaks_for_all) {
        return None;
    }
    let mut missing: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let containers = spec.containers.iter();
    for container in containers.chain(spec.init_containers.iter().flatten()) {
        let said = said(container);
        for name in required.iter().filter(|name| !said.contains_key(**name)) {
            missing.entry(name).or_default().insert(&container.name);
        }
    }
    if missing.is_empty() {
        return None;
    }
    let of = |(name, containers): (&&str, &BTreeSet<&str>)| {
        let containers: Vec<_> = containers.iter().copied().collect();
        format!("{name} for: {}", containers.join(","))
    };
    let texts: Vec<_> = missing.iter().map(of).collect();
    Some(format!("must specify {}", texts.join("; ")))
}

fn said(container: &Container) -> ResourceList {
    let resources = container.resources.as_ref();
    compute(
        &requests::parse(resources.and_then(|r| r.requests.as_ref())),
        &requests::parse(resources.and_then(|r| r.limits.as_ref())),
    )
}

fn speaks_for_all(whole: &crate::core::ResourceRequirements) -> bool {
    let lists = [&whole.requests, &whole.limits];
    let mut names = lists.into_iter().flatten().flat_map(BTreeMap::keys);
    names.any(|name| matches!(name.as_str(), "cpu" | "memory") || name.starts_with("hugepages-"))
}
