//! Revisions and sizes that sets carry as annotations.

use std::collections::BTreeMap;

use api::wellknown::annotations::{
    DEPLOYMENT_DESIRED_REPLICAS, DEPLOYMENT_MAX_REPLICAS, DEPLOYMENT_REVISION,
    DEPLOYMENT_REVISION_HISTORY, LAST_APPLIED,
};
use api::{Deployment, Kind, ReplicaSet};

use super::budget::{max_surge, wanted};

/// The longest list of former revisions, in bytes.
const LONGEST_HISTORY: usize = 2000;

/// Annotations of a deployment that are not its sets' business.
const OWN: [&str; 6] = [
    LAST_APPLIED,
    DEPLOYMENT_REVISION,
    DEPLOYMENT_REVISION_HISTORY,
    DEPLOYMENT_DESIRED_REPLICAS,
    DEPLOYMENT_MAX_REPLICAS,
    "deprecated.deployment.rollback.to",
];

/// The revision an object carries; 0 for none.
pub(super) fn revision<K: Kind>(object: &K) -> i64 {
    let text = object.annotation(DEPLOYMENT_REVISION);
    text.and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// What the deployment wanted when the set was last scaled.
pub(super) fn desired(set: &ReplicaSet) -> Option<i32> {
    set.annotation(DEPLOYMENT_DESIRED_REPLICAS)?.parse().ok()
}

/// How many pods there could be at most when the set was last scaled.
pub(super) fn max(set: &ReplicaSet) -> Option<i32> {
    set.annotation(DEPLOYMENT_MAX_REPLICAS)?.parse().ok()
}

/// Notes the deployment's size on a set (`SetReplicasAnnotations`).
pub(super) fn set_size(set: &mut ReplicaSet, deployment: &Deployment) {
    let wanted = wanted(deployment);
    let most = wanted.saturating_add(max_surge(deployment));
    put(set, DEPLOYMENT_DESIRED_REPLICAS, wanted.to_string());
    put(set, DEPLOYMENT_MAX_REPLICAS, most.to_string());
}

/// Hands the deployment's annotations and revision down to its new set
/// (`SetNewReplicaSetAnnotations`). A set that comes back into use remembers its old revision.
pub(super) fn hand_down(set: &mut ReplicaSet, deployment: &Deployment, revision: i64) {
    let annotations = deployment.metadata.annotations.iter().flatten();
    for (key, value) in annotations.filter(|(key, _)| !OWN.contains(&key.as_str())) {
        put(set, key, value.clone());
    }
    let old = set.annotation(DEPLOYMENT_REVISION).map(str::to_owned);
    let number = match &old {
        None => 0,
        Some(text) if text.is_empty() => 0,
        Some(text) => match text.parse::<i64>() {
            Ok(number) => number,
            // Somebody else's text: not ours to overwrite.
            Err(_) => return,
        },
    };
    if number >= revision {
        return;
    }
    put(set, DEPLOYMENT_REVISION, revision.to_string());
    if let Some(old) = old {
        let history = set.annotation(DEPLOYMENT_REVISION_HISTORY);
        if let Some(history) = with_revision(history.unwrap_or_default(), &old) {
            put(set, DEPLOYMENT_REVISION_HISTORY, history);
        }
    }
}

/// The history with one more revision; the oldest make room. `None` when it does not fit alone.
fn with_revision(history: &str, revision: &str) -> Option<String> {
    if history.is_empty() {
        return Some(revision.to_owned());
    }
    let mut all: Vec<&str> = history.split(',').collect();
    all.push(revision);
    let mut length = history.len() + 1 + revision.len();
    let mut gone = 0;
    while length > LONGEST_HISTORY && gone + 1 < all.len() {
        length -= all[gone].len() + 1;
        gone += 1;
    }
    (length <= LONGEST_HISTORY).then(|| all[gone..].join(","))
}

/// Sets an annotation.
pub(super) fn put<K: Kind>(object: &mut K, key: &str, value: String) {
    let annotations: &mut BTreeMap<_, _> =
        object.metadata_mut().annotations.get_or_insert_default();
    annotations.insert(key.to_owned(), value);
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_set_takes_annotations_over_and_remembers_revisions() {
        let deployment = json!({"metadata": {"annotations": {
            "a": "1", LAST_APPLIED: "x", DEPLOYMENT_REVISION: "9"}}});
        let deployment = Deployment::decode(deployment.to_string().as_bytes()).expect("decodes");
        let rows = [
            (None, None, (Some("4"), None)),
            (Some("2"), None, (Some("4"), Some("2"))),
            (Some("2"), Some("1"), (Some("4"), Some("1,2"))),
            (Some("4"), Some("1"), (Some("4"), Some("1"))),
            (Some("7"), None, (Some("7"), None)),
            (Some("x"), None, (Some("x"), None)),
        ];
        for (revision, history, expected) in rows {
            let mut set = ReplicaSet::default();
            for (key, value) in [
                (DEPLOYMENT_REVISION, revision),
                (DEPLOYMENT_REVISION_HISTORY, history),
            ] {
                if let Some(value) = value {
                    put(&mut set, key, value.to_owned());
                }
            }
            hand_down(&mut set, &deployment, 4);
            let found = (
                set.annotation(DEPLOYMENT_REVISION),
                set.annotation(DEPLOYMENT_REVISION_HISTORY),
            );
            assert_eq!(found, expected);
            assert_eq!(set.annotation("a"), Some("1"));
            assert_eq!(set.annotation(LAST_APPLIED), None);
        }
    }

    #[test]
    fn histories_stay_short() {
        let long = vec!["1234"; 400].join(",");
        let history = with_revision(&long, "5678").expect("fits");
        assert_eq!((history.len(), history.ends_with(",5678")), (1999, true));
        assert_eq!(with_revision("1,2", &"9".repeat(3000)), None);
    }
}
