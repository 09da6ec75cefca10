//! The node: images, runtime, network and kubelet, wired together.

use std::net::IpAddr;
use std::sync::Arc;

use anyhow::{Context, Result};
use apiserver::ApiServer;
use base::{Clock, Shutdown};
use client::Client;
use image::{ImageDirectory, ImageStore};
use informer::Informers;
use kubelet::{Gate, Kubelet, NodeFacts};
use network::{BridgeNetwork, NetworkOptions};
use pki::Pki;
use runtime::{Images, Runtime, RuntimeOptions};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::watch;

use crate::options::Options;
use crate::server::node_name;

/// What the node stands on.
pub struct NodeCx<'a> {
    pub options: &'a Options,
    pub api: &'a ApiServer,
    pub pki: &'a Arc<Pki>,
    pub informers: Informers,
    pub gate: Arc<dyn Gate>,
    pub clock: Clock,
    pub shutdown: Shutdown,
}

/// Opens the node's parts and starts its kubelet.
pub async fn start(cx: NodeCx<'_>) -> Result<tokio::task::JoinHandle<Option<()>>> {
    let NodeCx {
        options,
        api,
        pki,
        informers,
        gate,
        clock,
        shutdown,
    } = cx;
    let (clock, shutdown) = (&clock, &shutdown);
    let name = node_name(options)?;
    let images = open_images(options, clock).await?;
    let arrived = watch_images(options, &images, shutdown)?;
    let network = BridgeNetwork::open(network_options(options)?)
        .await
        .context("cannot prepare the pod network")?;
    let runtime = Runtime::open(RuntimeOptions {
        state_dir: options.path("run-dir").join("sandboxes"),
        shim_command: vec!["/proc/self/exe".into(), "shim".into()],
        clock: clock.clone(),
        shutdown: shutdown.clone(),
        rootfs: images.clone(),
    })
    .await
    .context("cannot open the container runtime")?;
    let address = address(options).await?;
    let version = apiserver::GIT_VERSION.to_owned();
    let kubelet_options = kubelet_options(options, &name, address, &version)?;
    std::fs::create_dir_all(options.path("kubelet-dir"))?;
    let mut facts = NodeFacts::read(&name, &options.path("kubelet-dir"));
    facts.pod_cidr = pod_cidr(options)?;
    facts.version = version;
    facts.runtime_version = format!("rk3s://{}", env!("CARGO_PKG_VERSION"));
    let client = Client::new(api.in_process(auth::identity::node(&name)));
    let client = client.with_user_agent("kubelet");
    let events = informer::Recorder::new(
        client.clone(),
        "kubelet",
        &name,
        clock.clone(),
        shutdown.clone(),
    );
    let kubelet = Kubelet::start(kubelet::Parts {
        options: kubelet::Options {
            memory_bytes: facts.memory_bytes,
            cpus: facts.cpus,
            ..kubelet_options
        },
        facts,
        client,
        informers,
        runtime,
        images: Arc::new(Images::new(images)),
        network: Arc::new(network),
        events: Arc::new(events),
        gate,
        tls: pki.kubelet_server_config()?,
        images_arrived: arrived,
        clock: clock.clone(),
    })
    .await?;
    Ok(base::tasks::spawn("kubelet", kubelet.run(shutdown.clone())))
}

/// This node's address: as told, else as the machine's routes and links say.
pub async fn address(options: &Options) -> Result<IpAddr> {
    match options.parsed::<IpAddr>("node-ip") {
        Some(address) => Ok(address),
        None => network::node_address(&network_options(options)?)
            .await
            .context("cannot find this node's address; set --node-ip"),
    }
}

async fn open_images(options: &Options, clock: &Clock) -> Result<Arc<ImageStore>> {
    let (root, clock) = (
        options.path("data-dir").join("agent/images.d"),
        clock.clone(),
    );
    let opened = tokio::task::spawn_blocking(move || ImageStore::open(&root, clock));
    opened.await?.context("cannot open the image store")
}

/// Imports what is, and what comes, into the image directory; the receiver moves with each.
fn watch_images(
    options: &Options,
    images: &Arc<ImageStore>,
    shutdown: &Shutdown,
) -> Result<watch::Receiver<u64>> {
    let directory = options.path("data-dir").join("agent/images");
    std::fs::create_dir_all(&directory)?;
    let mut arrivals = images.arrivals();
    ImageDirectory::watch(images.clone(), &directory, shutdown.clone())
        .context("cannot watch the image directory")?;
    let (sender, receiver) = watch::channel(0);
    let shutdown = shutdown.clone();
    base::tasks::spawn("image arrivals", async move {
        loop {
            tokio::select! {
                // An arrival that was missed for lack of room counts as one.
                arrival = arrivals.recv() => match arrival {
                    Err(RecvError::Closed) => return,
                    Ok(_) | Err(RecvError::Lagged(_)) => sender.send_modify(|count| *count += 1),
                },
                () = shutdown.stopping() => return,
            }
        }
    });
    Ok(receiver)
}

/// This node's part of the cluster's network: its first /24.
fn pod_cidr(options: &Options) -> Result<String> {
    let (address, length) = options
        .text("cluster-cidr")
        .split_once('/')
        .context("checked to be a network")?;
    let length: u8 = length.parse()?;
    Ok(format!("{address}/{}", length.max(24)))
}

pub fn network_options(options: &Options) -> Result<NetworkOptions> {
    let state = options.path("data-dir").join("agent/network");
    let mut network = NetworkOptions::new(options.path("run-dir"), state);
    network.cluster_cidr = options.text("cluster-cidr").parse()?;
    network.pod_cidr = pod_cidr(options)?.parse()?;
    network.service_cidr = options.text("service-cidr").parse()?;
    network.bridge = options.text("bridge").to_owned();
    network.table = format!("{}-pods", options.text("bridge"));
    Ok(network)
}

fn kubelet_options(
    options: &Options,
    name: &str,
    address: IpAddr,
    version: &str,
) -> Result<kubelet::Options> {
    Ok(kubelet::Options {
        node_name: name.to_owned(),
        node_ip: address,
        host_ip: address.to_string(),
        port: options
            .parsed("kubelet-port")
            .context("checked to be a port")?,
        root_dir: options.path("kubelet-dir"),
        log_dir: options.path("log-dir"),
        cgroup_root: options.text("cgroup-root").to_owned(),
        memory_bytes: 0,
        cpus: 0,
        max_pods: 110,
        // Cluster DNS is not served yet: pods get the node's own resolver.
        cluster_dns: Vec::new(),
        cluster_domain: "cluster.local".to_owned(),
        resolv_conf: "/etc/resolv.conf".into(),
        version: version.to_owned(),
    })
}
