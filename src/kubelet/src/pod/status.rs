//! A pod's status: a pure function from the pod, what runs of it, and what it waits for.

use std::collections::BTreeMap;

use api::core::{
    Container, ContainerState, ContainerStateRunning, ContainerStateTerminated,
    ContainerStateWaiting, ContainerStatus, HostIP, Pod, PodCondition, PodIP, PodStatus,
};
use api::meta::Time;
use jiff::Timestamp;

use super::plan::{has_finished, init_failed};
use super::view::{PodView, containers, init_containers, is_sidecar};

/// Why a container does not run yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    pub reason: String,
    pub message: String,
}

/// What the status is made of, beside the pod itself.
pub struct Facts<'a> {
    pub view: &'a PodView,
    /// By container name.
    pub waiting: &'a BTreeMap<String, Waiting>,
    /// By container name: whether its readiness probe succeeds. Without a probe it is absent.
    pub ready: &'a BTreeMap<String, bool>,
    pub pod_ips: &'a [String],
    pub host_ip: &'a str,
    /// A refusal or eviction: phase Failed, reason, message.
    pub failed: Option<&'a Waiting>,
    /// Nothing of the pod can run any more: a terminal phase may be shown.
    pub stopped: bool,
    pub now: Timestamp,
}

/// The whole status as it should be now.
pub fn compute(pod: &Pod, facts: &Facts<'_>) -> PodStatus {
    let old = pod.status.clone().unwrap_or_default();
    let init_statuses = statuses(
        pod,
        init_containers(pod),
        &old.init_container_statuses,
        facts,
    );
    let regular_statuses = statuses(pod, containers(pod), &old.container_statuses, facts);
    let phase = phase(pod, &old, facts);
    let mut status = PodStatus {
        conditions: old.conditions.clone(),
        container_statuses: Some(regular_statuses),
        init_container_statuses: (!init_statuses.is_empty()).then_some(init_statuses),
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
    if let Some(first) = facts.pod_ips.first() {
        status.pod_ip = Some(first.clone());
        status.pod_ips = Some(
            facts
                .pod_ips
                .iter()
                .map(|ip| PodIP { ip: ip.clone() })
                .collect(),
        );
    } else if old.phase.as_deref() == Some(phase) || is_terminal(phase) {
        (status.pod_ip, status.pod_ips) = (old.pod_ip.clone(), old.pod_ips.clone());
    }
    if let Some(failed) = facts.failed {
        (status.reason, status.message) =
            (Some(failed.reason.clone()), Some(failed.message.clone()));
    } else if old.phase.as_deref() == Some(phase) {
        (status.reason, status.message) = (old.reason.clone(), old.message.clone());
    }
    set_conditions(pod, &mut status, facts);
    status
}

fn is_terminal(phase: &str) -> bool {
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
    let may_be_terminal = facts.stopped || facts.view.live().next().is_none();
    if facts.failed.is_some() && may_be_terminal {
        return "Failed";
    }
    let view = facts.view;
    let deleted_and_stopped = pod.metadata.deletion_timestamp.is_some() && facts.stopped;
    if (has_finished(pod, view) || deleted_and_stopped) && may_be_terminal {
        let regular = containers(pod);
        let succeeded = !init_failed(pod, view)
            && regular
                .iter()
                .all(|c| view.newest(&c.name).is_some_and(|run| run.exit_code == 0));
        return if succeeded { "Succeeded" } else { "Failed" };
    }
    let initialized = incomplete_init(pod, view).is_empty();
    let all_started = containers(pod)
        .iter()
        .all(|c| view.newest(&c.name).is_some_and(was_started));
    if initialized && all_started {
        "Running"
    } else {
        "Pending"
    }
}

fn was_started(run: &cri::ContainerStatus) -> bool {
    run.started_at.is_some()
}

/// Init containers that have not completed (or, as sidecars, not started).
fn incomplete_init<'a>(pod: &'a Pod, view: &PodView) -> Vec<&'a str> {
    let incomplete = |container: &&Container| {
        let run = view.newest(&container.name);
        if is_sidecar(container) {
            return !run.is_some_and(|run| run.state == cri::ContainerState::Running);
        }
        !view
            .runs(&container.name)
            .any(|run| run.state == cri::ContainerState::Exited && run.exit_code == 0)
    };
    if containers(pod)
        .iter()
        .any(|c| view.newest(&c.name).is_some())
    {
        return Vec::new();
    }
    init_containers(pod)
        .iter()
        .filter(incomplete)
        .map(|c| c.name.as_str())
        .collect()
}

fn statuses(
    pod: &Pod,
    specs: &[Container],
    old: &Option<Vec<ContainerStatus>>,
    facts: &Facts<'_>,
) -> Vec<ContainerStatus> {
    let old_of = |name: &str| old.iter().flatten().find(|status| status.name == name);
    specs
        .iter()
        .map(|spec| container_status(pod, spec, old_of(&spec.name), facts))
        .collect()
}

fn container_status(
    pod: &Pod,
    spec: &Container,
    old: Option<&ContainerStatus>,
    facts: &Facts<'_>,
) -> ContainerStatus {
    let mut runs = facts.view.runs(&spec.name);
    let newest = runs.next();
    let previous = runs.next().map(|run| state(run, None));
    let waiting = facts.waiting.get(&spec.name);
    let is_init = init_containers(pod).iter().any(|c| c.name == spec.name);
    let mut status = ContainerStatus {
        name: spec.name.clone(),
        image: spec.image.clone().unwrap_or_default(),
        restart_count: old.map_or(0, |old| old.restart_count),
        started: Some(false),
        ..ContainerStatus::default()
    };
    match newest {
        None => {
            status.state = Some(waiting_state(waiting, pod, is_init, facts));
            status.last_state = old
                .and_then(|old| old.last_state.clone())
                .or(Some(Default::default()));
        }
        Some(run) => {
            status.container_id = Some(format!("rk3s://{}", run.id));
            status.image_id = run.image_id.clone();
            let attempt = i32::try_from(run.metadata.attempt).unwrap_or(i32::MAX);
            status.restart_count = attempt.max(status.restart_count);
            let running = run.state == cri::ContainerState::Running;
            let own = state(run, waiting);
            match waiting {
                // It will run again: the ended run is the last state.
                Some(waiting) if !running => {
                    status.state = Some(waiting_with(waiting));
                    status.last_state = Some(state(run, None));
                }
                _ => {
                    status.state = Some(own);
                    status.last_state = previous
                        .or_else(|| old.and_then(|old| old.last_state.clone()))
                        .or(Some(Default::default()));
                }
            }
            status.started = Some(running);
            status.ready = if is_init && !is_sidecar(spec) {
                run.state == cri::ContainerState::Exited && run.exit_code == 0
            } else {
                running && facts.ready.get(&spec.name).copied().unwrap_or(true)
            };
        }
    }
    status
}

fn waiting_with(waiting: &Waiting) -> ContainerState {
    ContainerState {
        waiting: Some(ContainerStateWaiting {
            reason: Some(waiting.reason.clone()),
            message: (!waiting.message.is_empty()).then(|| waiting.message.clone()),
        }),
        ..ContainerState::default()
    }
}

/// A container that was never made: why, or the reason that nothing has happened yet.
fn waiting_state(
    waiting: Option<&Waiting>,
    pod: &Pod,
    is_init: bool,
    facts: &Facts<'_>,
) -> ContainerState {
    if let Some(waiting) = waiting {
        return waiting_with(waiting);
    }
    let later_init = is_init && !facts.view.sandboxes.is_empty();
    let waits_for_init = !is_init && !incomplete_init(pod, facts.view).is_empty();
    let reason = if later_init || waits_for_init {
        "PodInitializing"
    } else {
        "ContainerCreating"
    };
    waiting_with(&Waiting {
        reason: reason.into(),
        message: String::new(),
    })
}

fn state(run: &cri::ContainerStatus, waiting: Option<&Waiting>) -> ContainerState {
    match run.state {
        cri::ContainerState::Running => ContainerState {
            running: Some(ContainerStateRunning {
                started_at: run.started_at.map(Time),
            }),
            ..ContainerState::default()
        },
        cri::ContainerState::Exited | cri::ContainerState::Unknown => ContainerState {
            terminated: Some(terminated(run)),
            ..ContainerState::default()
        },
        cri::ContainerState::Created => match waiting {
            Some(waiting) => waiting_with(waiting),
            None => waiting_with(&Waiting {
                reason: "ContainerCreating".into(),
                message: String::new(),
            }),
        },
    }
}

fn terminated(run: &cri::ContainerStatus) -> ContainerStateTerminated {
    let unknown = run.state == cri::ContainerState::Unknown;
    let reason = match (unknown, run.reason.as_str(), run.exit_code) {
        (true, ..) => "ContainerStatusUnknown",
        (false, "", 0) => "Completed",
        (false, "", _) => "Error",
        (false, reason, _) => reason,
    };
    ContainerStateTerminated {
        container_id: Some(format!("rk3s://{}", run.id)),
        exit_code: if unknown { 137 } else { run.exit_code },
        // Shown only when it is not the plain exit: the exit code already says that.
        signal: None,
        reason: Some(reason.to_owned()),
        message: (!run.message.is_empty()).then(|| run.message.clone()),
        started_at: run.started_at.map(Time),
        finished_at: run.finished_at.map(Time),
    }
}

fn set_conditions(pod: &Pod, status: &mut PodStatus, facts: &Facts<'_>) {
    let terminal = is_terminal(status.phase.as_deref().unwrap_or_default());
    let phase = status.phase.clone().unwrap_or_default();
    let incomplete = incomplete_init(pod, facts.view);
    let unready: Vec<&str> = status
        .container_statuses
        .iter()
        .flatten()
        .filter(|container| !container.ready)
        .map(|container| container.name.as_str())
        .collect();
    let sandboxed = facts.view.ready_sandbox().is_some() && !facts.pod_ips.is_empty();
    let listed = |names: &[&str], what: &str| {
        format!("containers with {what} status: [{}]", names.join(" "))
    };
    let ready = if terminal {
        let reason = if phase == "Failed" {
            "PodFailed"
        } else {
            "PodCompleted"
        };
        (false, reason, String::new())
    } else if unready.is_empty() {
        (true, "", String::new())
    } else {
        (false, "ContainersNotReady", listed(&unready, "unready"))
    };
    let initialized = if phase == "Succeeded" {
        (true, "PodCompleted", String::new())
    } else if incomplete.is_empty() {
        (true, "", String::new())
    } else {
        (
            false,
            "ContainersNotInitialized",
            listed(&incomplete, "incomplete"),
        )
    };
    let gated = match readiness_gate(pod, status) {
        Some(message) if ready.0 => (false, "ReadinessGatesNotReady", message),
        _ => ready.clone(),
    };
    let wanted = [
        ("PodReadyToStartContainers", (sandboxed, "", String::new())),
        ("Initialized", initialized),
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
