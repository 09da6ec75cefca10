//! Which pods go first when there are too many.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use api::wellknown::annotations::POD_DELETION_COST;
use api::{Kind, Pod, pod};
use jiff::Timestamp;

/// Upstream's `ActivePodsWithRanks` as a sort key: what sorts first is deleted first. Not
/// assigned before assigned, pending before unknown before running, not ready before ready, cheap
/// before dear, many related pods on the node before few, ready for a short time before long,
/// often restarted before seldom, young before old. Ages count by powers of two, so that equals
/// fall by UID; upstream decides so at the first of the ages already, which is no total order.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank {
    assigned: bool,
    phase: u8,
    ready: bool,
    cost: i32,
    crowd: Reverse<usize>,
    ready_for: i64,
    restarts: Reverse<i32>,
    sidecar_restarts: Reverse<i32>,
    age: i64,
    uid: String,
}

impl Rank {
    /// `crowds`: active related pods by node.
    pub(super) fn of(pod: &Pod, crowds: &BTreeMap<String, usize>, now: Timestamp) -> Self {
        let node = pod::node_name(pod);
        let ready = pod::is_ready(pod);
        let created = pod.metadata.creation_timestamp.as_ref().map(|t| t.0);
        Self {
            assigned: !node.is_empty(),
            phase: match pod::phase(pod) {
                "Pending" => 0,
                "Unknown" => 1,
                _ => 2,
            },
            ready,
            cost: deletion_cost(pod),
            crowd: Reverse(crowds.get(node).copied().unwrap_or(0)),
            ready_for: if ready { age(ready_since(pod), now) } else { 0 },
            restarts: Reverse(restarts(pod, false)),
            sidecar_restarts: Reverse(restarts(pod, true)),
            age: age(created, now),
            uid: pod.uid().to_owned(),
        }
    }
}

fn ready_since(pod: &Pod) -> Option<Timestamp> {
    let ready = pod::pod_condition(pod, "Ready")?;
    ready.last_transition_time.as_ref().map(|time| time.0)
}

/// The power of two below the nanoseconds passed; unknown times come first, then future ones.
fn age(since: Option<Timestamp>, now: Timestamp) -> i64 {
    let Some(since) = since else {
        return -2;
    };
    let nanoseconds = now.duration_since(since).as_nanos();
    u128::try_from(nanoseconds)
        .ok()
        .and_then(u128::checked_ilog2)
        .map_or(-1, i64::from)
}

/// An annotation that is not a plain 32-bit number counts as zero.
fn deletion_cost(pod: &Pod) -> i32 {
    let text = pod.annotation(POD_DELETION_COST).unwrap_or_default();
    let digits = text.strip_prefix('-').unwrap_or(text);
    if text.starts_with('+') || (digits.starts_with('0') && text != "0") {
        return 0;
    }
    text.parse().unwrap_or(0)
}

/// The restarts of the container restarted most, of the sidecars or of the others.
fn restarts(pod: &Pod, sidecars: bool) -> i32 {
    let Some(status) = &pod.status else {
        return 0;
    };
    let statuses = if sidecars {
        &status.init_container_statuses
    } else {
        &status.container_statuses
    };
    let specs = pod.spec.iter().flat_map(|s| s.init_containers.iter());
    let sidecar_names: Vec<&str> = specs
        .flatten()
        .filter(|container| pod::is_sidecar(container))
        .map(|container| container.name.as_str())
        .collect();
    let counted = statuses.iter().flatten();
    let counted = counted.filter(|s| !sidecars || sidecar_names.contains(&s.name.as_str()));
    counted.map(|s| s.restart_count).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn pod(uid: &str, more: &Value) -> Pod {
        let mut pod = json!({
            "metadata": {"uid": uid, "creationTimestamp": "2026-01-01T00:00:00Z"},
            "spec": {"nodeName": "n1", "containers": [], "initContainers": [
                {"name": "side", "restartPolicy": "Always"},
            ]},
            "status": {"phase": "Running", "conditions": [{
                "type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:10Z",
            }]},
        });
        for (pointer, value) in more.as_object().expect("pointers") {
            let (parent, field) = pointer.rsplit_once('/').expect("a pointer");
            pod.pointer_mut(parent).expect("a parent")[field] = value.clone();
        }
        Pod::decode(pod.to_string().as_bytes()).expect("a pod")
    }

    /// Each row's pod goes before an unremarkable one.
    #[test]
    fn one_reason_is_enough() {
        let ready_at =
            |time: &str| json!([{"type": "Ready", "status": "True", "lastTransitionTime": time}]);
        let restarted = |name: &str| json!([{"name": name, "ready": true, "restartCount": 1, "image": "", "imageID": ""}]);
        let rows = [
            ("unassigned", json!({"/spec/nodeName": ""})),
            ("pending", json!({"/status/phase": "Pending"})),
            ("unknown", json!({"/status/phase": "Unknown"})),
            ("not ready", json!({"/status/conditions": []})),
            (
                "cheap",
                json!({"/metadata/annotations": {POD_DELETION_COST: "-1"}}),
            ),
            ("crowded", json!({"/spec/nodeName": "n2"})),
            (
                "ready later",
                json!({"/status/conditions": ready_at("2026-01-01T01:00:00Z")}),
            ),
            (
                "ready unknown",
                json!({"/status/conditions": ready_at("2027-01-01T01:00:00Z")}),
            ),
            (
                "restarted",
                json!({"/status/containerStatuses": restarted("c")}),
            ),
            (
                "side restarted",
                json!({"/status/initContainerStatuses": restarted("side")}),
            ),
            (
                "younger",
                json!({"/metadata/creationTimestamp": "2026-01-01T01:00:00Z"}),
            ),
            ("lower uid", json!({"/metadata/uid": "a"})),
        ];
        let crowds = [("n1".to_owned(), 1), ("n2".to_owned(), 2)].into();
        let now = "2026-01-01T02:00:00Z".parse().expect("a time");
        let plain = Rank::of(&pod("m", &json!({})), &crowds, now);
        for (why, more) in rows {
            let rank = Rank::of(&pod("z", &more), &crowds, now);
            assert!(rank < plain, "{why}: {rank:?}");
        }
        for dear in ["1", "00", "+1", "x", ""] {
            let more = json!({"/metadata/annotations": {POD_DELETION_COST: dear}});
            assert!(Rank::of(&pod("z", &more), &crowds, now) > plain, "{dear}");
        }
    }
}
