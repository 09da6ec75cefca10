//! The pod worker's decision: a pure function from a pod and what runs of it to what to do.

use std::collections::BTreeMap;
use std::time::Duration;

use api::core::{Container, Pod};
use cri::{ContainerState, ContainerStatus};
use jiff::Timestamp;

use super::backoff::RestartBackoff;
use super::view::{
    CONTAINER_HASH, PodView, container_hash, containers, init_containers, is_sidecar,
};

/// What to do now; an empty plan means that everything is as it should be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    pub sandbox: SandboxStep,
    /// Containers to stop, and the event text that says why.
    pub kill: Vec<Kill>,
    /// Containers to start, in order.
    pub start: Vec<Start>,
    /// Containers that wait for their back-off.
    pub backing_off: BTreeMap<String, Duration>,
    /// When to look again, if nothing happens before.
    pub again_after: Option<Duration>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum SandboxStep {
    /// There is one and it is alive, or none is needed any more.
    #[default]
    Keep,
    /// Make one; what is left of older ones is stopped first.
    Create { attempt: u32 },
    /// Nothing is left to run in it.
    Stop,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kill {
    pub id: String,
    pub name: String,
    pub message: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    Init,
    Regular,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Start {
    pub group: Group,
    pub index: usize,
    /// The restart count of the new run.
    pub attempt: u32,
}

/// What an ended container's policy says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Policy {
    Always,
    OnFailure,
    Never,
}

impl Policy {
    fn of(pod: &Pod, container: &Container) -> Self {
        if is_sidecar(container) {
            return Self::Always;
        }
        match pod
            .spec
            .as_ref()
            .and_then(|spec| spec.restart_policy.as_deref())
        {
            Some("Never") => Self::Never,
            Some("OnFailure") => Self::OnFailure,
            _ => Self::Always,
        }
    }

    fn restarts(self, exit_code: i32) -> bool {
        match self {
            Self::Always => true,
            Self::OnFailure => exit_code != 0,
            Self::Never => false,
        }
    }
}

/// Decides the next steps of a pod that is not being deleted.
pub fn plan(pod: &Pod, view: &PodView, backoff: &RestartBackoff, now: Timestamp) -> Plan {
    let mut plan = Plan::default();
    let fresh = view.ready_sandbox().is_none();
    if fresh {
        if has_finished(pod, view) {
            return plan;
        }
        let attempt = view
            .sandboxes
            .first()
            .map_or(0, |newest| newest.metadata.attempt + 1);
        plan.sandbox = SandboxStep::Create { attempt };
    }
    let mut planner = Planner {
        pod,
        view,
        backoff,
        now,
        fresh,
        plan,
    };
    if planner.init() {
        for (index, container) in containers(pod).iter().enumerate() {
            planner.container(Group::Regular, index, container);
        }
    }
    let done = planner.plan.start.is_empty()
        && planner.plan.backing_off.is_empty()
        && has_finished(pod, view);
    if done {
        planner.plan.sandbox = SandboxStep::Stop;
    }
    planner.plan
}

/// Whether every container has ended for good: nothing will run in this pod again.
pub fn has_finished(pod: &Pod, view: &PodView) -> bool {
    let ended = |container: &Container| {
        view.newest(&container.name).is_some_and(|run| {
            run.state == ContainerState::Exited
                && !Policy::of(pod, container).restarts(run.exit_code)
        })
    };
    if init_failed(pod, view) {
        return containers(pod).iter().all(|c| !is_running(view, c));
    }
    !containers(pod).is_empty() && containers(pod).iter().all(ended)
}

/// Whether an init container has failed in a pod that does not restart it.
pub fn init_failed(pod: &Pod, view: &PodView) -> bool {
    init_containers(pod)
        .iter()
        .filter(|container| !is_sidecar(container))
        .any(|container| {
            view.newest(&container.name).is_some_and(|run| {
                run.state == ContainerState::Exited
                    && run.exit_code != 0
                    && !Policy::of(pod, container).restarts(run.exit_code)
            })
        })
}

fn is_running(view: &PodView, container: &Container) -> bool {
    view.newest(&container.name)
        .is_some_and(|run| run.state == ContainerState::Running)
}

struct Planner<'a> {
    pod: &'a Pod,
    view: &'a PodView,
    backoff: &'a RestartBackoff,
    now: Timestamp,
    /// The sandbox is new: init containers run again.
    fresh: bool,
    plan: Plan,
}

impl Planner<'_> {
    /// Plans the init containers; true when the regular ones may run.
    fn init(&mut self) -> bool {
        let regular_ran = containers(self.pod)
            .iter()
            .any(|c| self.view.newest(&c.name).is_some());
        let initialized = regular_ran && !self.fresh;
        for (index, container) in init_containers(self.pod).iter().enumerate() {
            let run = self.current_run(container);
            if is_sidecar(container) {
                let running = run.is_some_and(|run| run.state == ContainerState::Running);
                self.container(Group::Init, index, container);
                if !running && !initialized {
                    return false;
                }
                continue;
            }
            let completed =
                run.is_some_and(|run| run.state == ContainerState::Exited && run.exit_code == 0);
            if initialized || completed {
                continue;
            }
            self.container(Group::Init, index, container);
            return false;
        }
        true
    }

    /// The newest run in the sandbox that is in use.
    fn current_run(&self, container: &Container) -> Option<&ContainerStatus> {
        self.view.newest(&container.name).filter(|_| !self.fresh)
    }

    fn container(&mut self, group: Group, index: usize, container: &Container) {
        let Some(run) = self.view.newest(&container.name) else {
            return self.plan.start.push(Start {
                group,
                index,
                attempt: 0,
            });
        };
        let attempt = run.metadata.attempt + 1;
        match run.state {
            ContainerState::Running if !self.fresh => self.keep_or_replace(container, run),
            ContainerState::Exited => {
                let policy = Policy::of(self.pod, container);
                let again = policy.restarts(run.exit_code)
                    || (self.fresh && group == Group::Init && run.exit_code == 0);
                if again {
                    self.restart(
                        Start {
                            group,
                            index,
                            attempt,
                        },
                        container,
                        run,
                    );
                }
            }
            // Its process was never let go, or is out of sight: this run is given up.
            ContainerState::Created | ContainerState::Unknown | ContainerState::Running => {
                self.kill(run, format!("Stopping container {}", container.name));
                self.plan.start.push(Start {
                    group,
                    index,
                    attempt,
                });
            }
        }
    }

    fn keep_or_replace(&mut self, container: &Container, run: &ContainerStatus) {
        let hash = run.annotations.get(CONTAINER_HASH);
        if hash.is_some_and(|hash| *hash != container_hash(container)) {
            let name = &container.name;
            let why = format!("Container {name} definition changed, will be restarted");
            self.kill(run, why);
        }
    }

    fn kill(&mut self, run: &ContainerStatus, message: String) {
        let name = run.metadata.name.clone();
        self.plan.kill.push(Kill {
            id: run.id.clone(),
            name,
            message,
        });
    }

    fn restart(&mut self, start: Start, container: &Container, run: &ContainerStatus) {
        match self
            .backoff
            .remaining(&container.name, run.finished_at, self.now)
        {
            None => self.plan.start.push(start),
            Some(left) => {
                self.plan.backing_off.insert(container.name.clone(), left);
                let again = self.plan.again_after.map_or(left, |after| after.min(left));
                self.plan.again_after = Some(again);
            }
        }
    }
}

#[cfg(test)]
mod tests;
