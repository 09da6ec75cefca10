//! The decision about one write.

use std::collections::HashSet;

use apimachinery::{GroupResource, Object, Quantity};
use jiff::Timestamp;

use super::{Quota, counts, in_scope, pods, usage};
use crate::requests::{ResourceList, add};

/// A write that may cost something.
#[derive(Clone, Copy, Debug)]
pub struct Write<'a> {
    pub resource: &'a GroupResource,
    /// `None` on creation.
    pub old: Option<&'a Object>,
    pub new: &'a Object,
    pub now: Timestamp,
}

/// Whether quotas look at a write at all: at creations, and at updates of what can grow.
#[must_use]
pub fn is_charged(resource: &GroupResource, subresource: &str, creates: bool) -> bool {
    let grows = resource.group.is_empty()
        && match &*resource.resource {
            "pods" => subresource == "resize",
            "services" | "persistentvolumeclaims" => subresource.is_empty(),
            _ => false,
        };
    if creates {
        subresource.is_empty()
    } else {
        grows
    }
}

/// Charges a write to the quotas it concerns: their indexes and their new `status.used`. Only
/// growth is charged; what shrinks is given back by the controller.
///
/// # Errors
/// The refusal in upstream's words, to be put into a Forbidden.
pub fn charge(write: &Write<'_>, quotas: &[Quota]) -> Result<Vec<(usize, ResourceList)>, String> {
    let mut concerned = Vec::new();
    for (index, quota) in quotas.iter().enumerate() {
        if let Some(counted) = counted(write, quota)? {
            concerned.push((index, quota, counted));
        }
    }
    let growth = growth(write)?;
    let mut charged = Vec::new();
    for (index, quota, counted) in concerned {
        let mut asked = growth.clone();
        let counted: HashSet<&str> = counted.into_iter().collect();
        asked.retain(|name, _| counted.contains(name.as_str()));
        if !asked.is_empty() {
            charged.push((index, charge_one(quota, &asked)?));
        }
    }
    Ok(charged)
}

/// The names of the quota's limits that count this object; `None` when none does.
fn counted<'a>(write: &Write<'_>, quota: &'a Quota) -> Result<Option<Vec<&'a str>>, String> {
    let names = quota.hard.keys().map(String::as_str);
    let counted: Vec<_> = names.filter(|name| counts(write.resource, name)).collect();
    if counted.is_empty() || !in_scope(write.resource, write.new, &quota.scopes) {
        return Ok(None);
    }
    let is_pod = write.resource.group.is_empty() && write.resource.resource == "pods";
    let missing = is_pod
        .then(|| pods::missing(write.new, &quota.hard))
        .flatten();
    if let Some(missing) = missing {
        return Err(format!("failed quota: {}: {missing}", quota.name));
    }
    if counted.iter().any(|name| !quota.used.contains_key(*name)) {
        let (name, counted) = (&quota.name, counted.join(","));
        return Err(format!(
            "status unknown for quota: {name}, resources: {counted}"
        ));
    }
    Ok(Some(counted))
}

/// What the write costs more than before.
fn growth(write: &Write<'_>) -> Result<ResourceList, String> {
    let mut growth = usage(write.resource, write.new, write.now);
    let negative: Vec<_> = growth
        .iter()
        .filter(|(_, amount)| amount.is_negative())
        .map(|(name, _)| name.as_str())
        .collect();
    if !negative.is_empty() {
        let negative = negative.join(",");
        return Err(format!(
            "quota usage is negative for resource(s): {negative}"
        ));
    }
    if let Some(old) = write.old {
        for (name, amount) in usage(write.resource, old, write.now) {
            if let Some(new) = growth.get_mut(&name) {
                *new = *new - amount;
            }
        }
    }
    growth.retain(|_, amount| *amount > Quantity::default());
    Ok(growth)
}

/// The quota's usage with what is asked for on top.
fn charge_one(quota: &Quota, asked: &ResourceList) -> Result<ResourceList, String> {
    let mut used = quota.used.clone();
    add(&mut used, asked);
    let exceeded: Vec<&String> = asked
        .keys()
        .filter(|name| used.get(*name) > quota.hard.get(*name))
        .collect();
    if exceeded.is_empty() {
        return Ok(used);
    }
    let show = |list: &ResourceList| {
        let of = |name: &&String| Some(format!("{name}={}", list.get(*name)?));
        let texts: Vec<_> = exceeded.iter().filter_map(of).collect();
        texts.join(",")
    };
    Err(format!(
        "exceeded quota: {}, requested: {}, used: {}, limited: {}",
        quota.name,
        show(asked),
        show(&quota.used),
        show(&quota.hard)
    ))
}
