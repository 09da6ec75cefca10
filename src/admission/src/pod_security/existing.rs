//! Warnings about the pods that a namespace has when its level becomes stricter.

use std::collections::{BTreeMap, BTreeSet};

use apimachinery::Object;

use super::checks::{evaluate, reasons};
use super::policy::Versioned;
use super::subject::Subject;

/// Pods that are looked at, as upstream.
const MOST: usize = 3000;

/// Pods with the same faults share a warning.
pub(super) fn warnings(namespace: &str, enforce: Versioned, mut pods: Vec<Object>) -> Vec<String> {
    let total = pods.len();
    if total > MOST {
        pods = one_of_each_first(pods);
        pods.truncate(MOST);
    }
    let mut faults: BTreeMap<String, (&str, usize)> = BTreeMap::new();
    for pod in &pods {
        let violations = evaluate(enforce, &Subject::of_pod(pod));
        if !violations.is_empty() {
            let (first, count) = faults
                .entry(reasons(&violations))
                .or_insert((pod.name(), 0));
            *first = (*first).min(pod.name());
            *count += 1;
        }
    }
    let mut warnings = Vec::new();
    if pods.len() < total {
        warnings.push(format!(
            "new PodSecurity enforce level only checked against the first {MOST} of {total} \
             existing pods"
        ));
    }
    if !faults.is_empty() {
        warnings.push(format!(
            "existing pods in namespace {namespace:?} violate the new PodSecurity enforce level \
             \"{enforce}\""
        ));
    }
    let mut each: Vec<String> = faults
        .iter()
        .map(|(faults, (first, count))| match count {
            1 => format!("{first}: {faults}"),
            2 => format!("{first} (and 1 other pod): {faults}"),
            more => format!("{first} (and {} other pods): {faults}", more - 1),
        })
        .collect();
    each.sort();
    warnings.extend(each);
    warnings
}

/// The pods of one controller are alike: the first of each comes before all others.
fn one_of_each_first(pods: Vec<Object>) -> Vec<Object> {
    let mut seen = BTreeSet::new();
    let (mut first, others): (Vec<_>, Vec<_>) = pods.into_iter().partition(|pod| {
        let controller = pod.controller();
        controller.is_none_or(|controller| seen.insert(controller.uid))
    });
    first.extend(others);
    first
}
