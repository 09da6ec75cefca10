//! What the calls of `cri` do to sandboxes and containers.

use std::sync::Arc;
use std::time::Duration;

use cri::{Error, EventKind, LinuxResources, PodSandboxConfig, Result};
use futures::future::join_all;

use super::container::Container;
use super::record::SandboxRecord;
use super::retire::retire;
use super::runtime::Core;
use super::sandbox::{self, Sandbox};
use super::{blocking, create, internal};
use crate::plan::{self, Phase};
use crate::shim::protocol::{Call, Reply};

/// An answer that is no success as an error.
pub(super) fn unexpected(doing: &str, reply: Reply) -> Error {
    match reply {
        Reply::NotFound => Error::NotFound {
            kind: "container",
            id: String::new(),
        },
        Reply::Refused { message } => Error::FailedPrecondition(format!("{doing}: {message}")),
        Reply::Failed { message } => Error::Internal(format!("{doing}: {message}")),
        other => Error::Internal(format!("{doing}: the shim answered {other:?}")),
    }
}

impl Core {
    pub(super) async fn run_sandbox(self: Arc<Self>, config: PodSandboxConfig) -> Result<String> {
        sandbox::check(&config)?;
        let id = create::new_id();
        let record = SandboxRecord {
            version: plan::VERSION,
            id: id.clone(),
            config,
            created_at: self.clock.wall(),
            ready: false,
        };
        let directory = self.sandbox_directory(&id);
        let sandbox = Arc::new(Sandbox::new(record, directory.clone()));
        let (core, made) = (Arc::clone(&self), Arc::clone(&sandbox));
        let made = blocking(move || core.make_sandbox(&made)).await;
        let subscription = match made {
            Ok(()) => {
                let subscribed = sandbox.client.subscribe().await;
                subscribed.map_err(|gone| Error::Internal(gone.to_string()))
            }
            Err(error) => Err(error),
        };
        let ready = subscription.and_then(|subscription| {
            sandbox.set_ready(true)?;
            Ok(subscription)
        });
        match ready {
            Ok(subscription) => {
                self.insert(Arc::clone(&sandbox));
                self.watch(sandbox, subscription);
                self.emit(EventKind::Created, &id, &id);
                self.emit(EventKind::Started, &id, &id);
                Ok(id)
            }
            Err(error) => {
                retire(&sandbox.client, &directory, &self.clock).await;
                if let Err(leftover) = blocking(move || sandbox::remove(&directory)).await {
                    tracing::error!(id, %leftover, "clearing a sandbox that could not be made");
                }
                Err(error)
            }
        }
    }

    /// Blocks.
    fn make_sandbox(&self, sandbox: &Sandbox) -> Result<()> {
        std::fs::create_dir(&sandbox.directory)
            .map_err(internal("making a sandbox's directory"))?;
        sandbox.set_ready(false)?;
        sandbox::make(&sandbox.config(), &sandbox.directory)?;
        self.launcher.launch(&sandbox.directory)?;
        match base::failpoint::at("runtime::shim-launched") {
            Some(_) => Err(Error::Internal("fail point".to_owned())),
            None => Ok(()),
        }
    }

    /// Kills what runs, lets the shim go and undoes the mounts. Files stay for the removal.
    pub(super) async fn stop_sandbox(self: Arc<Self>, sandbox: Arc<Sandbox>) -> Result<()> {
        let order = sandbox.order.lock().await;
        let was_ready = sandbox.is_ready();
        // Before anything ends, so that a restart goes on with stopping.
        if was_ready {
            sandbox.set_ready(false)?;
        }
        let living = sandbox.living();
        let stops = living
            .iter()
            .map(|it| self.stop_in_shim(&sandbox, it, Duration::ZERO));
        let reached = join_all(stops)
            .await
            .into_iter()
            .collect::<Result<Vec<bool>>>()?;
        for container in sandbox.containers() {
            let call = Call::Remove {
                id: container.record.id.clone(),
            };
            // A shim that is gone holds nothing; the kill below is for what it left.
            let _gone = sandbox.client.call(call, &[]).await;
        }
        retire(&sandbox.client, &sandbox.directory, &self.clock).await;
        drop(order);
        if reached.contains(&false) {
            self.shim_lost(&sandbox).await?;
        }
        let directory = sandbox.directory.clone();
        blocking(move || sandbox::unmake(&directory)).await?;
        if was_ready {
            self.emit(EventKind::Stopped, &sandbox.id, &sandbox.id);
        }
        Ok(())
    }

    pub(super) async fn remove_sandbox(self: Arc<Self>, sandbox: Arc<Sandbox>) -> Result<()> {
        Arc::clone(&self).stop_sandbox(Arc::clone(&sandbox)).await?;
        let _order = sandbox.order.lock().await;
        for container in sandbox.containers() {
            self.remove(&sandbox, container).await?;
        }
        if base::failpoint::at("runtime::sandbox-emptied").is_some() {
            return Err(Error::Internal("fail point".to_owned()));
        }
        let directory = sandbox.directory.clone();
        blocking(move || sandbox::remove(&directory)).await?;
        self.forget(&sandbox.id);
        self.emit(EventKind::Deleted, &sandbox.id, &sandbox.id);
        Ok(())
    }

    /// Stops a container, whether or not its shim still lives.
    pub(super) async fn stop(
        &self,
        sandbox: &Sandbox,
        container: &Container,
        grace: Duration,
    ) -> Result<()> {
        if container.phase() == Some(Phase::Exited) {
            return Ok(());
        }
        match self.stop_in_shim(sandbox, container, grace).await? {
            true => Ok(()),
            false => self.shim_lost(sandbox).await,
        }
    }

    /// `false` when there is no shim to do it.
    async fn stop_in_shim(
        &self,
        sandbox: &Sandbox,
        container: &Container,
        grace: Duration,
    ) -> Result<bool> {
        let call = Call::Stop {
            id: container.record.id.clone(),
            signal: container.record.stop_signal,
            grace_ms: u64::try_from(grace.as_millis()).unwrap_or(u64::MAX),
        };
        match sandbox.client.call(call, &[]).await {
            Ok(Reply::Container(state)) => {
                self.apply(sandbox, state);
                Ok(true)
            }
            // Removed meanwhile.
            Ok(Reply::NotFound) => Ok(true),
            Ok(other) => Err(unexpected("stopping a container", other)),
            Err(_) => Ok(false),
        }
    }

    /// The caller holds the sandbox' order.
    pub(super) async fn remove(
        self: &Arc<Self>,
        sandbox: &Sandbox,
        container: Arc<Container>,
    ) -> Result<()> {
        let id = container.record.id.clone();
        if sandbox.container(&id).is_none() {
            return Ok(());
        }
        match sandbox
            .client
            .call(Call::Remove { id: id.clone() }, &[])
            .await
        {
            Ok(Reply::Done) => {}
            Ok(other) => return Err(unexpected("removing a container", other)),
            // Its shim went when the sandbox was stopped, or died, which ended it.
            Err(_) if container.phase() == Some(Phase::Exited) => {}
            Err(gone) => return Err(Error::Internal(gone.to_string())),
        }
        self.clear_container(container).await?;
        sandbox.forget(&id);
        self.emit(EventKind::Deleted, &id, &sandbox.id);
        Ok(())
    }

    /// Blocks.
    pub(super) fn update(&self, container: &Container, resources: &LinuxResources) -> Result<()> {
        let state = container.state();
        let Some(init) = state.and_then(|state| state.init) else {
            let text = format!("container {:?} is not running", container.record.id);
            return Err(Error::FailedPrecondition(text));
        };
        self.host
            .cgroups
            .update(&container.record.cgroup, resources)
            .map_err(internal("changing limits"))?;
        if let Some(score) = resources.oom_score_adj {
            let file = format!("/proc/{}/oom_score_adj", init.pid);
            if let Err(error) = std::fs::write(file, score.to_string()) {
                // Lowering it takes CAP_SYS_RESOURCE, which a host may not give us.
                tracing::warn!(id = container.record.id, score, %error, "oom_score_adj stays");
            }
        }
        Ok(())
    }
}
