//! One container's end: preStop, the stop signal, and no more time than there is.

use std::sync::Arc;
use std::time::Duration;

use api::core::{Container, LifecycleHandler, Pod};
use cri::{ContainerState, ContainerStatus};
use informer::EventType;
use tokio::sync::watch;

use super::view::{containers, init_containers};
use crate::hooks;
use crate::shared::Shared;

/// After preStop, and even with force, a program gets this long (kubelet-cri-facts §11).
const LEAST_GRACE: Duration = Duration::from_secs(2);

/// Stops containers of a pod.
#[derive(Clone)]
pub(super) struct Stopper {
    pub shared: Arc<Shared>,
    pub pod: Arc<Pod>,
    pub pod_ip: String,
}

impl Stopper {
    /// Runs preStop, then stops the container; `deadline`, in monotonic time, may come nearer
    /// meanwhile.
    pub async fn stop(
        &self,
        run: &ContainerStatus,
        mut deadline: watch::Receiver<Duration>,
    ) -> cri::Result<()> {
        let clock = &self.shared.clock;
        if run.state == ContainerState::Running {
            self.pre_stop(run, deadline.clone()).await;
        }
        loop {
            let until = *deadline.borrow_and_update();
            let left = until.saturating_sub(clock.monotonic()).max(LEAST_GRACE);
            tokio::select! {
                stopped = self.shared.runtime.stop_container(&run.id, left) => return stopped,
                // Stop again, sooner. Once the sender is gone nothing shortens the time.
                Ok(()) = deadline.changed() => {}
            }
        }
    }

    async fn pre_stop(&self, run: &ContainerStatus, deadline: watch::Receiver<Duration>) {
        let Some((container, handler)) = self.handler(&run.metadata.name) else {
            return;
        };
        if *deadline.borrow() <= self.shared.clock.monotonic() {
            return;
        }
        let subject = hooks::Subject {
            shared: &self.shared,
            pod: &self.pod,
            container,
            id: &run.id,
            pod_ip: &self.pod_ip,
        };
        let why = tokio::select! {
            ran = hooks::run(&subject, handler) => match ran {
                Ok(()) => return,
                Err(why) => why,
            },
            () = self.reach(deadline) => "the grace period was over".to_owned(),
        };
        tracing::debug!(container = container.name, why, "a preStop hook failed");
        let name = Some(container.name.as_str());
        let (reason, text) = ("FailedPreStopHook", "PreStopHook failed");
        let events = &self.shared.events;
        events.event(&self.pod, name, EventType::Warning, reason, text);
    }

    fn handler(&self, name: &str) -> Option<(&Container, &LifecycleHandler)> {
        let mut all = containers(&self.pod)
            .iter()
            .chain(init_containers(&self.pod));
        let container = all.find(|container| container.name == name)?;
        let handler = container.lifecycle.as_ref()?.pre_stop.as_ref()?;
        Some((container, handler))
    }

    /// Resolves at the deadline, wherever it is moved.
    async fn reach(&self, mut deadline: watch::Receiver<Duration>) {
        loop {
            let until = *deadline.borrow_and_update();
            tokio::select! {
                () = self.shared.clock.sleep_until(until) => return,
                Ok(()) = deadline.changed() => {}
            }
        }
    }
}
