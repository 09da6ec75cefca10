//! The pod worker's decision: a pure function from a pod and what runs of it to what to do.

use std::collections::BTreeMap;
use std::time::Duration;

use api::core::{Container, ContainerRestartRule, ContainerRestartRuleOnExitCodes, Pod};
use cri::{ContainerState, ContainerStatus};
use jiff::Timestamp;

use super::backoff::RestartBackoff;
use super::status::is_terminal;
use super::view::{
    CONTAINER_HASH, PodView, container_hash, containers, init_containers, is_sidecar,
};
use crate::probe::{Kind, Verdicts};

/// What the decision is made from.
#[derive(Clone, Copy)]
pub struct Situation<'a> {
    pub pod: &'a Pod,
    pub view: &'a PodView,
    pub restarts: &'a RestartBackoff,
    pub probes: &'a Verdicts,
    /// The pod's time is up: nothing of it may run any more.
    pub over: bool,
    pub now: Timestamp,
}

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
    /// Nothing will run in the pod again: what it holds of the node is given back.
    Stop,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kill {
    pub id: String,
    pub name: String,
    /// The event's text; without one the run never began, and is removed.
    pub message: Option<String>,
    /// Instead of the pod's own grace period.
    pub grace: Option<Duration>,
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

/// Whether an ended container starts again: its own rules come first, then its own policy, then
/// the pod's.
pub(super) fn restarts(pod: &Pod, container: &Container, exit_code: i32) -> bool {
    let rules = container.restart_policy_rules.as_deref();
    let restarted_by = |rule: &ContainerRestartRule| {
        let codes = rule.exit_codes.as_ref();
        rule.action == "Restart" && codes.is_some_and(|codes| includes(codes, exit_code))
    };
    if rules.unwrap_or_default().iter().any(restarted_by) {
        return true;
    }
    let of_pod = pod.spec.as_ref().map(|spec| &spec.restart_policy);
    let policy = container.restart_policy.as_ref();
    match policy
        .or(of_pod.and_then(Option::as_ref))
        .map(String::as_str)
    {
        Some("Never") => false,
        Some("OnFailure") => exit_code != 0,
        _ => true,
    }
}

fn includes(codes: &ContainerRestartRuleOnExitCodes, exit_code: i32) -> bool {
    let named = codes.values.iter().flatten().any(|code| *code == exit_code);
    match codes.operator.as_str() {
        "In" => named,
        "NotIn" => !named,
        _ => false,
    }
}

/// Decides the next steps of a pod that is not being deleted.
pub fn plan(situation: &Situation<'_>) -> Plan {
    let Situation { pod, view, .. } = *situation;
    if situation.over || is_terminal(api::pod::phase(pod)) {
        return ending(view);
    }
    let mut plan = Plan::default();
    let fresh = view.ready_sandbox().is_none();
    if fresh {
        if has_finished(pod, view) {
            return ending(view);
        }
        let newest = view.sandboxes.first();
        let attempt = newest.map_or(0, |newest| newest.metadata.attempt + 1);
        plan.sandbox = SandboxStep::Create { attempt };
    }
    let mut planner = Planner {
        situation,
        fresh,
        plan,
    };
    if planner.init() {
        for (index, container) in containers(pod).iter().enumerate() {
            planner.container(Group::Regular, index, container);
        }
    }
    let mut plan = planner.plan;
    if plan.start.is_empty() && plan.backing_off.is_empty() && has_finished(pod, view) {
        plan.sandbox = SandboxStep::Stop;
    }
    plan
}

/// Stops what still lives, and then the sandbox.
fn ending(view: &PodView) -> Plan {
    let stop = |run: &ContainerStatus| Kill {
        id: run.id.clone(),
        name: run.metadata.name.clone(),
        message: Some(format!("Stopping container {}", run.metadata.name)),
        grace: None,
    };
    Plan {
        sandbox: SandboxStep::Stop,
        kill: view.live().map(stop).collect(),
        ..Plan::default()
    }
}

/// Whether every container has ended for good: nothing will run in this pod again.
pub fn has_finished(pod: &Pod, view: &PodView) -> bool {
    let ended = |container: &Container| {
        view.newest(&container.name).is_some_and(|run| {
            run.state == ContainerState::Exited && !restarts(pod, container, run.exit_code)
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
                    && !restarts(pod, container, run.exit_code)
            })
        })
}

fn is_running(view: &PodView, container: &Container) -> bool {
    view.newest(&container.name)
        .is_some_and(|run| run.state == ContainerState::Running)
}

struct Planner<'a> {
    situation: &'a Situation<'a>,
    /// The sandbox is new: init containers run again.
    fresh: bool,
    plan: Plan,
}

impl Planner<'_> {
    /// Plans the init containers; true when the regular ones may run.
    fn init(&mut self) -> bool {
        let Situation { pod, view, .. } = *self.situation;
        let has_run = |container: &Container| view.newest(&container.name).is_some();
        let initialized = containers(pod).iter().any(has_run) && !self.fresh;
        for (index, container) in init_containers(pod).iter().enumerate() {
            let run = self.current_run(container);
            if is_sidecar(container) {
                let running = run.is_some_and(|run| run.state == ContainerState::Running);
                let up = running && self.situation.probes.of(&container.name).started;
                self.container(Group::Init, index, container);
                if !up && !initialized {
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
        let view = self.situation.view;
        view.newest(&container.name).filter(|_| !self.fresh)
    }

    fn container(&mut self, group: Group, index: usize, container: &Container) {
        let Situation { pod, view, .. } = *self.situation;
        let Some(run) = view.newest(&container.name) else {
            return self.plan.start.push(Start {
                group,
                index,
                attempt: 0,
            });
        };
        let start = Start {
            group,
            index,
            attempt: run.metadata.attempt + 1,
        };
        match run.state {
            ContainerState::Running if !self.fresh => self.keep_or_replace(container, run, start),
            ContainerState::Exited => {
                let again = restarts(pod, container, run.exit_code)
                    || (self.fresh && group == Group::Init && run.exit_code == 0);
                if again {
                    self.restart(start, container, run.finished_at);
                }
            }
            // Its program could not be started, or an earlier kubelet ended in between.
            ContainerState::Created => {
                self.kill(run, None);
                let attempt = run.metadata.attempt;
                self.plan.start.push(Start { attempt, ..start });
            }
            // Out of sight, or left in a sandbox that is dead: this run is given up.
            ContainerState::Unknown | ContainerState::Running => {
                let why = format!("Stopping container {}", container.name);
                self.kill(run, Some(why));
                self.restart(start, container, Some(run.created_at));
            }
        }
    }

    fn keep_or_replace(&mut self, container: &Container, run: &ContainerStatus, start: Start) {
        let name = &container.name;
        let hash = run.annotations.get(CONTAINER_HASH);
        if hash.is_some_and(|hash| *hash != container_hash(container)) {
            let why = format!("Container {name} definition changed, will be restarted");
            self.kill(run, Some(why));
            // Whatever the restart policy says.
            self.plan.start.push(start);
            return;
        }
        if let Some(probe) = self.situation.probes.of(name).failed {
            let own = match probe {
                Kind::Startup => &container.startup_probe,
                _ => &container.liveness_probe,
            };
            let grace = own
                .as_ref()
                .and_then(|p| p.termination_grace_period_seconds);
            self.kill(run, Some(probe.killing(name)));
            let kill = self.plan.kill.last_mut().expect("pushed above");
            kill.grace = grace.map(|seconds| Duration::from_secs(seconds.max(0).unsigned_abs()));
        }
    }

    fn kill(&mut self, run: &ContainerStatus, message: Option<String>) {
        self.plan.kill.push(Kill {
            id: run.id.clone(),
            name: run.metadata.name.clone(),
            message,
            grace: None,
        });
    }

    /// Starts it again, now or when its back-off is over.
    fn restart(&mut self, start: Start, container: &Container, ended: Option<Timestamp>) {
        let Situation { restarts, now, .. } = *self.situation;
        match restarts.remaining(&container.name, ended, now) {
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
