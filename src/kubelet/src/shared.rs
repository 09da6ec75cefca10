//! What all pod workers share.

use std::sync::Arc;

use api::core::Pod;
use api::requests::ResourceList;
use base::Clock;
use client::Client;
use cri::{ImageService, RuntimeService};
use network::PodNetwork;
use tokio::sync::watch;

use crate::cgroup::Hierarchy;
use crate::options::Options;
use crate::references::References;

/// `Normal` or `Warning`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventType {
    Normal,
    Warning,
}

/// Where events about pods go. `container` makes the field path of the reference.
pub trait Events: Send + Sync {
    fn event(&self, pod: &Pod, container: Option<&str>, kind: EventType, reason: &str, text: &str);
}

/// The node's means; the root wires them.
pub struct Shared {
    pub options: Options,
    pub client: Client,
    pub runtime: Arc<dyn RuntimeService>,
    pub images: Arc<dyn ImageService>,
    pub network: Arc<dyn PodNetwork>,
    pub references: Arc<dyn References>,
    pub events: Arc<dyn Events>,
    pub cgroups: Hierarchy,
    pub allocatable: ResourceList,
    pub clock: Clock,
    /// Counts image imports: a pod that waits for its image looks again when it moves.
    pub images_arrived: watch::Receiver<u64>,
}
