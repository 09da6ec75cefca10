//! `cri::RuntimeService`: each method finds its sandbox or container and hands over.
//!
//! What changes something runs in a task of its own, so that a caller that stops waiting does
//! not leave it half done.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use cri::{
    Container, ContainerConfig, ContainerEvent, ContainerFilter, ContainerStatus, Error,
    ExecResult, LinuxResources, PodSandbox, PodSandboxConfig, PodSandboxStatus, Result,
    RuntimeService, Version,
};
use futures::FutureExt;
use futures::future::BoxFuture;
use futures::stream::BoxStream;

use super::blocking;
use super::operations::unexpected;
use super::runtime::Runtime;
use crate::plan::Phase;
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
