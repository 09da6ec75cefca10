//! What all pod workers share.

use std::sync::Arc;

use api::core::Pod;
use api::requests::ResourceList;
use base::Clock;
use client::Client;
use cri::{ImageService, RuntimeService};
use informer::{EventType, Recorder};
use network::PodNetwork;
use tokio::sync::watch;

use crate::cgroup::Hierarchy;
use crate::metrics::Metrics;
use crate::options::Options;
use crate::references::References;
use crate::tokens::Tokens;

/// Where events about pods go. `container` makes the field path of the reference.
pub trait Events: Send + Sync {
    fn event(&self, pod: &Pod, container: Option<&str>, kind: EventType, reason: &str, text: &str);
}

impl Events for Recorder {
    fn event(&self, pod: &Pod, container: Option<&str>, kind: EventType, reason: &str, text: &str) {
        let mut about = informer::reference(pod);
        about.field_path = container.map(|name| {
            let init = crate::pod::view::init_containers(pod)
                .iter()
                .any(|c| c.name == name);
            let list = if init { "initContainers" } else { "containers" };
            format!("spec.{list}{{{name}}}")
        });
        self.event_about(about, kind, reason, text);
    }
}

/// The node's means; the root wires them.
pub struct Shared {
    pub options: Options,
    pub client: Client,
    pub runtime: Arc<dyn RuntimeService>,
    pub images: Arc<dyn ImageService>,
    pub network: Arc<dyn PodNetwork>,
    pub references: Arc<dyn References>,
    pub tokens: Tokens,
    pub events: Arc<dyn Events>,
    pub cgroups: Hierarchy,
    pub allocatable: ResourceList,
    pub metrics: Metrics,
    pub clock: Clock,
    /// Counts image imports: a pod that waits for its image looks again when it moves.
    pub images_arrived: watch::Receiver<u64>,
}
