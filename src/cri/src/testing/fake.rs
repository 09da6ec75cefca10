//! A runtime in memory, for the kubelet's tests: it keeps states, runs nothing, and ends
//! containers when told to.

mod service;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base::Clock;
use tokio::sync::broadcast;

use crate::{
    Container, ContainerConfig, ContainerEvent, ContainerFilter, ContainerState, ContainerStatus,
    Error, EventKind, ExecResult, LinuxResources, PodSandboxConfig, PodSandboxState,
    PodSandboxStatus, Result,
};

/// Events kept for a slow subscriber; a test that is further behind is wrong.
const EVENTS: usize = 4096;

type ExecHandler = dyn Fn(&str, &[String]) -> Result<ExecResult> + Send + Sync;

/// Knows three programs: `true` and `false` end at once, everything else runs until it is
/// stopped or [`FakeRuntime::exit`] ends it. Cheap to clone; clones share everything.
#[derive(Clone)]
pub struct FakeRuntime {
    clock: Clock,
    inner: Arc<Mutex<Inner>>,
    events: broadcast::Sender<ContainerEvent>,
}

#[derive(Default)]
struct Inner {
    next: u64,
    sandboxes: BTreeMap<String, FakeSandbox>,
    containers: BTreeMap<String, FakeContainer>,
    calls: Vec<String>,
    failures: BTreeMap<String, VecDeque<Error>>,
    exec: Option<Arc<ExecHandler>>,
}

struct FakeSandbox {
    config: PodSandboxConfig,
    status: PodSandboxStatus,
}

struct FakeContainer {
    config: ContainerConfig,
    status: ContainerStatus,
    resources: LinuxResources,
}

impl FakeRuntime {
    /// An empty runtime whose times are the clock's.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self {
            clock,
            inner: Arc::default(),
            events: broadcast::Sender::new(EVENTS),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends a running container as if its program had exited.
    ///
    /// # Panics
    /// When no such container runs.
    pub fn exit(&self, id: &str, code: i32) {
        let mut inner = self.lock();
        let container = inner.containers.get_mut(id).expect("a known container");
        assert_eq!(
            container.status.state,
            ContainerState::Running,
            "it must run to exit"
        );
        self.end(container, code, None);
    }

    /// Ends a running container as the kernel does when its memory is used up.
    ///
    /// # Panics
    /// When no such container exists.
    pub fn oom_kill(&self, id: &str) {
        let mut inner = self.lock();
        let container = inner.containers.get_mut(id).expect("a known container");
        self.end(container, 137, Some(9));
        container.status.reason = "OOMKilled".to_owned();
    }

    /// Makes the next call of this method (`create_container`) fail.
    pub fn fail_next(&self, method: &str, error: Error) {
        self.lock()
            .failures
            .entry(method.to_owned())
            .or_default()
            .push_back(error);
    }

    /// Answers `exec_sync` from now on: gets the container's id and the command.
    pub fn on_exec(
        &self,
        handler: impl Fn(&str, &[String]) -> Result<ExecResult> + Send + Sync + 'static,
    ) {
        self.lock().exec = Some(Arc::new(handler));
    }

    /// The calls so far that change something: `start_container app`, by name and not by id.
    #[must_use]
    pub fn calls(&self) -> Vec<String> {
        self.lock().calls.clone()
    }

    /// What a sandbox was made of.
    #[must_use]
    pub fn sandbox_config(&self, id: &str) -> Option<PodSandboxConfig> {
        self.lock()
            .sandboxes
            .get(id)
            .map(|sandbox| sandbox.config.clone())
    }

    /// What a container was made of.
    #[must_use]
    pub fn container_config(&self, id: &str) -> Option<ContainerConfig> {
        self.lock()
            .containers
            .get(id)
            .map(|container| container.config.clone())
    }

    /// The limits it has now.
    #[must_use]
    pub fn container_resources(&self, id: &str) -> Option<LinuxResources> {
        self.lock()
            .containers
            .get(id)
            .map(|container| container.resources.clone())
    }

    fn emit(&self, kind: EventKind, container_id: &str, pod_sandbox_id: &str) {
        // Nobody listening is fine.
        let _listeners = self.events.send(ContainerEvent {
            kind,
            container_id: container_id.to_owned(),
            pod_sandbox_id: pod_sandbox_id.to_owned(),
        });
    }

    fn end(&self, container: &mut FakeContainer, code: i32, signal: Option<i32>) {
        let status = &mut container.status;
        if status.state == ContainerState::Exited {
            return;
        }
        status.state = ContainerState::Exited;
        status.finished_at = Some(self.clock.wall());
        status.exit_code = code;
        status.signal = signal;
        status.reason = if code == 0 { "Completed" } else { "Error" }.to_owned();
        status.pid = None;
        self.emit(EventKind::Stopped, &status.id, &status.pod_sandbox_id);
    }

    fn run_sandbox(&self, config: PodSandboxConfig) -> Result<String> {
        let mut inner = self.lock();
        inner.call("run_pod_sandbox", &config.metadata.name)?;
        let id = inner.new_id("sandbox");
        let status = PodSandboxStatus {
            id: id.clone(),
            metadata: config.metadata.clone(),
            state: PodSandboxState::Ready,
            created_at: self.clock.wall(),
            labels: config.labels.clone(),
            annotations: config.annotations.clone(),
            netns: config.netns.clone(),
            namespaces: config.namespaces,
        };
        inner
            .sandboxes
            .insert(id.clone(), FakeSandbox { config, status });
        self.emit(EventKind::Created, &id, &id);
        self.emit(EventKind::Started, &id, &id);
        Ok(id)
    }

    fn stop_sandbox(&self, id: &str) -> Result<()> {
        let mut inner = self.lock();
        let Some(sandbox) = inner.sandboxes.get(id) else {
            return Ok(());
        };
        let name = sandbox.config.metadata.name.clone();
        inner.call("stop_pod_sandbox", &name)?;
        for container in inner.containers.values_mut() {
            if container.status.pod_sandbox_id == id {
                self.end(container, 137, Some(9));
            }
        }
        let sandbox = inner.sandboxes.get_mut(id).expect("found above");
        if sandbox.status.state == PodSandboxState::Ready {
            sandbox.status.state = PodSandboxState::NotReady;
            self.emit(EventKind::Stopped, id, id);
        }
        Ok(())
    }

    fn remove_sandbox(&self, id: &str) -> Result<()> {
        self.stop_sandbox(id)?;
        let mut inner = self.lock();
        let Some(sandbox) = inner.sandboxes.get(id) else {
            return Ok(());
        };
        let name = sandbox.config.metadata.name.clone();
        inner.call("remove_pod_sandbox", &name)?;
        inner.sandboxes.remove(id);
        inner.containers.retain(|_, container| {
            let stays = container.status.pod_sandbox_id != id;
            if !stays {
                self.emit(EventKind::Deleted, &container.status.id, id);
            }
            stays
        });
        self.emit(EventKind::Deleted, id, id);
        Ok(())
    }

    fn create(&self, sandbox_id: &str, config: ContainerConfig) -> Result<String> {
        let mut inner = self.lock();
        inner.call("create_container", &config.metadata.name)?;
        let sandbox = inner
            .sandboxes
            .get(sandbox_id)
            .ok_or_else(|| unknown("pod sandbox", sandbox_id))?;
        if sandbox.status.state != PodSandboxState::Ready {
            let text = format!("pod sandbox {sandbox_id:?} is not ready");
            return Err(Error::FailedPrecondition(text));
        }
        let log_path = sandbox.config.log_directory.join(&config.log_path);
        let id = inner.new_id("container");
        let status = ContainerStatus {
            id: id.clone(),
            pod_sandbox_id: sandbox_id.to_owned(),
            metadata: config.metadata.clone(),
            state: ContainerState::Created,
            created_at: self.clock.wall(),
            started_at: None,
            finished_at: None,
            exit_code: 0,
            signal: None,
            image: config.image.clone(),
            image_id: config.image_id.clone(),
            reason: String::new(),
            message: String::new(),
            labels: config.labels.clone(),
            annotations: config.annotations.clone(),
            log_path,
            pid: None,
        };
        let resources = config.resources.clone();
        inner.containers.insert(
            id.clone(),
            FakeContainer {
                config,
                status,
                resources,
            },
        );
        self.emit(EventKind::Created, &id, sandbox_id);
        Ok(id)
    }

    fn start(&self, id: &str) -> Result<()> {
        let mut inner = self.lock();
        let container = inner
            .containers
            .get(id)
            .ok_or_else(|| unknown("container", id))?;
        let name = container.config.metadata.name.clone();
        inner.call("start_container", &name)?;
        let pid = i32::try_from(1000 + inner.next).unwrap_or(i32::MAX);
        let container = inner.containers.get_mut(id).expect("found above");
        match container.status.state {
            ContainerState::Running => return Ok(()),
            ContainerState::Created => {}
            _ => {
                return Err(Error::FailedPrecondition(
                    "the container has exited".to_owned(),
                ));
            }
        }
        container.status.state = ContainerState::Running;
        container.status.started_at = Some(self.clock.wall());
        container.status.pid = Some(pid);
        self.emit(EventKind::Started, id, &container.status.pod_sandbox_id);
        let program = container.config.command.first().map(String::as_str);
        match program.and_then(|program| program.rsplit('/').next()) {
            Some("true") => self.end(container, 0, None),
            Some("false") => self.end(container, 1, None),
            _ => {}
        }
        Ok(())
    }

    /// The grace is not waited for: nothing here handles a signal.
    fn stop(&self, id: &str, grace: Duration) -> Result<()> {
        let mut inner = self.lock();
        let Some(container) = inner.containers.get(id) else {
            return Ok(());
        };
        let text = format!(
            "{} grace={}",
            container.config.metadata.name,
            grace.as_secs()
        );
        inner.call("stop_container", &text)?;
        let container = inner.containers.get_mut(id).expect("found above");
        self.end(container, 137, Some(9));
        Ok(())
    }

    fn remove(&self, id: &str) -> Result<()> {
        let mut inner = self.lock();
        let Some(container) = inner.containers.get(id) else {
            return Ok(());
        };
        let name = container.config.metadata.name.clone();
        inner.call("remove_container", &name)?;
        let mut container = inner.containers.remove(id).expect("found above");
        self.end(&mut container, 137, Some(9));
        self.emit(EventKind::Deleted, id, &container.status.pod_sandbox_id);
        Ok(())
    }

    fn update(&self, id: &str, resources: LinuxResources) -> Result<()> {
        let mut inner = self.lock();
        let container = inner
            .containers
            .get(id)
            .ok_or_else(|| unknown("container", id))?;
        let name = container.config.metadata.name.clone();
        inner.call("update_container_resources", &name)?;
        inner.containers.get_mut(id).expect("found above").resources = resources;
        Ok(())
    }

    fn exec(&self, id: &str, command: &[String]) -> Result<ExecResult> {
        let mut inner = self.lock();
        let container = inner
            .containers
            .get(id)
            .ok_or_else(|| unknown("container", id))?;
        if container.status.state != ContainerState::Running {
            return Err(Error::FailedPrecondition(format!(
                "container {id:?} is not running"
            )));
        }
        let text = format!("{} {}", container.config.metadata.name, command.join(" "));
        inner.call("exec_sync", &text)?;
        let handler = inner.exec.clone();
        // The handler may use the runtime.
        drop(inner);
        handler.map_or_else(|| Ok(ExecResult::default()), |handler| handler(id, command))
    }

    fn rows(&self, filter: &ContainerFilter) -> Vec<Container> {
        let inner = self.lock();
        let wanted = |status: &ContainerStatus| {
            filter.id.as_ref().is_none_or(|id| *id == status.id)
                && filter
                    .pod_sandbox_id
                    .as_ref()
                    .is_none_or(|id| *id == status.pod_sandbox_id)
                && filter.state.is_none_or(|state| state == status.state)
        };
        let statuses = inner.containers.values().map(|container| &container.status);
        statuses.filter(|status| wanted(status)).map(row).collect()
    }
}

impl Inner {
    /// Notes a call, and gives the failure that was ordered for it.
    fn call(&mut self, method: &str, what: &str) -> Result<()> {
        self.calls.push(format!("{method} {what}"));
        let failure = self.failures.get_mut(method).and_then(VecDeque::pop_front);
        failure.map_or(Ok(()), Err)
    }

    fn new_id(&mut self, kind: &str) -> String {
        self.next += 1;
        format!("{kind}-{}", self.next)
    }
}

fn row(status: &ContainerStatus) -> Container {
    Container {
        id: status.id.clone(),
        pod_sandbox_id: status.pod_sandbox_id.clone(),
        metadata: status.metadata.clone(),
        image: status.image.clone(),
        image_id: status.image_id.clone(),
        state: status.state,
        created_at: status.created_at,
        labels: status.labels.clone(),
        annotations: status.annotations.clone(),
    }
}

fn unknown(kind: &'static str, id: &str) -> Error {
    Error::NotFound {
        kind,
        id: id.to_owned(),
    }
}
