//! Small readers of pods.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::core::{Pod, PodCondition};
use crate::{Kind, condition};

/// `status.phase`; `Pending` when absent, as a fresh pod is served.
#[must_use]
pub fn phase(pod: &Pod) -> &str {
    let phase = pod.status.as_ref().and_then(|s| s.phase.as_deref());
    phase.filter(|phase| !phase.is_empty()).unwrap_or("Pending")
}

/// Whether the pod has run to its end: `Succeeded` or `Failed`.
#[must_use]
pub fn is_finished(pod: &Pod) -> bool {
    matches!(phase(pod), "Succeeded" | "Failed")
}

/// Neither finished nor being deleted: what controllers count (`IsPodActive`).
#[must_use]
pub fn is_active(pod: &Pod) -> bool {
    !is_finished(pod) && !pod.is_terminating()
}

/// A condition of the pod's status.
#[must_use]
pub fn pod_condition<'a>(pod: &'a Pod, type_: &str) -> Option<&'a PodCondition> {
    condition(&pod.status.as_ref()?.conditions, type_)
}

/// Whether the `Ready` condition is `True`.
#[must_use]
pub fn is_ready(pod: &Pod) -> bool {
    pod_condition(pod, "Ready").is_some_and(|c| c.status == "True")
}

/// How long until a ready pod counts as available: zero when it does, `None` when it is not
/// ready, or ready since an unknown time with `min_ready_seconds` set.
#[must_use]
pub fn until_available(pod: &Pod, min_ready_seconds: i32, now: Timestamp) -> Option<Duration> {
    let ready = pod_condition(pod, "Ready").filter(|c| c.status == "True")?;
    if min_ready_seconds <= 0 {
        return Some(Duration::ZERO);
    }
    let since = ready.last_transition_time.as_ref()?.0;
    let left = SignedDuration::from_secs(min_ready_seconds.into()) - now.duration_since(since);
    Some(Duration::try_from(left).unwrap_or_default())
}

/// Ready for at least `min_ready_seconds` (`IsPodAvailable`).
#[must_use]
pub fn is_available(pod: &Pod, min_ready_seconds: i32, now: Timestamp) -> bool {
    until_available(pod, min_ready_seconds, now) == Some(Duration::ZERO)
}

/// The node the pod is bound to; empty before.
#[must_use]
pub fn node_name(pod: &Pod) -> &str {
    let name = pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref());
    name.unwrap_or_default()
}

/// Whether an init container is a sidecar, which keeps running beside the others.
#[must_use]
pub fn is_sidecar(container: &crate::Container) -> bool {
    container.restart_policy.as_deref() == Some("Always")
}

/// Whether the pod mirrors a static one and is not for controllers or eviction to touch.
#[must_use]
pub fn is_mirror(pod: &Pod) -> bool {
    pod.annotation(crate::wellknown::annotations::MIRROR)
        .is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn pod(value: &Value) -> Pod {
        Pod::decode(value.to_string().as_bytes()).expect("a pod")
    }

    #[test]
    fn activity_follows_phase_and_deletion() {
        let rows = [
            (json!({"metadata": {}}), "Pending", true),
            (json!({"status": {"phase": "Running"}}), "Running", true),
            (json!({"status": {"phase": "Failed"}}), "Failed", false),
            (
                json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}}),
                "Pending",
                false,
            ),
        ];
        for (value, expected, active) in rows {
            let pod = pod(&value);
            assert_eq!((phase(&pod), is_active(&pod)), (expected, active));
        }
    }

    #[test]
    fn availability_waits_for_min_ready_seconds() {
        let ready = pod(&json!({"status": {"conditions": [
            {"type": "Ready", "status": "True", "lastTransitionTime": "1970-01-01T00:01:40Z"},
        ]}}));
        let at = |second| Timestamp::from_second(second).expect("in range");
        let rows = [
            (0, 100, Some(0)),
            (10, 100, Some(10)),
            (10, 109, Some(1)),
            (10, 110, Some(0)),
            (10, 500, Some(0)),
        ];
        for (seconds, now, left) in rows {
            let found = until_available(&ready, seconds, at(now));
            assert_eq!(found, left.map(Duration::from_secs), "{seconds} {now}");
        }
        let unready =
            pod(&json!({"status": {"conditions": [{"type": "Ready", "status": "False"}]}}));
        assert!(!is_available(&unready, 0, at(0)));
    }
}
