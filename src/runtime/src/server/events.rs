//! Listening to a shim, and what to do when it is gone.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use cri::{ContainerEvent, EventKind, Result};
use futures::StreamExt;
use futures::stream::BoxStream;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use super::client::Subscription;
use super::container::Container;
use super::retire::{lives_on, retire};
use super::runtime::{Core, transitions};
use super::sandbox::Sandbox;
use crate::plan::{self, ContainerState, Phase};
use crate::shim::STATE;
use crate::shim::protocol::Event;

/// How often a group that does not die is killed again, and for how long.
const KILL_EVERY: Duration = Duration::from_millis(10);
/// Between two tries to reach a shim that is there.
const AGAIN: Duration = Duration::from_secs(1);
const KILL_LIMIT: Duration = Duration::from_secs(2);

/// What a process without a known exit code is said to have ended with, as containerd does.
const UNKNOWN_EXIT: i32 = 255;

impl Core {
    /// Follows a sandbox' shim in a task until the shim or this runtime ends.
    pub fn watch(self: &Arc<Self>, sandbox: Arc<Sandbox>, subscription: Subscription) {
        let core = Arc::clone(self);
        // It ends by itself and reports what it meets.
        drop(base::tasks::spawn("shim events", async move {
            let shutdown = core.shutdown.clone();
            tokio::select! {
                () = shutdown.stopping() => {}
                () = core.follow(sandbox, subscription) => {}
            }
        }));
    }

    async fn follow(self: Arc<Self>, sandbox: Arc<Sandbox>, mut subscription: Subscription) {
        loop {
            match subscription.next().await {
                Ok(Event::Snapshot(states)) => {
                    for state in states {
                        self.apply(&sandbox, state);
                    }
                }
                Ok(Event::Changed(state)) => self.apply(&sandbox, state),
                Err(_) => {
                    // It drops a client that does not read; then it is still there.
                    match self.subscribe_again(&sandbox).await {
                        Some(again) => subscription = again,
                        None => break,
                    }
                }
            }
        }
        if let Err(error) = self.shim_lost(&sandbox).await {
            tracing::error!(sandbox = sandbox.id, %error, "clearing up after a dead shim");
        }
    }

    /// Connects to the shim again; `None` once its process is gone. While it is there, a failure
    /// is ours (no descriptor is free, say) and no reason to end its containers.
    async fn subscribe_again(&self, sandbox: &Sandbox) -> Option<Subscription> {
        loop {
            match sandbox.client.subscribe().await {
                Ok(again) => return Some(again),
                Err(_) if !lives_on(&sandbox.directory).await => return None,
                Err(error) => {
                    tracing::warn!(sandbox = sandbox.id, %error, "its shim cannot be reached");
                    // Nobody tells when a descriptor is free again.
                    self.clock.sleep(AGAIN).await;
                }
            }
        }
    }

    /// Ends everything of a sandbox whose shim is gone: containers without a parent that would
    /// see their exit are killed and become Exited, and the sandbox is not ready any more.
    pub async fn shim_lost(&self, sandbox: &Sandbox) -> Result<()> {
        let _order = sandbox.order.lock().await;
        // One that does not answer but is still there must not share the sandbox with us.
        retire(&sandbox.client, &sandbox.directory, &self.clock).await;
        for container in sandbox.living() {
            self.end_lost(sandbox, &container).await;
        }
        if sandbox.is_ready() {
            sandbox.set_ready(false)?;
            self.emit(EventKind::Stopped, &sandbox.id, &sandbox.id);
        }
        Ok(())
    }

    /// Kills what runs in a container's group and removes it, where no shim does.
    pub async fn end_group(&self, group: &Path) {
        let deadline = self.clock.monotonic() + KILL_LIMIT;
        // The kernel tells nobody when a (v1) group falls empty, and these processes are not
        // our children.
        while !self.host.cgroups.kill(group) && self.clock.monotonic() < deadline {
            self.clock.sleep(KILL_EVERY).await;
        }
        if let Err(error) = self.host.cgroups.remove(group) {
            tracing::warn!(group = %group.display(), %error, "a lost container's cgroup stays");
        }
    }

    async fn end_lost(&self, sandbox: &Sandbox, container: &Container) {
        let record = &container.record;
        self.end_group(&record.cgroup).await;
        // The shim may have seen the end without living to tell.
        let file = container.directory.join(STATE);
        let written = plan::read::<ContainerState>(&file).ok();
        let Some(mut state) = written.or_else(|| container.state()) else {
            return;
        };
        if state.phase != Phase::Exited {
            state.phase = Phase::Exited;
            state.init = None;
            state.finished_at = Some(self.clock.wall());
            state.exit_code = UNKNOWN_EXIT;
            state.lost = true;
        }
        // Past whatever revision the shim got to before it could write it down.
        state.revision = state
            .revision
            .max(container.state().map_or(0, |it| it.revision))
            + 1;
        if let Err(error) = plan::write(&file, &state) {
            tracing::error!(id = record.id, %error, "writing the state of a lost container");
        }
        self.apply(sandbox, state);
    }

    /// All changes, in order. A subscriber that falls behind hears of the present state of every
    /// container instead of what it missed.
    pub fn events(self: &Arc<Self>) -> BoxStream<'static, ContainerEvent> {
        let state = (Arc::clone(self), self.subscribe(), Vec::new());
        futures::stream::unfold(state, |(core, mut receiver, mut backlog)| async move {
            let event = core.next_event(&mut receiver, &mut backlog).await?;
            Some((event, (core, receiver, backlog)))
        })
        .boxed()
    }

    async fn next_event(
        &self,
        receiver: &mut broadcast::Receiver<ContainerEvent>,
        backlog: &mut Vec<ContainerEvent>,
    ) -> Option<ContainerEvent> {
        loop {
            if let Some(event) = backlog.pop() {
                return Some(event);
            }
            let received = tokio::select! {
                received = receiver.recv() => received,
                () = self.shutdown.stopping() => return None,
            };
            match received {
                Ok(event) => return Some(event),
                Err(RecvError::Closed) => return None,
                Err(RecvError::Lagged(_)) => *backlog = self.present(),
            }
        }
    }

    /// The events that lead to what is now, the last one first.
    fn present(&self) -> Vec<ContainerEvent> {
        let mut events = Vec::new();
        for sandbox in self.sandboxes() {
            for container in sandbox.containers() {
                let Some(state) = container.state() else {
                    continue;
                };
                let kinds: Vec<EventKind> = transitions(None, &state);
                events.extend(kinds.into_iter().map(|kind| ContainerEvent {
                    kind,
                    container_id: container.record.id.clone(),
                    pod_sandbox_id: sandbox.id.clone(),
                }));
            }
        }
        events.reverse();
        events
    }
}
