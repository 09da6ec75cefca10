//! Which pods nobody else will take away: pure functions.

use api::core::PodCondition;
use api::wellknown::conditions::DISRUPTION_TARGET;
use api::{Kind, Pod, pod, time};
use jiff::Timestamp;

/// The finished pods beyond the threshold, the oldest first. Those that are being deleted go
/// anyway, and first.
pub(super) fn surplus(mut finished: Vec<Pod>, threshold: usize) -> Vec<Pod> {
    let surplus = finished.len().saturating_sub(threshold);
    finished.sort_by_cached_key(|pod| {
        let created = pod.metadata.creation_timestamp.as_ref().map(|t| t.0);
        let key = (pod.namespace().to_owned(), pod.name().to_owned());
        (!pod.is_terminating(), created, key)
    });
    finished.truncate(surplus);
    finished
}

/// The pod as it is after its node went away: failed, unless it was finished before.
pub(super) fn lost(pod: &Pod, now: Timestamp) -> Pod {
    let mut after = pod.clone();
    if pod::is_finished(pod) {
        return after;
    }
    let generation = pod.metadata.generation;
    let status = after.status.get_or_insert_default();
    status.phase = Some("Failed".to_owned());
    let condition = PodCondition {
        type_: DISRUPTION_TARGET.to_owned(),
        status: "True".to_owned(),
        reason: Some("DeletionByPodGC".to_owned()),
        message: Some("PodGC: node no longer exists".to_owned()),
        observed_generation: generation,
        last_transition_time: Some(time::seconds(now)),
        ..PodCondition::default()
    };
    api::set_condition(&mut status.conditions, condition);
    after
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;
    use serde_json::json;

    fn pod(name: &str, created: &str, phase: &str) -> Pod {
        let pod = json!({"metadata": {"name": name, "creationTimestamp": created},
            "status": {"phase": phase}});
        Pod::decode(pod.to_string().as_bytes()).expect("a pod")
    }

    #[test]
    fn the_oldest_finished_pods_go_beyond_the_threshold() {
        let mut ending = pod("ending", "2026-01-03T00:00:00Z", "Failed");
        ending.metadata.deletion_timestamp = Some(time::seconds(Timestamp::UNIX_EPOCH));
        let pods = vec![
            pod("b", "2026-01-02T00:00:00Z", "Failed"),
            pod("a", "2026-01-01T00:00:00Z", "Succeeded"),
            ending,
            pod("c", "2026-01-03T00:00:00Z", "Failed"),
        ];
        let rows = [(0, "ending a b c"), (2, "ending a"), (4, ""), (9, "")];
        for (threshold, expected) in rows {
            let found = surplus(pods.clone(), threshold);
            let names: Vec<_> = found.iter().map(Kind::name).collect();
            assert_eq!(names.join(" "), expected);
        }
    }

    #[test]
    fn a_lost_pod_has_failed() {
        let now = Timestamp::UNIX_EPOCH;
        let done = pod("a", "2026-01-01T00:00:00Z", "Succeeded");
        assert_eq!(lost(&done, now), done);
        let running = pod("a", "2026-01-01T00:00:00Z", "Running");
        expect![[r#"{"conditions":[{"lastTransitionTime":"1970-01-01T00:00:00Z","message":"PodGC: node no longer exists","reason":"DeletionByPodGC","status":"True","type":"DisruptionTarget"}],"phase":"Failed"}"#]].assert_eq(&lost(&running, now).encode()["status"].to_string());
    }
}
