//! The conditions that the kubelet writes (kubelet-cri-facts §10, texts: events-and-timing §5).

use api::core::{Pod, PodCondition, PodStatus};
use api::meta::Time;

use super::{Facts, incomplete_init};
use crate::pod::view::{init_containers, is_sidecar};

/// Value, reason, message.
type Verdict = (bool, &'static str, String);

pub(super) fn set(pod: &Pod, status: &mut PodStatus, facts: &Facts<'_>) {
    let ready = containers_ready(pod, status);
    let gated = match readiness_gate(pod, status) {
        Some(message) if ready.0 => (false, "ReadinessGatesNotReady", message),
        _ => ready.clone(),
    };
    let sandboxed = facts.view.ready_sandbox().is_some() && !facts.pod_ips.is_empty();
    let wanted = [
        ("PodReadyToStartContainers", (sandboxed, "", String::new())),
        ("Initialized", initialized(pod, status, facts)),
        ("Ready", gated),
        ("ContainersReady", ready),
        ("PodScheduled", (true, "", String::new())),
    ];
    for (kind, (value, reason, message)) in wanted {
        let condition = PodCondition {
            type_: kind.to_owned(),
            status: if value { "True" } else { "False" }.to_owned(),
            reason: (!reason.is_empty()).then(|| reason.to_owned()),
            message: (!message.is_empty()).then_some(message),
            last_transition_time: Some(Time(facts.now)),
            observed_generation: pod.metadata.generation,
            ..PodCondition::default()
        };
        api::set_condition(&mut status.conditions, condition);
    }
}

fn listed(names: &[&str], what: &str) -> String {
    format!("containers with {what} status: [{}]", names.join(" "))
}

fn containers_ready(pod: &Pod, status: &PodStatus) -> Verdict {
    match status.phase.as_deref() {
        Some("Failed") => return (false, "PodFailed", String::new()),
        Some("Succeeded") => return (false, "PodCompleted", String::new()),
        _ => {}
    }
    let counts = |name: &str| {
        let mut init = init_containers(pod).iter();
        init.any(|container| container.name == name && is_sidecar(container))
    };
    let sidecars = status.init_container_statuses.iter().flatten();
    let all = sidecars.filter(|container| counts(&container.name));
    let all = all.chain(status.container_statuses.iter().flatten());
    let unready: Vec<&str> = all
        .filter(|container| !container.ready)
        .map(|container| container.name.as_str())
        .collect();
    if unready.is_empty() {
        (true, "", String::new())
    } else {
        (false, "ContainersNotReady", listed(&unready, "unready"))
    }
}

fn initialized(pod: &Pod, status: &PodStatus, facts: &Facts<'_>) -> Verdict {
    let phase = status.phase.as_deref().unwrap_or_default();
    let incomplete = incomplete_init(pod, facts);
    if phase == "Succeeded" {
        (true, "PodCompleted", String::new())
    } else if incomplete.is_empty() {
        (true, "", String::new())
    } else {
        let message = listed(&incomplete, "incomplete");
        (false, "ContainersNotInitialized", message)
    }
}

/// Why a readiness gate is closed; gates are opened by others than the kubelet.
fn readiness_gate(pod: &Pod, status: &PodStatus) -> Option<String> {
    let gates = pod.spec.as_ref()?.readiness_gates.as_deref()?;
    gates.iter().find_map(|gate| {
        let kind = &gate.condition_type;
        match api::condition(&status.conditions, kind) {
            None => Some(format!(
                "corresponding condition of pod readiness gate {kind:?} does not exist."
            )),
            Some(condition) if condition.status != "True" => Some(format!(
                "the status of pod readiness gate {kind:?} is not \"True\", but {}",
                condition.status
            )),
            Some(_) => None,
        }
    })
}
