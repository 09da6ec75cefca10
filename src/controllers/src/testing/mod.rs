//! A loop under test: the fake API server, a clock whose hands the test moves, the loop's row.

mod roles;

use std::fmt::Debug;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use base::clock::Hands;
use base::metrics::Registry;
use base::{Clock, Shutdown};
use client::testing::{FakeServer, Verb};
use client::{ApiResource, Client};
use informer::{Informers, QueueMetrics};
use serde_json::Value;

use crate::cx::{ControllersCx, NodeMonitorOptions, Row};

/// When the test's wall clock starts.
pub(crate) const START: &str = "2026-01-01T00:00:00Z";

pub(crate) struct World {
    pub(crate) server: FakeServer,
    pub(crate) hands: Hands,
    /// Of the queues' metrics.
    pub(crate) registry: Registry,
    pub(crate) cx: ControllersCx,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with_resources(Vec::new())
    }

    pub(crate) fn with_resources(resources: Vec<ApiResource>) -> Self {
        let (clock, hands) = Clock::manual(START.parse().expect("a time"));
        let server = FakeServer::new(clock.clone());
        let shutdown = Shutdown::new();
        let source = Arc::new(server.clone());
        let informers = Informers::new(source, clock.clone(), shutdown.clone());
        let clients = server.clone();
        let registry = Registry::new();
        let cx = ControllersCx {
            informers,
            manager: Client::new(Arc::new(roles::Role {
                name: "kube-controller-manager",
                server: server.clone(),
            })),
            sign_token: Arc::new(|account, secret| {
                Ok(format!("{}'s {}", account.name(), secret.name()))
            }),
            clients: Arc::new(move |name| {
                let server = clients.clone();
                Client::new(Arc::new(roles::Role { name, server }))
            }),
            queues: QueueMetrics::new(&registry),
            clock,
            shutdown,
            resources,
            root_ca_pem: "the root".to_owned(),
            node_monitor: NodeMonitorOptions::default(),
        };
        Self {
            server,
            hands,
            registry,
            cx,
        }
    }

    /// Starts a loop; it ends with the world.
    pub(crate) fn start(&self, row: &Row) {
        base::tasks::spawn(row.name, (row.start)(&self.cx));
    }

    /// Waits until the server's state, as `read` sees it, is what is expected. Moves the clock
    /// by milliseconds meanwhile, so that retries happen, and gives up after some thousand
    /// looks.
    pub(crate) async fn until<T: PartialEq + Debug>(
        &self,
        expected: T,
        read: impl Fn(&FakeServer) -> T,
    ) {
        for _ in 0..5000 {
            if read(&self.server) == expected {
                return;
            }
            self.step().await;
        }
        assert_eq!(read(&self.server), expected);
    }

    /// What loops have said in events since the last look at the requests, `reason: message`,
    /// sorted: the clock stands still between steps, so events do not come in an order.
    pub(crate) fn said(&self) -> Vec<String> {
        let requests = self.server.take_requests().into_iter();
        let events = requests.filter(|r| r.verb == Verb::Create && r.uri.contains("/events"));
        let mut said: Vec<String> = events
            .map(|request| {
                let event: Value = serde_json::from_slice(&request.body).expect("an event");
                let text = |field: &str| event[field].as_str().unwrap_or_default().to_owned();
                format!("{}: {}", text("reason"), text("message"))
            })
            .collect();
        said.sort();
        said
    }

    /// Lets everything happen that can happen now.
    pub(crate) async fn settle(&self) {
        for _ in 0..200 {
            self.step().await;
        }
    }

    async fn step(&self) {
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
        self.hands.advance(Duration::from_millis(1));
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.cx.shutdown.stop();
    }
}

/// Runs a test of loops on one thread, so that yielding lets every task go on.
pub(crate) fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.expect("a runtime without drivers").block_on(test);
}
