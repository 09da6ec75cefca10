//! `cri::RuntimeService`: each method finds its sandbox or container and hands over.
//!
//! What changes something runs in a task of its own, so that a caller that stops waiting does
//! not leave it half done.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use cri::{
    Container, ContainerConfig, ContainerEvent, ContainerFilter, ContainerStatus, Error, EventKind,
    ExecResult, LinuxResources, PodSandbox, PodSandboxConfig, PodSandboxStatus, Result,
    RuntimeService, Version,
};
use futures::FutureExt;
use futures::future::{BoxFuture, join_all};
use futures::stream::BoxStream;

use super::container::Container as Entry;
use super::record::SandboxRecord;
use super::runtime::{Core, Runtime};
use super::sandbox::{self, Sandbox};
use super::{blocking, create, internal};
use crate::plan::{self, Phase};
use crate::shim::protocol::{Call, Reply};

/// Runs to its end even when nobody waits for it any more.
fn detached<T: Send + 'static>(
    name: &'static str,
    work: impl Future<Output = Result<T>> + Send + 'static,
) -> BoxFuture<'static, Result<T>> {
    async move {
        match base::tasks::spawn(name, work).await {
            Ok(Some(result)) => result,
            Ok(None) => Err(Error::Internal(format!("{name}: it panicked"))),
            Err(error) => Err(Error::Internal(format!("{name}: {error}"))),
        }
    }
    .boxed()
}

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

impl RuntimeService for Runtime {
    fn version(&self) -> Version {
        Version {
            runtime_name: "rk3s".to_owned(),
            runtime_version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }

    fn run_pod_sandbox(&self, config: PodSandboxConfig) -> BoxFuture<'_, Result<String>> {
        detached("run sandbox", Arc::clone(&self.core).run_sandbox(config))
    }

    fn stop_pod_sandbox<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<()>> {
        match self.core.find_sandbox(id) {
            Some(found) => detached("stop sandbox", Arc::clone(&self.core).stop_sandbox(found)),
            None => async { Ok(()) }.boxed(),
        }
    }

    fn remove_pod_sandbox<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<()>> {
        match self.core.find_sandbox(id) {
            Some(found) => detached(
                "remove sandbox",
                Arc::clone(&self.core).remove_sandbox(found),
            ),
            None => async { Ok(()) }.boxed(),
        }
    }

    fn list_pod_sandboxes(&self) -> BoxFuture<'_, Result<Vec<PodSandbox>>> {
        let rows = self
            .core
            .sandboxes()
            .iter()
            .map(|sandbox| sandbox.row())
            .collect();
        async move { Ok(rows) }.boxed()
    }

    fn pod_sandbox_status<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<PodSandboxStatus>> {
        let status = self.core.sandbox(id).map(|sandbox| sandbox.status());
        async move { status }.boxed()
    }

    fn create_container<'a>(
        &'a self,
        pod_sandbox_id: &'a str,
        config: ContainerConfig,
    ) -> BoxFuture<'a, Result<String>> {
        match self.core.sandbox(pod_sandbox_id) {
            Ok(found) => detached(
                "create container",
                Arc::clone(&self.core).create(found, config),
            ),
            Err(error) => async { Err(error) }.boxed(),
        }
    }

    fn start_container<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<()>> {
        async move {
            let (sandbox, _) = self.core.container(id)?;
            match sandbox
                .client
                .call(Call::Start { id: id.to_owned() }, &[])
                .await
            {
                Ok(Reply::Container(state)) => {
                    self.core.apply(&sandbox, state);
                    Ok(())
                }
                Ok(other) => Err(unexpected("starting a container", other)),
                Err(gone) => Err(Error::FailedPrecondition(gone.to_string())),
            }
        }
        .boxed()
    }

    fn stop_container<'a>(&'a self, id: &'a str, grace: Duration) -> BoxFuture<'a, Result<()>> {
        async move {
            let Some((sandbox, container)) = self.core.find_container(id) else {
                return Ok(());
            };
            self.core.stop(&sandbox, &container, grace).await
        }
        .boxed()
    }

    fn remove_container<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<()>> {
        match self.core.find_container(id) {
            Some((sandbox, container)) => {
                let core = Arc::clone(&self.core);
                detached("remove container", async move {
                    let _order = sandbox.order.lock().await;
                    core.remove(&sandbox, container).await
                })
            }
            None => async { Ok(()) }.boxed(),
        }
    }

    fn list_containers(&self, filter: ContainerFilter) -> BoxFuture<'_, Result<Vec<Container>>> {
        let wanted = |row: &Container| {
            filter.id.as_ref().is_none_or(|id| *id == row.id)
                && filter
                    .pod_sandbox_id
                    .as_ref()
                    .is_none_or(|id| *id == row.pod_sandbox_id)
                && filter.state.is_none_or(|state| state == row.state)
        };
        let containers = self
            .core
            .sandboxes()
            .into_iter()
            .flat_map(|pod| pod.containers());
        let rows = containers
            .filter_map(|container| container.row())
            .filter(wanted)
            .collect();
        async move { Ok(rows) }.boxed()
    }

    fn container_status<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<ContainerStatus>> {
        let status = self.core.container(id).and_then(|(_, container)| {
            let absent = || Error::NotFound {
                kind: "container",
                id: id.to_owned(),
            };
            container.status().ok_or_else(absent)
        });
        async move { status }.boxed()
    }

    fn update_container_resources<'a>(
        &'a self,
        id: &'a str,
        resources: LinuxResources,
    ) -> BoxFuture<'a, Result<()>> {
        let found = self.core.container(id);
        let core = Arc::clone(&self.core);
        async move {
            let (_, container) = found?;
            blocking(move || core.update(&container, &resources)).await
        }
        .boxed()
    }

    fn exec_sync<'a>(
        &'a self,
        id: &'a str,
        command: Vec<String>,
        timeout: Option<Duration>,
    ) -> BoxFuture<'a, Result<ExecResult>> {
        async move {
            let (sandbox, container) = self.core.container(id)?;
            if container.phase() != Some(Phase::Running) {
                return Err(Error::FailedPrecondition(format!(
                    "container {id:?} is not running"
                )));
            }
            self.core.exec(&sandbox, id, command, timeout).await
        }
        .boxed()
    }

    fn reopen_container_log<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<()>> {
        async move {
            let (sandbox, _) = self.core.container(id)?;
            match sandbox
                .client
                .call(Call::ReopenLog { id: id.to_owned() }, &[])
                .await
            {
                Ok(Reply::Done) => Ok(()),
                Ok(other) => Err(unexpected("reopening a log", other)),
                Err(gone) => Err(Error::FailedPrecondition(gone.to_string())),
            }
        }
        .boxed()
    }

    fn events(&self) -> BoxStream<'static, ContainerEvent> {
        self.core.events()
    }
}

impl Core {
    async fn run_sandbox(self: Arc<Self>, config: PodSandboxConfig) -> Result<String> {
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
                // Without a shim there is nobody to tell.
                let _gone = sandbox.client.call(Call::Shutdown, &[]).await;
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
        self.launcher.launch(&sandbox.directory)
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
        let _gone = sandbox.client.call(Call::Shutdown, &[]).await;
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

    async fn remove_sandbox(self: Arc<Self>, sandbox: Arc<Sandbox>) -> Result<()> {
        Arc::clone(&self).stop_sandbox(Arc::clone(&sandbox)).await?;
        let _order = sandbox.order.lock().await;
        for container in sandbox.containers() {
            self.remove(&sandbox, container).await?;
        }
        let directory = sandbox.directory.clone();
        blocking(move || sandbox::remove(&directory)).await?;
        self.forget(&sandbox.id);
        self.emit(EventKind::Deleted, &sandbox.id, &sandbox.id);
        Ok(())
    }

    /// Stops a container, whether or not its shim still lives.
    async fn stop(&self, sandbox: &Sandbox, container: &Entry, grace: Duration) -> Result<()> {
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
        container: &Entry,
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
    async fn remove(self: &Arc<Self>, sandbox: &Sandbox, container: Arc<Entry>) -> Result<()> {
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
    fn update(&self, container: &Entry, resources: &LinuxResources) -> Result<()> {
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
