//! The status of one container, from its runs and from what it waits for.

use api::core::{
    Container, ContainerState, ContainerStateRunning, ContainerStateTerminated,
    ContainerStateWaiting, ContainerStatus, Pod,
};
use api::meta::Time;
use jiff::Timestamp;

use super::{Facts, Waiting, incomplete_init};
use crate::pod::plan::restarts;
use crate::pod::recall::{LOST, LOST_EXIT_CODE};
use crate::pod::view::{init_containers, is_sidecar};

/// What the runtime's ids are prefixed with.
const ID_SCHEME: &str = "rk3s://";

pub(super) fn status(
    pod: &Pod,
    spec: &Container,
    old: Option<&ContainerStatus>,
    facts: &Facts<'_>,
) -> ContainerStatus {
    let new = observed(pod, spec, old, facts);
    // An end that the policy does not let it leave is shown until the next one, should an init
    // container run again in a new sandbox: the API would refuse the whole status.
    let stays_ended = |old: &&ContainerStatus| {
        exit_code(old).is_some_and(|code| !restarts(pod, spec, code)) && exit_code(&new).is_none()
    };
    old.filter(stays_ended).cloned().unwrap_or(new)
}

fn exit_code(status: &ContainerStatus) -> Option<i32> {
    let terminated = status.state.as_ref()?.terminated.as_ref()?;
    Some(terminated.exit_code)
}

fn observed(
    pod: &Pod,
    spec: &Container,
    old: Option<&ContainerStatus>,
    facts: &Facts<'_>,
) -> ContainerStatus {
    let mut status = ContainerStatus {
        name: spec.name.clone(),
        image: spec.image.clone().unwrap_or_default(),
        restart_count: old.map_or(0, |old| old.restart_count),
        started: Some(false),
        ..ContainerStatus::default()
    };
    let waiting = facts.waiting.get(&spec.name);
    let last = old.and_then(|old| old.last_state.clone());
    let Some(run) = facts.view.newest(&spec.name) else {
        let lost = facts.stopped && incomplete_init(pod, facts).is_empty();
        status.state = Some(if lost {
            never_located()
        } else {
            waiting.map_or_else(|| not_made_yet(pod), waiting_with)
        });
        status.last_state = last.or_else(|| Some(ContainerState::default()));
        return status;
    };
    // What has ended for good waits for nothing, whatever failed before it ran.
    let waiting = waiting.filter(|_| !has_ended_for_good(pod, spec, run));
    status.container_id = Some(id_of(run));
    status.image_id = run.image_id.clone();
    let attempt = i32::try_from(run.metadata.attempt).unwrap_or(i32::MAX);
    status.restart_count = attempt.max(status.restart_count);
    status.state = Some(state(run, waiting));
    let moved = is_ended(run) && waiting.is_some();
    let last = if moved {
        Some(ended(run))
    } else {
        before(spec, run, old, facts).or(last)
    };
    status.last_state = last.or_else(|| Some(ContainerState::default()));
    set_flags(pod, spec, run, facts, &mut status);
    status
}

fn set_flags(
    pod: &Pod,
    spec: &Container,
    run: &cri::ContainerStatus,
    facts: &Facts<'_>,
    status: &mut ContainerStatus,
) {
    let running = run.state == cri::ContainerState::Running;
    let probed = facts.probes.of(&spec.name);
    let runs_once = runs_once(pod, spec);
    status.started = Some(running && (runs_once || probed.started));
    status.ready = if runs_once {
        is_ended(run) && run.exit_code == 0
    } else {
        running && probed.started && probed.ready
    };
}

/// Whether it is an init container that others wait for.
fn runs_once(pod: &Pod, spec: &Container) -> bool {
    let mut init = init_containers(pod).iter();
    !is_sidecar(spec) && init.any(|init| init.name == spec.name)
}

fn has_ended_for_good(pod: &Pod, spec: &Container, run: &cri::ContainerStatus) -> bool {
    let has_done_its_work = runs_once(pod, spec) && run.exit_code == 0;
    run.state == cri::ContainerState::Exited
        && (has_done_its_work || !restarts(pod, spec, run.exit_code))
}

fn id_of(run: &cri::ContainerStatus) -> String {
    format!("{ID_SCHEME}{}", run.id)
}

fn is_ended(run: &cri::ContainerStatus) -> bool {
    matches!(
        run.state,
        cri::ContainerState::Exited | cri::ContainerState::Unknown
    )
}

/// How the run before the newest ended, as far as anybody knows.
fn before(
    spec: &Container,
    newest: &cri::ContainerStatus,
    old: Option<&ContainerStatus>,
    facts: &Facts<'_>,
) -> Option<ContainerState> {
    let earlier = facts
        .view
        .runs(&spec.name)
        .skip(1)
        .find(|run| is_ended(run));
    earlier.map(ended).or_else(|| {
        // The runtime has lost it; the API may have seen its end.
        let old = old.filter(|old| old.container_id.as_ref() != Some(&id_of(newest)))?;
        let terminated = old.state.as_ref()?.terminated.clone()?;
        Some(ContainerState {
            terminated: Some(terminated),
            ..ContainerState::default()
        })
    })
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

/// Nothing has been tried yet.
fn not_made_yet(pod: &Pod) -> ContainerState {
    let reason = if init_containers(pod).is_empty() {
        "ContainerCreating"
    } else {
        "PodInitializing"
    };
    waiting_with(&Waiting::of(reason))
}

/// The pod ended before this container ever ran.
fn never_located() -> ContainerState {
    ContainerState {
        terminated: Some(ContainerStateTerminated {
            exit_code: LOST_EXIT_CODE,
            reason: Some(LOST.to_owned()),
            message: Some("The container could not be located when the pod was terminated".into()),
            ..ContainerStateTerminated::default()
        }),
        ..ContainerState::default()
    }
}

/// An ended run that is due to start again shows what it waits for.
fn state(run: &cri::ContainerStatus, waiting: Option<&Waiting>) -> ContainerState {
    match (run.state, waiting) {
        (cri::ContainerState::Running, _) => ContainerState {
            running: Some(ContainerStateRunning {
                started_at: run.started_at.map(Time),
            }),
            ..ContainerState::default()
        },
        (_, Some(waiting)) => waiting_with(waiting),
        (cri::ContainerState::Created, None) => waiting_with(&Waiting::of("ContainerCreating")),
        (cri::ContainerState::Exited | cri::ContainerState::Unknown, None) => ended(run),
    }
}

fn ended(run: &cri::ContainerStatus) -> ContainerState {
    let unknown = run.state == cri::ContainerState::Unknown;
    let reason = match (unknown, run.reason.as_str(), run.exit_code) {
        (true, ..) => LOST,
        (false, "", 0) => "Completed",
        (false, "", _) => "Error",
        (false, reason, _) => reason,
    };
    let started_at = match run.started_at {
        // A program that could not be started has no start (upstream shows the epoch).
        None if reason == "StartError" => Some(Timestamp::UNIX_EPOCH),
        started_at => started_at,
    };
    ContainerState {
        terminated: Some(ContainerStateTerminated {
            container_id: Some(id_of(run)),
            exit_code: if unknown {
                LOST_EXIT_CODE
            } else {
                run.exit_code
            },
            // The exit code says it already.
            signal: None,
            reason: Some(reason.to_owned()),
            message: (!run.message.is_empty()).then(|| run.message.clone()),
            started_at: started_at.map(Time),
            finished_at: run.finished_at.map(Time),
        }),
        ..ContainerState::default()
    }
}
