//! A node in memory for this crate's tests: fake runtime, images, network and API server, files in
//! a directory of its own, and a clock whose hands the test moves.

mod directory;
mod gated;
mod said;
mod strategic;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use api::core::Pod;
use api::{Kind, requests};
use base::clock::Hands;
use base::{Clock, Shutdown};
use client::Client;
use client::testing::{FakeServer, Recorded, Verb};
use cri::testing::{FakeImages, FakeRuntime};
use cri::{ContainerStatus, RuntimeService};
use informer::Informers;
use network::FakeNetwork;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::cgroup::Hierarchy;
use crate::client_references::ClientReferences;
use crate::metrics::Metrics;
use crate::options::Options;
use crate::pods::Pods;
use crate::shared::Shared;
use crate::tokens::Tokens;
pub use directory::Directory;
pub use said::Said;
pub use strategic::Strategic;

/// Rounds of the scheduler after which what is waited for will not come.
const PATIENCE: usize = 20_000;
/// Rounds after which nothing is under way any more.
const QUIET: usize = 500;

pub const NODE: &str = "node";

pub struct TestNode {
    pub clock: Clock,
    pub hands: Hands,
    pub server: FakeServer,
    pub runtime: FakeRuntime,
    pub images: FakeImages,
    pub network: Arc<FakeNetwork>,
    pub said: Arc<Said>,
    pub directory: Directory,
    pub arrivals: watch::Sender<u64>,
    pub metrics: Metrics,
    /// Closed, it holds up the set-up of networks.
    pub gate: watch::Sender<bool>,
    kubelet: Option<(Shutdown, JoinHandle<Option<()>>)>,
}

impl TestNode {
    /// With the kubelet running.
    pub fn new() -> Self {
        let (clock, hands) = Clock::manual("2026-01-01T00:00:00Z".parse().expect("a time"));
        let mut node = Self {
            server: FakeServer::new(clock.clone()),
            runtime: FakeRuntime::new(clock.clone()),
            images: FakeImages::default(),
            network: Arc::default(),
            said: Arc::default(),
            directory: Directory::new(),
            arrivals: watch::Sender::new(0),
            metrics: Metrics::new(NODE),
            gate: watch::Sender::new(true),
            kubelet: None,
            clock,
            hands,
        };
        node.start();
        node
    }

    /// What pod workers share.
    pub fn shared(&self) -> Arc<Shared> {
        let client = Client::new(Arc::new(Strategic(self.server.clone())));
        let options = self.options();
        let cgroups = Hierarchy::V1 {
            controllers: vec![self.directory.join("cgroup")],
        };
        Arc::new(Shared {
            references: Arc::new(ClientReferences(client.clone())),
            tokens: Tokens::new(client.clone(), self.clock.clone()),
            client,
            runtime: Arc::new(self.runtime.clone()),
            images: Arc::new(self.images.clone()),
            network: Arc::new(gated::Gated {
                network: self.network.clone(),
                open: self.gate.subscribe(),
            }),
            events: self.said.clone(),
            cgroups,
            allocatable: requests::ResourceList::new(),
            clock: self.clock.clone(),
            images_arrived: self.arrivals.subscribe(),
            metrics: self.metrics.clone(),
            options,
        })
    }

    fn options(&self) -> Options {
        Options {
            node_name: NODE.into(),
            node_ip: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)),
            host_ip: "192.0.2.1".into(),
            port: 0,
            root_dir: self.directory.join("kubelet"),
            log_dir: self.directory.join("log/pods"),
            cgroup_root: "/kubepods".into(),
            memory_bytes: 1 << 30,
            cpus: 2,
            max_pods: 110,
            cluster_dns: Vec::new(),
            cluster_domain: "cluster.local".into(),
            resolv_conf: self.directory.join("resolv.conf"),
            version: "v1.35.0+rk3s-test".into(),
        }
    }

    /// Starts a kubelet on what there is.
    pub fn start(&mut self) {
        let shutdown = Shutdown::new();
        let source = Arc::new(self.server.clone());
        let informers = Informers::new(source, self.clock.clone(), shutdown.clone());
        let pods = informers.lister::<Pod>();
        let pods = pods.with_index(crate::pods::BY_NODE, informer::by_node);
        let pods = Pods::new(self.shared(), pods);
        let running = base::tasks::spawn("kubelet", pods.run(shutdown.clone()));
        self.kubelet = Some((shutdown, running));
    }

    /// Ends the kubelet; what it runs goes on.
    pub async fn stop(&mut self) {
        let (shutdown, running) = self.kubelet.take().expect("a kubelet runs");
        shutdown.stop();
        assert_eq!(running.await.expect("not aborted"), Some(()));
        self.settle().await;
    }

    /// Creates a pod that is bound to this node.
    pub fn create(&self, name: &str, spec: Value) -> Pod {
        let mut pod = json!({
            "metadata": {"name": name, "namespace": "n", "uid": format!("uid-{name}")},
            "spec": spec,
            "status": {"phase": "Pending", "qosClass": "BestEffort"},
        });
        pod["spec"]["nodeName"] = NODE.into();
        self.server
            .put(&Pod::decode(pod.to_string().as_bytes()).expect("a pod"))
    }

    pub fn pod(&self, name: &str) -> Option<Pod> {
        self.server.get("n", name)
    }

    /// Requests that change something, since the last call.
    pub fn writes(&self) -> Vec<Recorded> {
        let requests = self.server.take_requests().into_iter();
        let reads =
            |request: &Recorded| matches!(request.verb, Verb::Get | Verb::List | Verb::Watch);
        requests.filter(|request| !reads(request)).collect()
    }

    /// Deletes as a user does.
    pub async fn delete(&self, name: &str, grace: Option<i64>) {
        let options = client::DeleteOptions {
            grace_period_seconds: grace,
            ..Default::default()
        };
        let pods = self.server.client().typed::<Pod>().in_namespace("n");
        pods.delete(name, &options).await.expect("deleted");
    }

    /// Lets everything happen until `condition` holds.
    pub async fn until(&self, what: &str, condition: impl Fn(&Self) -> bool) {
        for _ in 0..PATIENCE {
            if condition(self) {
                return;
            }
            tokio::task::yield_now().await;
        }
        panic!(
            "{what} did not come\ncalls: {:#?}\nevents: {:#?}\npods: {:#?}",
            self.runtime.calls(),
            self.said.all(),
            self.server.list::<Pod>()
        );
    }

    /// Lets everything happen that happens without time passing.
    pub async fn settle(&self) {
        for _ in 0..QUIET {
            tokio::task::yield_now().await;
        }
    }

    /// Lets time pass, second by second as timers need it.
    pub async fn pass(&self, seconds: u64) {
        for _ in 0..seconds {
            self.hands.advance(Duration::from_secs(1));
            self.settle().await;
        }
    }

    /// The pod's phase; empty when it is gone.
    pub fn phase(&self, name: &str) -> String {
        let pod = self.pod(name);
        pod.map(|pod| api::pod::phase(&pod).to_owned())
            .unwrap_or_default()
    }

    pub fn is_ready(&self, name: &str) -> bool {
        self.pod(name).is_some_and(|pod| api::pod::is_ready(&pod))
    }

    /// The status of a container, as the API has it.
    pub fn container(&self, pod: &str, name: &str) -> api::core::ContainerStatus {
        let status = self.pod(pod).and_then(|pod| pod.status).unwrap_or_default();
        let init = status.init_container_statuses.into_iter().flatten();
        let mut all = init.chain(status.container_statuses.into_iter().flatten());
        all.find(|container| container.name == name)
            .unwrap_or_default()
    }

    /// Why a container waits; empty when it does not.
    pub fn waiting(&self, pod: &str, name: &str) -> String {
        let waiting = self.container(pod, name).state.and_then(|s| s.waiting);
        waiting
            .and_then(|waiting| waiting.reason)
            .unwrap_or_default()
    }

    /// All runs of a container, the newest first.
    pub async fn runs(&self, name: &str) -> Vec<ContainerStatus> {
        let mut runs = Vec::new();
        let all = self.runtime.list_containers(Default::default()).await;
        for row in all.expect("a list") {
            if row.metadata.name == name {
                runs.push(self.runtime.container_status(&row.id).await.expect("known"));
            }
        }
        runs.sort_by_key(|run| std::cmp::Reverse(run.metadata.attempt));
        runs
    }

    /// Waits until a container is backing off, and says what its status tells of it.
    pub async fn backs_off(&self, pod: &str, name: &str) -> String {
        self.until("back-off", |node| {
            node.waiting(pod, name) == "CrashLoopBackOff"
        })
        .await;
        let waiting = self.container(pod, name).state.and_then(|s| s.waiting);
        waiting.expect("waits").message.unwrap_or_default()
    }

    /// The id of the newest run.
    pub async fn newest(&self, name: &str) -> String {
        self.runs(name).await.first().expect("a run").id.clone()
    }

    /// A pod with one container, and whatever else `more` says of the container.
    pub fn one(more: Value) -> Value {
        let mut container = json!({"name": "app", "image": "web:1", "command": ["serve"]});
        if let (Some(container), Some(more)) = (container.as_object_mut(), more.as_object()) {
            container.extend(more.clone());
        }
        json!({"containers": [container]})
    }

    /// The path of a pod's directory.
    pub fn pod_directory(&self, name: &str) -> std::path::PathBuf {
        self.directory
            .join("kubelet/pods")
            .join(format!("uid-{name}"))
    }
}
