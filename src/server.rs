//! `rk3s server`: opens every part in its order, starts it, and ends it in order.
//!
//! store, certificates and port come first, so that a mistake is told at once; then the API
//! server, which answers from then on; then the node and the loops.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use admission::{AdmissionMetrics, Chain};
use anyhow::{Context, Result, bail};
use apiserver::{ApiServer, Check, Checks, Done, Listener, Parts};
use auth::{
    Authenticator, Authorizer, BootstrapTokens, EscalationCheck, NodeAuthorizer, PodGraph,
    PrivilegedGroup, Rbac, ServiceAccountTokens, StoredRules, Union, X509,
};
use base::tasks::Roster;
use base::{Clock, Shutdown};
use client::Client;
use informer::{Informers, QueueMetrics};
use pki::{Pki, PkiOptions};
use registry::{Allocation, Registry};
use store::{SledStore, Store};
use tokio::signal::unix::{SignalKind, signal};
use tracing::info;

use crate::components::Components;
use crate::kubelets::Kubelets;
use crate::lookups::Lookups;
use crate::node::{self, NodeCx};
use crate::options::Options;
use crate::reads::Authorized;
use crate::sources::{self, AwaitedAccounts};
use crate::{bootstrap, gate, rbac, snapshot_socket, token_tracking};

/// How long parts may take to end.
const END: std::time::Duration = std::time::Duration::from_secs(10);

/// Who issues service-account tokens: the Service of the API, within the cluster.
const ISSUER: &str = "https://kubernetes.default.svc.cluster.local";

/// What tokens for k3s' API server name beside the issuer: programs that ask for it get one that
/// is good here.
const FURTHER_AUDIENCE: &str = "k3s";

/// What `rk3s server` has opened.
struct Control {
    clock: Clock,
    shutdown: Shutdown,
    pki: Arc<Pki>,
    store: Arc<SledStore>,
    registry: Registry,
    graph: Arc<PodGraph>,
    rules: Arc<StoredRules>,
    policy_stored: Done,
    authenticator: Arc<dyn Authenticator>,
    authorizer: Arc<dyn Authorizer>,
    tokens: Arc<ServiceAccountTokens>,
    api: ApiServer,
    metrics: Components,
    loops: Loops,
}

/// The parts that upstream runs as processes of their own.
#[derive(Clone, Default)]
struct Loops {
    scheduler: Roster,
    controllers: Roster,
}

impl Loops {
    /// What ComponentStatus tells.
    fn statuses(&self, etcd: &Check) -> Vec<Check> {
        let running = |name, roster: &Roster| {
            let roster = roster.clone();
            Check::new(name, false, move || roster.check())
        };
        vec![
            running("scheduler", &self.scheduler),
            running("controller-manager", &self.controllers),
            etcd.named("etcd-0"),
        ]
    }
}

/// Runs until SIGTERM or SIGINT. Pods go on.
pub async fn run(options: Options) -> Result<()> {
    check_privileges()?;
    let clock = Clock::system();
    let shutdown = Shutdown::new();
    let listener = Listener::bind(api_address(&options)).await?;
    let port = listener.address().port();
    let control = open(&options, port, &clock, &shutdown).await?;
    bootstrap::objects(&control.registry, service_ip(&options)?, port).await?;
    // Nobody is answered before it is known who may do what.
    let rules = rbac::read(rbac_cx(&control)).await;
    let kubeconfig = options.path("write-kubeconfig");
    control
        .pki
        .kubeconfig(port)
        .write(&kubeconfig, options.mode("write-kubeconfig-mode"))?;

    let tls = control.pki.server_config()?;
    let serving = base::tasks::spawn(
        "api server",
        listener.serve(control.api.clone(), tls, clock.clone(), shutdown.clone()),
    );
    info!(port, kubeconfig = %kubeconfig.display(), "the API server answers");
    base::tasks::spawn("bootstrap policy", rbac::establish(rules));
    let mut parts = start(&options, &control, port).await?;
    parts.push(serving);

    let broken = tokio::select! {
        signal = wait_for_signal() => signal.map(|()| false)?,
        // None of them ends by itself: what is left would only look alive.
        _ = futures::future::select_all(&mut parts) => true,
    };
    info!("stopping; pods go on");
    shutdown.stop();
    // A part that has ended already, or panicked, is waited for as well: it is over.
    let all = futures::future::join_all(parts.into_iter().filter(|part| !part.is_finished()));
    if clock.timeout(END, all).await.is_err() {
        tracing::warn!("some parts did not end in time");
    }
    if broken {
        bail!("a part of the server has ended by itself; the log says why. Start it again");
    }
    Ok(())
}

fn rbac_cx(control: &Control) -> rbac::Cx {
    let (clock, shutdown) = (control.clock.clone(), control.shutdown.clone());
    let source = Arc::new(control.registry.clone());
    rbac::Cx {
        registry: control.registry.clone(),
        rules: control.rules.clone(),
        // What decides who may read cannot wait for its own decision.
        informers: Informers::new(source, clock.clone(), shutdown.clone()),
        stored: control.policy_stored.clone(),
        clock,
        shutdown,
    }
}

type Task = tokio::task::JoinHandle<Option<()>>;

/// Starts everything beside the API server.
async fn start(options: &Options, control: &Control, port: u16) -> Result<Vec<Task>> {
    let Control {
        clock,
        shutdown,
        api,
        registry,
        pki,
        ..
    } = control;
    let source = Arc::new(Authorized {
        source: Arc::new(registry.clone()),
        authorizer: control.authorizer.clone(),
        user: auth::identity::controller_manager(),
    });
    let informers = Informers::new(source, clock.clone(), shutdown.clone());
    sources::feed_graph(&informers, &control.graph);
    let node = node::start(NodeCx {
        options,
        api,
        pki,
        informers: informers.clone(),
        gate: Arc::new(gate::NodeGate::new(
            control.authenticator.clone(),
            control.authorizer.clone(),
            node_name(options)?,
        )),
        clock: clock.clone(),
        shutdown: shutdown.clone(),
    })
    .await?;
    let kubeconfig = options.path("write-kubeconfig");
    let mode = options.mode("write-kubeconfig-mode");
    let renewal = pki::renewal(pki.clone(), shutdown.clone(), move |pki| {
        if let Err(error) = pki.kubeconfig(port).write(&kubeconfig, mode) {
            tracing::error!(%error, "the kubeconfig could not be renewed");
        }
    });
    let (store, until) = (control.store.clone(), shutdown.clone());
    let snapshots =
        snapshot_socket::serve(&options.path("data-dir"), store.clone(), until.clone())?;
    let (tracked, clock) = (registry.clone(), clock.clone());
    let tracking = token_tracking::run(tracked, informers.clone(), clock, shutdown.clone());
    Ok(vec![
        node,
        start_scheduler(control, node_name(options)?, informers.clone()),
        start_controllers(control, informers),
        base::tasks::spawn("legacy token tracking", tracking),
        base::tasks::spawn("certificates", renewal),
        base::tasks::spawn("snapshots", snapshots),
        base::tasks::spawn("store upkeep", async move { store.upkeep(until).await }),
    ])
}

fn start_scheduler(control: &Control, host: String, informers: Informers) -> Task {
    let client = control.api.in_process(auth::identity::scheduler());
    let scheduler = scheduler::run(scheduler::SchedulerCx {
        host,
        informers,
        client: Client::new(client).with_user_agent("kube-scheduler"),
        clock: control.clock.clone(),
        shutdown: control.shutdown.clone(),
        metrics: control.metrics.scheduler.clone(),
    });
    control.loops.scheduler.spawn("scheduler", scheduler)
}

fn start_controllers(control: &Control, informers: Informers) -> Task {
    let api = control.api.clone();
    let manager = api.in_process(auth::identity::controller_manager());
    let cx = controllers::ControllersCx {
        informers,
        clients: Arc::new(move |name| {
            Client::new(api.in_process(auth::identity::controller(name))).with_user_agent(name)
        }),
        manager: Client::new(manager).with_user_agent("kube-controller-manager"),
        sign_token: sources::signer(control.tokens.clone()),
        queues: QueueMetrics::new(&control.metrics.controllers),
        clock: control.clock.clone(),
        shutdown: control.shutdown.clone(),
        root_ca_pem: control.pki.server_ca_pem().to_owned(),
        resources: sources::api_resources(),
        node_monitor: controllers::NodeMonitorOptions::default(),
    };
    let controllers = controllers::run(cx, control.loops.controllers.clone());
    base::tasks::spawn("controllers", controllers)
}

async fn open_store(options: &Options, clock: &Clock) -> Result<Arc<SledStore>> {
    let server = options.path("data-dir").join("server");
    let database = server.join("db");
    // Secrets lie in there as they are: nobody else may look, whatever an earlier version made.
    for directory in [&server, &database] {
        private_directory(directory)
            .with_context(|| format!("cannot make {}", directory.display()))?;
    }
    let options = store::Options::new(clock.clone());
    let opened = tokio::task::spawn_blocking(move || SledStore::open(&database, options));
    Ok(Arc::new(opened.await??))
}

fn private_directory(path: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700))
}

async fn open(options: &Options, port: u16, clock: &Clock, shutdown: &Shutdown) -> Result<Control> {
    let store = open_store(options, clock).await?;
    let address = node::address(options).await?;
    let mut certificates =
        PkiOptions::new(options.path("data-dir"), clock.clone(), node_name(options)?);
    certificates.node_ips = vec![address];
    certificates.service_ips = vec![IpAddr::V4(service_ip(options)?)];
    certificates.tls_sans = list(options.text("tls-san"));
    let pki = Arc::new(Pki::open(certificates)?);
    let (network, length) = network_of(options.text("service-cidr"))?;
    let allocation = Allocation {
        service_network: (network, length),
        ..Allocation::default()
    };
    let registry = Registry::new(store.clone(), clock.clone(), allocation);
    let lookups = Arc::new(Lookups::new(registry.clone()));
    let x509: Arc<dyn Authenticator> = Arc::new(X509::new(pki.client_ca_pem(), clock.clone())?);
    let metrics = Components::default();
    let tokens = ServiceAccountTokens::new(
        ISSUER,
        pki.service_account_keys(),
        clock.clone(),
        lookups.clone(),
    );
    let tokens = tokens.with_audiences([FURTHER_AUDIENCE.to_owned()]);
    let tokens = Arc::new(tokens.measured(&metrics.authentication));
    let joining = Arc::new(BootstrapTokens::new(
        lookups.clone(),
        clock.clone(),
        tokens.audiences().to_vec(),
    ));
    let known: Vec<Arc<dyn Authenticator>> = vec![x509, joining, tokens.clone()];
    let authenticator: Arc<dyn Authenticator> = Arc::new(auth::Chain::new(known, true));
    let graph = Arc::new(PodGraph::default());
    let rules = Arc::new(StoredRules::default());
    let rbac = Rbac::new(rules.clone());
    let authorizer: Arc<dyn Authorizer> = Arc::new(Union(vec![
        Arc::new(PrivilegedGroup::masters()),
        Arc::new(NodeAuthorizer::new(graph.clone())),
        Arc::new(rbac.clone()),
    ]));
    let (policy_check, policy_stored) = Check::until_done("poststarthook/rbac/bootstrap-roles");
    let loops = Loops::default();
    let store_check = store_check(store.clone());
    let admission_metrics = AdmissionMetrics::new(&metrics.admission, clock.clone());
    let accounts = AwaitedAccounts::new(lookups.clone(), registry.clone(), clock.clone());
    let audiences = sources::Audiences(authorizer.clone());
    let plugins = Chain::built_in(lookups, Arc::new(accounts), Arc::new(audiences));
    let admission = admission_metrics.of_chain(Arc::new(Chain::new(vec![
        Arc::new(plugins.measured(&admission_metrics)),
        Arc::new(EscalationCheck::new(rbac, authorizer.clone())),
    ])));
    let api = ApiServer::new(Parts {
        registry: registry.clone(),
        admission,
        authenticator: authenticator.clone(),
        authorizer: authorizer.clone(),
        tokens: tokens.clone(),
        jwks_uri: format!("https://{}/openid/v1/jwks", SocketAddr::new(address, port)),
        kubelets: Arc::new(Kubelets::new(
            pki.client_config_as(pki::LeafName::ApiServerClient)?,
            registry.clone(),
            clock.clone(),
        )),
        statuses: loops.statuses(&store_check),
        checks: Checks(vec![store_check, policy_check]),
        server_ca_pem: pki.server_ca_pem().to_owned(),
        components: metrics.all(),
        clock: clock.clone(),
        shutdown: shutdown.clone(),
    });
    let (clock, shutdown) = (clock.clone(), shutdown.clone());
    Ok(Control {
        clock,
        shutdown,
        pki,
        store,
        registry,
        graph,
        rules,
        policy_stored,
        authenticator,
        authorizer,
        tokens,
        api,
        metrics,
        loops,
    })
}

/// Whether the store can be read.
fn store_check(store: Arc<SledStore>) -> Check {
    Check {
        name: "etcd",
        liveness: true,
        run: Arc::new(move || {
            let store = store.clone();
            Box::pin(async move {
                let read = store.get("/registry/namespaces/default", None).await;
                read.map(|_| ()).map_err(|error| error.to_string())
            })
        }),
    }
}

fn check_privileges() -> Result<()> {
    if !rustix::process::geteuid().is_root() {
        bail!(
            "rk3s server must run as root: it makes containers, networks and cgroups. Run it with \
             sudo"
        );
    }
    if !Path::new("/sys/fs/cgroup/cgroup.procs").exists()
        && !Path::new("/sys/fs/cgroup/memory/cgroup.procs").exists()
    {
        bail!("no cgroups are mounted at /sys/fs/cgroup: mount them, or boot with cgroups enabled");
    }
    Ok(())
}

fn api_address(options: &Options) -> SocketAddr {
    let address = options
        .parsed("bind-address")
        .unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    SocketAddr::new(address, options.parsed("https-listen-port").unwrap_or(6443))
}

/// The node's name: as told, else the host's in lower case.
pub fn node_name(options: &Options) -> Result<String> {
    if !options.text("node-name").is_empty() {
        return Ok(options.text("node-name").to_owned());
    }
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname")?
        .trim()
        .to_lowercase();
    match resources::meta::dns_subdomain(&name) {
        Ok(()) => Ok(name),
        Err(why) => {
            bail!("the host name {name:?} is no node name: {why}; choose one with --node-name")
        }
    }
}

/// The first address of the Service network: the API server's own.
fn service_ip(options: &Options) -> Result<Ipv4Addr> {
    let (network, _) = network_of(options.text("service-cidr"))?;
    Ok(Ipv4Addr::from(u32::from(network) + 1))
}

fn network_of(text: &str) -> Result<(Ipv4Addr, u8)> {
    let (address, length) = text.split_once('/').context("checked to be a network")?;
    Ok((address.parse()?, length.parse()?))
}

fn list(text: &str) -> Vec<String> {
    text.split(',')
        .map(str::trim)
        .filter(|item| !item.is_empty())
        .map(Into::into)
        .collect()
}

async fn wait_for_signal() -> Result<()> {
    let (mut term, mut int) = (
        signal(SignalKind::terminate())?,
        signal(SignalKind::interrupt())?,
    );
    tokio::select! {
        _ = term.recv() => {}
        _ = int.recv() => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_holds_secrets_is_private() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("server");
        std::fs::create_dir(&path).expect("made");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("set");
        for path in [path.clone(), path.join("db")] {
            private_directory(&path).expect("made");
            let mode = std::fs::metadata(&path)
                .expect("there")
                .permissions()
                .mode();
            assert_eq!(mode & 0o777, 0o700, "{}", path.display());
        }
    }
}
