//! What happens to children and in time: exits, gates, deadlines.

use std::path::Path;
use std::time::Duration;

use super::calls::refused;
use super::container::{Client, Container, Ends};
use super::protocol::Reply;
use super::server::{Job, JobKind, Shim, Tenant};
use super::sys::{self, Exit};
use crate::plan::{ContainerPlan, ContainerState, Phase};
use crate::process::Identity;

impl Shim {
    /// Takes the exits of all children that have ended.
    pub(super) fn reap(&mut self) {
        let mut buffer = [0; 1024];
        // Emptied only to fall silent: how many signals there were says nothing.
        let _count = rustix::io::read(&self.signals, &mut buffer);
        while let Some(exit) = sys::reap() {
            self.child_exited(exit);
        }
        if self.jobs.is_empty() {
            // Nobody can claim them any more: intermediates, failed inits, adopted orphans.
            self.unclaimed = Vec::new();
        }
    }

    fn child_exited(&mut self, exit: Exit) {
        if let Some(index) = self.jobs.iter().position(|job| job.worker.pid == exit.pid) {
            let job = self.jobs.swap_remove(index);
            self.job_done(job);
        } else if let Some(tenant) = self.tenants.remove(&exit.pid) {
            self.tenant_exited(&tenant, exit);
        } else if let Some(id) = self.container_of(exit.pid) {
            self.init_exited(&id, exit);
        } else {
            self.unclaimed.push(exit);
        }
    }

    fn container_of(&self, pid: i32) -> Option<String> {
        let mut containers = self.containers.iter();
        containers
            .find(|(_, container)| container.init() == Some(pid))
            .map(|(id, _)| id.clone())
    }

    /// The exit of a process that ended before it was known.
    fn claim(&mut self, pid: i32) -> Option<Exit> {
        let index = self.unclaimed.iter().position(|exit| exit.pid == pid)?;
        Some(self.unclaimed.swap_remove(index))
    }

    fn job_done(&mut self, job: Job) {
        let outcome = job.worker.outcome();
        match (job.kind, outcome) {
            (
                JobKind::Create {
                    plan,
                    directory,
                    ends,
                },
                Ok(pid),
            ) => {
                self.created(job.client, *plan, &directory, ends, pid);
            }
            (JobKind::Create { plan, .. }, Err(message)) => {
                self.host.kill(&plan.cgroup);
                // A dying process may still hold it; the kubelet removes the pod's whole group.
                let _held = self.host.remove(&plan.cgroup);
                self.remove_libcontainer_state(&plan.id);
                self.reply(job.client, &Reply::Failed { message });
            }
            // The gate tells when init has executed the program.
            (JobKind::Start { .. }, Ok(_)) => {}
            (JobKind::Start { id }, Err(message)) => {
                let container = self.containers.get_mut(&id);
                // It may have been answered by init's exit.
                if container
                    .and_then(|container| container.starter.take())
                    .is_some()
                {
                    self.reply(job.client, &Reply::Failed { message });
                }
            }
            (JobKind::Exec { late: true, .. }, Ok(pid)) => sys::kill(pid, libc::SIGKILL),
            (JobKind::Exec { deadline, .. }, Ok(pid)) => {
                let tenant = Tenant {
                    client: job.client,
                    deadline,
                    timed_out: false,
                };
                match self.claim(pid) {
                    Some(exit) => self.tenant_exited(&tenant, exit),
                    None => drop(self.tenants.insert(pid, tenant)),
                }
            }
            (JobKind::Exec { id, scratch, .. }, Err(message)) => {
                // A worker that was killed leaves it.
                let _gone = std::fs::remove_dir_all(scratch);
                let gone = self
                    .containers
                    .get(&id)
                    .is_none_or(|it| it.init().is_none());
                let reply = match gone {
                    true => refused("the container has exited"),
                    false => Reply::Failed { message },
                };
                self.reply(job.client, &reply);
            }
        }
    }

    fn created(
        &mut self,
        client: Client,
        plan: ContainerPlan,
        directory: &Path,
        ends: Ends,
        pid: i32,
    ) {
        let id = plan.id.clone();
        adjust_oom_score(pid, plan.oom_score_adj);
        let container = Identity::of(pid)
            .map_err(|error| error.to_string())
            .and_then(|init| {
                let state = ContainerState::created(&id, init, self.clock.wall());
                Container::new(directory, plan, state, ends).map_err(|error| error.to_string())
            });
        match container {
            Ok(container) => {
                let state = container.state.clone();
                self.containers.insert(id.clone(), container);
                self.publish(&state);
                self.reply(client, &Reply::Container(state));
                if let Some(exit) = self.claim(pid) {
                    self.init_exited(&id, exit);
                }
            }
            Err(message) => {
                sys::kill(pid, libc::SIGKILL);
                self.remove_libcontainer_state(&id);
                self.reply(client, &Reply::Failed { message });
            }
        }
    }

    pub(super) fn pass_gate(&mut self, id: &str) {
        let Some(container) = self.containers.get_mut(id) else {
            return;
        };
        if !container.pass_gate(&self.clock) || container.state.phase != Phase::Running {
            return;
        }
        container.save();
        let state = container.state.clone();
        let starter = container.starter.take();
        self.publish(&state);
        if let Some(client) = starter {
            self.reply(client, &Reply::Container(state));
        }
    }

    fn init_exited(&mut self, id: &str, exit: Exit) {
        // First whether it ran at all: Started comes before Stopped.
        self.pass_gate(id);
        let Some(container) = self.containers.get_mut(id) else {
            return;
        };
        container.init_exited(exit, &self.clock);
        if let Some(client) = container.starter.take() {
            let message = container.state.start_error.clone();
            let message = message.unwrap_or_else(|| "init was killed".to_owned());
            self.reply(client, &Reply::Failed { message });
        }
    }

    fn tenant_exited(&mut self, tenant: &Tenant, exit: Exit) {
        let reply = match tenant.timed_out {
            true => Reply::TimedOut,
            false => Reply::Exited { code: exit.code },
        };
        self.reply(tenant.client, &reply);
    }

    pub(super) fn meet_deadlines(&mut self) {
        let now = self.clock.monotonic();
        for (pid, tenant) in &mut self.tenants {
            if tenant.deadline.is_some_and(|at| at <= now) {
                tenant.deadline = None;
                tenant.timed_out = true;
                // libcontainer made it the leader of a session.
                sys::kill(-pid, libc::SIGKILL);
                sys::kill(*pid, libc::SIGKILL);
            }
        }
        self.abandon_late_execs(now);
        let mut exited = Vec::new();
        for (id, container) in &mut self.containers {
            container.kill_if_due(&self.clock, &self.host);
            if container.sweep(&self.clock, &self.host) {
                exited.push(id.clone());
            }
        }
        for id in exited {
            self.exited(&id);
        }
    }

    /// Gives up execs whose command did not even start in time (a frozen container).
    fn abandon_late_execs(&mut self, now: Duration) {
        let mut answered = Vec::new();
        for job in &mut self.jobs {
            if let JobKind::Exec { deadline, late, .. } = &mut job.kind
                && deadline.is_some_and(|at| at <= now)
            {
                *deadline = None;
                *late = true;
                sys::kill(job.worker.pid, libc::SIGKILL);
                answered.push(job.client);
            }
        }
        for client in answered {
            self.reply(client, &Reply::TimedOut);
        }
    }

    fn exited(&mut self, id: &str) {
        let Some(container) = self.containers.get_mut(id) else {
            return;
        };
        container.save();
        let state = container.state.clone();
        let stoppers = std::mem::take(&mut container.stoppers);
        let removers = std::mem::take(&mut container.removers);
        self.publish(&state);
        for client in stoppers {
            self.reply(client, &Reply::Container(state.clone()));
        }
        if !removers.is_empty() {
            self.forget(id);
        }
        for client in removers {
            self.reply(client, &Reply::Done);
        }
    }
}

/// Written to init from outside: libcontainer would write it to itself and fail where lowering
/// it needs CAP_SYS_RESOURCE. A refusal leaves the inherited value.
fn adjust_oom_score(pid: i32, value: i32) {
    if let Err(error) = std::fs::write(format!("/proc/{pid}/oom_score_adj"), value.to_string()) {
        tracing::error!(pid, value, %error, "oom_score_adj stays as it is");
    }
}
