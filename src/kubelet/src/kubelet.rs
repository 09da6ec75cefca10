//! The kubelet as a whole: what the root starts.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use api::core::Pod;
use base::{Clock, Shutdown};
use client::Client;
use cri::{ImageService, RuntimeService};
use futures::future::join;
use informer::Informers;
use network::PodNetwork;
use rustls::ServerConfig;
use tokio::sync::watch;

use crate::cgroup::Hierarchy;
use crate::client_references::ClientReferences;
use crate::metrics::Metrics;
use crate::node::{NodeFacts, NodeKeeper};
use crate::options::Options;
use crate::pods::{BY_NODE, Pods};
use crate::resources;
use crate::server::{Gate, Logs, Server};
use crate::shared::{Events, Shared};
use crate::tokens::Tokens;

/// What the kubelet stands on; the root wires it.
pub struct Parts {
    pub options: Options,
    /// Sizes and versions; address and port are filled in here.
    pub facts: NodeFacts,
    pub client: Client,
    pub informers: Informers,
    pub runtime: Arc<dyn RuntimeService>,
    pub images: Arc<dyn ImageService>,
    pub network: Arc<dyn PodNetwork>,
    pub events: Arc<dyn Events>,
    pub gate: Arc<dyn Gate>,
    pub tls: Arc<ServerConfig>,
    pub images_arrived: watch::Receiver<u64>,
    pub clock: Clock,
}

/// Why the kubelet cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Cgroup(#[from] crate::cgroup::Error),
    #[error(
        "the kubelet cannot listen on port {port}: {source}; stop the program that uses it or \
         choose another port with --kubelet-port"
    )]
    Listen { port: u16, source: io::Error },
    #[error("cannot make {path}: {source}")]
    Directory { path: String, source: io::Error },
}

/// Started, bound, ready to run.
pub struct Kubelet {
    keeper: NodeKeeper,
    pods: Pods,
    server: Server,
}

impl Kubelet {
    /// Prepares directories and cgroups, and binds the port.
    ///
    /// # Errors
    /// [`StartError`], with the remedy.
    pub async fn start(parts: Parts) -> Result<Self, StartError> {
        let Parts {
            options,
            mut facts,
            client,
            clock,
            ..
        } = parts;
        for path in [options.root_dir.join("pods"), options.log_dir.clone()] {
            std::fs::create_dir_all(&path).map_err(|source| StartError::Directory {
                path: path.display().to_string(),
                source,
            })?;
        }
        let cgroups = Hierarchy::detect()?;
        for (class, limits) in resources::class_limits() {
            cgroups.create(&format!("{}{class}", options.cgroup_root), &limits)?;
        }
        let metrics = Metrics::new(&options.node_name);
        let logs = Arc::new(Logs {
            metrics: metrics.clone(),
            runtime: parts.runtime.clone(),
            clock: clock.clone(),
        });
        let address = SocketAddr::new(IpAddr::from([0, 0, 0, 0]), options.port);
        let listen = |source| StartError::Listen {
            port: options.port,
            source,
        };
        let server = Server::bind(address, parts.tls, parts.gate, logs, clock.clone()).await;
        let server = server.map_err(listen)?;
        facts.address = options.host_ip.clone();
        facts.port = i32::from(server.port().map_err(listen)?);
        let shared = Arc::new(Shared {
            allocatable: facts.allocatable(),
            client: client.clone(),
            runtime: parts.runtime,
            images: parts.images,
            network: parts.network,
            references: Arc::new(ClientReferences(client.clone())),
            tokens: Tokens::new(client.clone(), clock.clone()),
            events: parts.events,
            cgroups,
            clock: clock.clone(),
            images_arrived: parts.images_arrived,
            metrics,
            options,
        });
        let pods = parts
            .informers
            .lister::<Pod>()
            .with_index(BY_NODE, informer::by_node);
        Ok(Self {
            keeper: NodeKeeper {
                client,
                clock,
                facts,
            },
            pods: Pods::new(shared, pods),
            server,
        })
    }

    /// Runs until shutdown. Pods go on.
    pub async fn run(self, shutdown: Shutdown) {
        let serving = self.server.serve(shutdown.clone());
        let keeping = self.keeper.run(shutdown.clone());
        join(join(serving, keeping), self.pods.run(shutdown)).await;
    }
}
