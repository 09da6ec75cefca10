//! The probes of one pod: a task per probed run, and what they have found.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use api::core::{Container, Pod};
use cri::{ContainerState, ContainerStatus};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

use super::check::Subject;
use super::task::Task;
use super::{Kind, Verdict, Verdicts};
use crate::pod::view::{PodView, containers, init_containers, is_sidecar};
use crate::shared::Shared;

/// What has been found, by the run's id.
pub struct Results {
    verdicts: Mutex<BTreeMap<String, Verdict>>,
    /// Wakes the pod's worker when a verdict changes.
    wake: Arc<Notify>,
}

impl Results {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Verdict>> {
        self.verdicts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set(&self, id: &str, kind: Kind, success: bool) {
        let mut verdicts = self.lock();
        // Its run has ended meanwhile: nobody asks any more.
        let Some(verdict) = verdicts.get_mut(id) else {
            return;
        };
        let before = *verdict;
        match (kind, success) {
            (Kind::Readiness, _) => verdict.ready = success,
            (Kind::Startup, true) => verdict.started = true,
            (Kind::Liveness, true) => {}
            (Kind::Startup | Kind::Liveness, false) => verdict.failed = Some(kind),
        }
        if *verdict != before {
            self.wake.notify_one();
        }
    }
}

/// Owned by the pod's worker; dropped with it, and with it all tasks.
pub struct Probes {
    shared: Arc<Shared>,
    results: Arc<Results>,
    /// By the run's id.
    tasks: BTreeMap<String, Running>,
    ending: watch::Sender<bool>,
    /// Whether the pod's runs have been looked at before.
    looked: bool,
}

struct Running(JoinHandle<Option<()>>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Probes {
    pub fn new(shared: Arc<Shared>, wake: Arc<Notify>) -> Self {
        Self {
            shared,
            results: Arc::new(Results {
                verdicts: Mutex::default(),
                wake,
            }),
            tasks: BTreeMap::new(),
            ending: watch::Sender::new(false),
            looked: false,
        }
    }

    /// From now on only readiness is asked: the pod is being deleted.
    pub fn end(&self) {
        self.ending.send_replace(true);
    }

    /// Probes what runs now, and stops probing what does not.
    pub fn follow(&mut self, pod: &Pod, view: &PodView, pod_ips: &[String]) {
        let found_running = !std::mem::replace(&mut self.looked, true);
        let mut running = Vec::new();
        for container in probed(pod) {
            let run = view.newest(&container.name);
            let Some(run) = run.filter(|run| run.state == ContainerState::Running) else {
                continue;
            };
            running.push(run.id.clone());
            if !self.tasks.contains_key(&run.id) {
                self.begin(pod, container, run, pod_ips, found_running);
            }
        }
        self.tasks.retain(|id, _| running.contains(id));
        self.results.lock().retain(|id, _| running.contains(id));
    }

    /// What is known of the newest runs.
    pub fn verdicts(&self, pod: &Pod, view: &PodView) -> Verdicts {
        let known = self.results.lock();
        let verdict = |container: &Container| {
            let run = view.newest(&container.name)?;
            let verdict = known.get(&run.id).copied();
            let verdict = verdict.unwrap_or_else(|| Verdict::initial(container));
            Some((container.name.clone(), verdict))
        };
        probed(pod).filter_map(verdict).collect()
    }

    fn begin(
        &mut self,
        pod: &Pod,
        container: &Container,
        run: &ContainerStatus,
        pod_ips: &[String],
        found_running: bool,
    ) {
        let known = found_running.then(|| remembered(pod, container, run));
        let initial = known
            .flatten()
            .unwrap_or_else(|| Verdict::initial(container));
        self.results.lock().insert(run.id.clone(), initial);
        let clock = &self.shared.clock;
        let age = run.started_at.map(|at| clock.wall().duration_since(at));
        let age = age.and_then(|age| Duration::try_from(age).ok());
        let task = Task {
            subject: Subject {
                shared: self.shared.clone(),
                container: container.clone(),
                id: run.id.clone(),
                pod_ip: pod_ips.first().cloned().unwrap_or_default(),
            },
            pod: Arc::new(pod.clone()),
            results: self.results.clone(),
            initial,
            age: age.unwrap_or_default(),
            found_running,
            ending: self.ending.subscribe(),
        };
        let handle = base::tasks::spawn("probes", task.run());
        self.tasks.insert(run.id.clone(), Running(handle));
    }
}

/// Containers with a probe; init containers that run to their end have none.
fn probed(pod: &Pod) -> impl Iterator<Item = &Container> {
    let sidecars = init_containers(pod).iter().filter(|c| is_sidecar(c));
    let all = sidecars.chain(containers(pod));
    all.filter(|container| {
        [Kind::Startup, Kind::Liveness, Kind::Readiness]
            .iter()
            .any(|kind| kind.of(container).is_some())
    })
}

/// What the API says of this very run: a restart of rk3s makes no pod unready.
fn remembered(pod: &Pod, container: &Container, run: &ContainerStatus) -> Option<Verdict> {
    let status = pod.status.as_ref()?;
    let init = status.init_container_statuses.iter().flatten();
    let mut all = init.chain(status.container_statuses.iter().flatten());
    let id = Some(run.id.as_str());
    let same = all.find(|known| {
        let known_id = known.container_id.as_deref();
        known.name == container.name
            && known_id
                .and_then(|id| id.split_once("://"))
                .map(|(_, id)| id)
                == id
    })?;
    let initial = Verdict::initial(container);
    Some(Verdict {
        started: initial.started || same.started == Some(true),
        ready: initial.ready || same.ready,
        failed: None,
    })
}
