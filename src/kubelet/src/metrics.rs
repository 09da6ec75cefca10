//! What the kubelet counts and measures, under upstream's names: its own `/metrics`.

use std::time::Duration;

use base::metrics::{Histogram, Make, Registry, encode};
use cri::{ContainerFilter, ContainerState, PodSandboxState, RuntimeService};

/// What a pod worker did in a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// The first round of a pod.
    Create,
    Sync,
    Kill,
}

const WORK: [&str; 3] = ["create", "sync", "kill"];

/// How long pods take to run, in seconds.
const START_BUCKETS: [f64; 25] = [
    0.5, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 20.0, 30.0, 45.0, 60.0, 120.0, 180.0, 240.0,
    300.0, 360.0, 480.0, 600.0, 900.0, 1200.0, 1800.0, 2700.0, 3600.0,
];
const DEFAULT_BUCKETS: [f64; 11] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

/// Clones share them.
#[derive(Clone)]
pub struct Metrics {
    registry: Registry,
    /// By [`Work`].
    worked: [Histogram; 3],
    started: Histogram,
}

impl Metrics {
    pub fn new(node: &str) -> Self {
        let registry = Registry::new();
        let make = Make(&registry);
        make.gauges(
            "kubelet_node_name",
            "[ALPHA] The node's name. The count is always 1.",
            &["node"],
        )
        .with_label_values(&[node])
        .set(1);
        let worked = make.histograms(
            "kubelet_pod_worker_duration_seconds",
            "[ALPHA] Duration in seconds to sync a single pod. Broken down by operation type: \
             create, update, or sync",
            &["operation_type"],
            &DEFAULT_BUCKETS,
        );
        let started = make.histogram(
            "kubelet_pod_start_duration_seconds",
            "[ALPHA] Duration in seconds from kubelet seeing a pod for the first time to the pod \
             starting to run",
            &START_BUCKETS,
        );
        Self {
            worked: WORK.map(|work| worked.with_label_values(&[work])),
            started,
            registry,
        }
    }

    /// A round of a pod worker is over.
    pub fn worked(&self, work: Work, took: Duration) {
        self.worked[work as usize].observe(took.as_secs_f64());
    }

    /// A pod runs, so long after it was first seen.
    pub fn started(&self, after: Duration) {
        self.started.observe(after.as_secs_f64());
    }

    /// Everything: what was counted on the way, and what the runtime has now.
    ///
    /// # Errors
    /// When the runtime does not say.
    pub async fn text(&self, runtime: &dyn RuntimeService) -> cri::Result<String> {
        let now = Registry::new();
        let make = Make(&now);
        let sandboxes = runtime.list_pod_sandboxes().await?;
        let ready = sandboxes
            .iter()
            .filter(|sandbox| sandbox.state == PodSandboxState::Ready);
        let help = "[ALPHA] Number of pods that have a running pod sandbox";
        let pods = make.gauges("kubelet_running_pods", help, &[]);
        let count = i64::try_from(ready.count()).unwrap_or(i64::MAX);
        pods.with_label_values::<&str>(&[]).set(count);
        let containers = make.gauges(
            "kubelet_running_containers",
            "[ALPHA] Number of containers currently running",
            &["container_state"],
        );
        for container in runtime.list_containers(ContainerFilter::default()).await? {
            containers.with_label_values(&[word(container.state)]).inc();
        }
        Ok(encode(&self.registry) + &encode(&now))
    }
}

fn word(state: ContainerState) -> &'static str {
    match state {
        ContainerState::Created => "created",
        ContainerState::Running => "running",
        ContainerState::Exited => "exited",
        ContainerState::Unknown => "unknown",
    }
}
