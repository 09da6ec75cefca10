//! What the loops are given, and what a loop is.

use std::sync::Arc;
use std::time::Duration;

use apimachinery::Object;
use base::{Clock, Shutdown};
use client::{ApiResource, Client};
use futures::future::BoxFuture;
use informer::{Controller, Informers, QueueMetrics, Recorder, WorkQueue};

/// Gives each loop the client of its own identity
/// (`system:serviceaccount:kube-system:<name>`).
pub type Clients = Arc<dyn Fn(&'static str) -> Client + Send + Sync>;

/// Signs the token that belongs into a Secret: of the ServiceAccount, for the Secret. It fails
/// with the reason.
pub type TokenSigner = Arc<dyn Fn(&Object, &Object) -> Result<String, String> + Send + Sync>;

/// What every loop is made from.
#[derive(Clone)]
pub struct ControllersCx {
    pub informers: Informers,
    pub clients: Clients,
    /// `system:kube-controller-manager`, as which upstream too runs the loop that makes tokens: no
    /// controller's role lets it.
    pub manager: Client,
    pub sign_token: TokenSigner,
    /// Of the queues of all loops.
    pub queues: QueueMetrics,
    pub clock: Clock,
    pub shutdown: Shutdown,
    /// Every served resource that can be listed, watched and deleted.
    pub resources: Vec<ApiResource>,
    /// The cluster's certificate authority, for `kube-root-ca.crt`.
    pub root_ca_pem: String,
    pub node_monitor: NodeMonitorOptions,
}

impl ControllersCx {
    /// A loop's queue, under the name that upstream's metrics know it by, and its workers.
    pub(crate) fn controller(&self, name: &'static str, queue: &str) -> Controller {
        let queue = WorkQueue::measured(self.clock.clone(), &self.queues, queue);
        Controller::new(name, queue)
    }

    /// Writes a loop's events, under the loop's own name and identity.
    pub(crate) fn recorder(&self, name: &'static str, client: &Client) -> Recorder {
        let (clock, shutdown) = (self.clock.clone(), self.shutdown.clone());
        Recorder::new(client.clone(), name, "", clock, shutdown)
    }
}

/// When a node that does not speak is given up.
#[derive(Clone, Copy, Debug)]
pub struct NodeMonitorOptions {
    /// After the last sign of life (`--node-monitor-grace-period`).
    pub grace: Duration,
    /// After its creation, for a node that never spoke (`--node-startup-grace-period`).
    pub startup_grace: Duration,
}

impl Default for NodeMonitorOptions {
    /// Upstream's.
    fn default() -> Self {
        Self {
            grace: Duration::from_secs(50),
            startup_grace: Duration::from_secs(60),
        }
    }
}

/// A row of [`crate::CONTROLLERS`].
pub struct Row {
    /// Also the name of its service account.
    pub name: &'static str,
    /// Makes the loop, which runs until shutdown.
    pub(crate) start: fn(&ControllersCx) -> BoxFuture<'static, ()>,
}
