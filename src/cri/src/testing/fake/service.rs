//! The fake as a runtime service: each call is the fake's own, answered at once.

use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt};
use tokio_stream::wrappers::BroadcastStream;

use super::{FakeRuntime, unknown};
use crate::{
    Container, ContainerConfig, ContainerEvent, ContainerFilter, ContainerStatus, ExecResult,
    LinuxResources, PodSandbox, PodSandboxConfig, PodSandboxStatus, Result, RuntimeService,
    Version,
};

impl RuntimeService for FakeRuntime {
    fn version(&self) -> Version {
        Version {
            runtime_name: "fake".to_owned(),
            runtime_version: "0".to_owned(),
        }
    }

    fn run_pod_sandbox(&self, config: PodSandboxConfig) -> BoxFuture<'_, Result<String>> {
        async move { self.run_sandbox(config) }.boxed()
    }

    fn stop_pod_sandbox<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<()>> {
        async move { self.stop_sandbox(id) }.boxed()
    }

    fn remove_pod_sandbox<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<()>> {
        async move { self.remove_sandbox(id) }.boxed()
    }

    fn list_pod_sandboxes(&self) -> BoxFuture<'_, Result<Vec<PodSandbox>>> {
        let inner = self.lock();
        let rows = inner.sandboxes.values().map(|sandbox| {
            let status = sandbox.status.clone();
            PodSandbox {
                id: status.id,
                metadata: status.metadata,
                state: status.state,
                created_at: status.created_at,
                labels: status.labels,
                annotations: status.annotations,
            }
        });
        let rows = rows.collect();
        async move { Ok(rows) }.boxed()
    }

    fn pod_sandbox_status<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<PodSandboxStatus>> {
        let status = self
            .lock()
            .sandboxes
            .get(id)
            .map(|sandbox| sandbox.status.clone());
        async move { status.ok_or_else(|| unknown("pod sandbox", id)) }.boxed()
    }

    fn create_container<'a>(
        &'a self,
        pod_sandbox_id: &'a str,
        config: ContainerConfig,
    ) -> BoxFuture<'a, Result<String>> {
        async move { self.create(pod_sandbox_id, config) }.boxed()
    }

    fn start_container<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<()>> {
        async move { self.start(id) }.boxed()
    }

    fn stop_container<'a>(&'a self, id: &'a str, grace: Duration) -> BoxFuture<'a, Result<()>> {
        async move { self.stop(id, grace) }.boxed()
    }

    fn remove_container<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<()>> {
        async move { self.remove(id) }.boxed()
    }

    fn list_containers(&self, filter: ContainerFilter) -> BoxFuture<'_, Result<Vec<Container>>> {
        async move { Ok(self.rows(&filter)) }.boxed()
    }

    fn container_status<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<ContainerStatus>> {
        let status = self
            .lock()
            .containers
            .get(id)
            .map(|container| container.status.clone());
        async move { status.ok_or_else(|| unknown("container", id)) }.boxed()
    }

    fn update_container_resources<'a>(
        &'a self,
        id: &'a str,
        resources: LinuxResources,
    ) -> BoxFuture<'a, Result<()>> {
        async move { self.update(id, resources) }.boxed()
    }

    fn exec_sync<'a>(
        &'a self,
        id: &'a str,
        command: Vec<String>,
        _timeout: Option<Duration>,
    ) -> BoxFuture<'a, Result<ExecResult>> {
        async move { self.exec(id, &command) }.boxed()
    }

    fn reopen_container_log<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<()>> {
        let known = self.lock().containers.contains_key(id);
        async move {
            if known {
                Ok(())
            } else {
                Err(unknown("container", id))
            }
        }
        .boxed()
    }

    fn events(&self) -> BoxStream<'static, ContainerEvent> {
        let events = BroadcastStream::new(self.events.subscribe());
        events
            .map(|event| event.expect("a test keeps up with its events"))
            .boxed()
    }
}
