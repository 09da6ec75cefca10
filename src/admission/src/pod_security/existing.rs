//! Warnings about the pods that a namespace has when its level becomes stricter.

use std::collections::{BTreeMap, BTreeSet};

use apimachinery::{Encoded, StatusError};

use super::checks::{evaluate, reasons};
use super::policy::Versioned;
use super::subject::Subject;
use crate::request::decoded;

/// Pods that are looked at, as upstream.
const MOST: usize = 3000;
/// Pods that are decoded before other tasks get a turn.
const DECODED_AT_ONCE: usize = 32;

/// Pods with the same faults share a warning. One pod is decoded at a time.
pub(super) async fn warnings(
    namespace: &str,
    enforce: Versioned,
    mut pods: Vec<Encoded>,
) -> Result<Vec<String>, StatusError> {
    let total = pods.len();
    if total > MOST {
        pods = one_of_each_first(pods).await?;
        pods.truncate(MOST);
    }
    let mut faults: BTreeMap<String, (String, usize)> = BTreeMap::new();
    for (at, pod) in pods.iter().enumerate() {
        give_turn(at).await;
        let pod = decoded(pod)?;
        let violations = evaluate(enforce, &Subject::of_pod(&pod));
        if !violations.is_empty() {
            let (first, count) = faults
                .entry(reasons(&violations))
                .or_insert_with(|| (pod.name().to_owned(), 0));
            if pod.name() < first.as_str() {
                pod.name().clone_into(first);
            }
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
    Ok(warnings)
}

async fn give_turn(at: usize) {
    if at % DECODED_AT_ONCE == DECODED_AT_ONCE - 1 {
        tokio::task::yield_now().await;
    }
}

/// The pods of one controller are alike: the first of each comes before all others.
async fn one_of_each_first(pods: Vec<Encoded>) -> Result<Vec<Encoded>, StatusError> {
    let mut seen = BTreeSet::new();
    let (mut first, mut others) = (Vec::new(), Vec::new());
    for (at, pod) in pods.into_iter().enumerate() {
        give_turn(at).await;
        let controller = decoded(&pod)?.controller();
        if controller.is_none_or(|controller| seen.insert(controller.uid)) {
            first.push(pod);
        } else {
            others.push(pod);
        }
    }
    first.extend(others);
    Ok(first)
}

#[cfg(test)]
mod tests {
    use super::super::policy::Level;
    use super::*;
    use apimachinery::Object;
    use base::TraceId;
    use serde_json::json;

    #[tokio::test]
    async fn of_many_pods_one_of_each_controller_is_among_the_first() {
        let pod = |name: String, owner: Option<&str>, host: bool| {
            let owners: Vec<_> = owner
                .map(|uid| json!({"apiVersion": "v1", "kind": "R", "name": uid, "uid": uid, "controller": true}))
                .into_iter()
                .collect();
            let pod = json!({
                "metadata": {"name": name, "ownerReferences": owners}, "spec": {"hostPID": host},
            });
            let pod = Object::from_value(pod).expect("an object");
            Encoded::from_object(&pod, 1, TraceId::NONE)
        };
        let mut pods: Vec<_> = (0..MOST)
            .map(|n| pod(format!("a{n:04}"), Some("one"), false))
            .collect();
        pods.push(pod("b".into(), Some("two"), true));
        pods.push(pod("c".into(), None, true));
        let enforce = Versioned {
            level: Level::Baseline,
            minor: None,
        };
        let warnings = warnings("n", enforce, pods).await.expect("readable");
        assert_eq!(
            warnings,
            [
                "new PodSecurity enforce level only checked against the first 3000 of 3002 \
                 existing pods",
                "existing pods in namespace \"n\" violate the new PodSecurity enforce level \
                 \"baseline:latest\"",
                "b (and 1 other pod): host namespaces",
            ]
        );
    }
}
