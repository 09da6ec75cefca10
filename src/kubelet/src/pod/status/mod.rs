//! A pod's status: a pure function from the pod, what runs of it, and what it waits for.

mod conditions;
mod container;

use std::collections::BTreeMap;

use api::core::{Container, ContainerStatus, HostIP, Pod, PodIP, PodStatus};
use api::meta::Time;
use jiff::Timestamp;

use super::plan::{has_finished, init_failed};
use super::view::{PodView, containers, init_containers, is_sidecar};
use crate::probe::Verdicts;

/// Why a container does not run, or a pod does not go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    pub reason: String,
    pub message: String,
}

impl Waiting {
    /// A reason that says enough.
    pub fn of(reason: &str) -> Self {
        Self {
            reason: reason.to_owned(),
            message: String::new(),
        }
    }
}

/// What the status is made of, beside the pod itself.
pub struct Facts<'a> {
    pub view: &'a PodView,
    /// By container name.
    pub waiting: &'a BTreeMap<String, Waiting>,
    pub probes: &'a Verdicts,
    pub pod_ips: &'a [String],
    pub host_ip: &'a str,
    /// The pod has been ended: phase Failed, reason, message.
    pub failed: Option<&'a Waiting>,
    /// Nothing of the pod can run any more: a terminal phase may be shown.
    pub stopped: bool,
    pub now: Timestamp,
}

/// The whole status as it should be now.
pub fn compute(pod: &Pod, facts: &Facts<'_>) -> PodStatus {
    let old = pod.status.clone().unwrap_or_default();
    let init = statuses(
        pod,
        init_containers(pod),
        &old.init_container_statuses,
        facts,
    );
    let regular = statuses(pod, containers(pod), &old.container_statuses, facts);
    let phase = phase(pod, &old, facts);
    let mut status = PodStatus {
        conditions: old.conditions.clone(),
        container_statuses: Some(regular),
        init_container_statuses: (!init.is_empty()).then_some(init),
        ephemeral_container_statuses: old.ephemeral_container_statuses.clone(),
        host_ip: Some(facts.host_ip.to_owned()),
        host_ips: Some(vec![HostIP {
            ip: facts.host_ip.to_owned(),
        }]),
        qos_class: old.qos_class.clone(),
        start_time: Some(old.start_time.clone().unwrap_or(Time(facts.now))),
        observed_generation: pod.metadata.generation,
        nominated_node_name: old.nominated_node_name.clone(),
        phase: Some(phase.to_owned()),
        ..PodStatus::default()
    };
    set_addresses(&mut status, &old, facts);
    if let Some(failed) = facts.failed {
        (status.reason, status.message) =
            (Some(failed.reason.clone()), Some(failed.message.clone()));
    } else if old.phase.as_deref() == Some(phase) {
        (status.reason, status.message) = (old.reason.clone(), old.message.clone());
    }
    conditions::set(pod, &mut status, facts);
    status
}

/// A finished pod keeps showing the addresses it had.
fn set_addresses(status: &mut PodStatus, old: &PodStatus, facts: &Facts<'_>) {
    let terminal = status.phase.as_deref().is_some_and(is_terminal);
    if let Some(first) = facts.pod_ips.first() {
        status.pod_ip = Some(first.clone());
        let all = facts.pod_ips.iter().map(|ip| PodIP { ip: ip.clone() });
        status.pod_ips = Some(all.collect());
    } else if old.phase == status.phase || terminal {
        (status.pod_ip, status.pod_ips) = (old.pod_ip.clone(), old.pod_ips.clone());
    }
}

/// Whether a pod of this phase will never run again.
pub fn is_terminal(phase: &str) -> bool {
    matches!(phase, "Succeeded" | "Failed")
}

/// kubelet-cri-facts §10. A terminal phase never changes back, and is shown only once nothing
/// runs any more.
fn phase(pod: &Pod, old: &PodStatus, facts: &Facts<'_>) -> &'static str {
    match old.phase.as_deref() {
        Some("Succeeded") => return "Succeeded",
        Some("Failed") => return "Failed",
        _ => {}
    }
    let view = facts.view;
    let may_be_terminal = facts.stopped || view.live().next().is_none();
    if facts.failed.is_some() && may_be_terminal {
        return "Failed";
    }
    let deleted_and_stopped = pod.metadata.deletion_timestamp.is_some() && facts.stopped;
    if (has_finished(pod, view) || deleted_and_stopped) && may_be_terminal {
        return if has_succeeded(pod, view) {
            "Succeeded"
        } else {
            "Failed"
        };
    }
    let was_started = |container: &Container| {
        let mut runs = view.runs(&container.name);
        runs.any(|run| run.started_at.is_some())
    };
    let initialized = incomplete_init(pod, facts).is_empty();
    if initialized && containers(pod).iter().all(was_started) {
        "Running"
    } else {
        "Pending"
    }
}

fn has_succeeded(pod: &Pod, view: &PodView) -> bool {
    let succeeded = |container: &Container| {
        view.newest(&container.name)
            .is_some_and(|run| run.state == cri::ContainerState::Exited && run.exit_code == 0)
    };
    !init_failed(pod, view) && containers(pod).iter().all(succeeded)
}

/// Init containers that have not completed (or, as sidecars, not started). Once a regular
/// container has run, none is.
pub fn incomplete_init<'a>(pod: &'a Pod, facts: &Facts<'_>) -> Vec<&'a str> {
    let view = facts.view;
    let has_run = |container: &Container| view.newest(&container.name).is_some();
    if containers(pod).iter().any(has_run) {
        return Vec::new();
    }
    let incomplete = |container: &&Container| {
        if is_sidecar(container) {
            let run = view.newest(&container.name);
            let running = run.is_some_and(|run| run.state == cri::ContainerState::Running);
            return !(running && facts.probes.of(&container.name).started);
        }
        !view
            .runs(&container.name)
            .any(|run| run.state == cri::ContainerState::Exited && run.exit_code == 0)
    };
    let init = init_containers(pod).iter().filter(incomplete);
    init.map(|container| container.name.as_str()).collect()
}

fn statuses(
    pod: &Pod,
    specs: &[Container],
    old: &Option<Vec<ContainerStatus>>,
    facts: &Facts<'_>,
) -> Vec<ContainerStatus> {
    let old_of = |name: &str| old.iter().flatten().find(|status| status.name == name);
    let status = |spec: &Container| container::status(pod, spec, old_of(&spec.name), facts);
    specs.iter().map(status).collect()
}

#[cfg(test)]
mod tests;
