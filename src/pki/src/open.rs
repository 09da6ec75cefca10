//! Everything together: opened once, renewed while the process runs.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use base::{Backoff, Clock, Shutdown};
use jiff::Timestamp;
use rustls::{ClientConfig, ServerConfig};
use tokio::sync::Notify;
use tracing::error;

use crate::authority::Authority;
use crate::certificate::{San, Subject, Usage};
use crate::error::{Error, Result};
use crate::files;
use crate::kubeconfig::Kubeconfig;
use crate::leaf::{self, CertAndKey, Leaf, LeafName, Wanted};
use crate::service_account::ServiceAccountKeys;
use crate::tls::{self, Identity};

/// What the certificates shall say, and where they are kept.
#[derive(Clone, Debug)]
pub struct PkiOptions {
    /// Files go to `server/tls/` and `agent/` below it.
    pub data_dir: PathBuf,
    pub clock: Clock,
    pub node_name: String,
    pub node_ips: Vec<IpAddr>,
    /// The `kubernetes` Service's addresses: the first of each service range (10.43.0.1).
    pub service_ips: Vec<IpAddr>,
    /// The last labels of Services' names, such as `cluster.local`.
    pub cluster_domain: String,
    /// `--tls-san`: further addresses and host names of the API server.
    pub tls_sans: Vec<String>,
}

impl PkiOptions {
    /// For a node of the cluster `cluster.local` that is known by its name and on this machine
    /// only; the rest is the caller's to set.
    #[must_use]
    pub fn new(data_dir: impl Into<PathBuf>, clock: Clock, node_name: impl Into<String>) -> Self {
        Self {
            data_dir: data_dir.into(),
            clock,
            node_name: node_name.into(),
            node_ips: Vec::new(),
            service_ips: Vec::new(),
            cluster_domain: "cluster.local".to_owned(),
            tls_sans: Vec::new(),
        }
    }
}

/// The certificates and keys of one server.
#[derive(Debug)]
pub struct Pki {
    clock: Clock,
    server_ca: Arc<Authority>,
    client_ca: Arc<Authority>,
    request_header_ca: Arc<Authority>,
    leaves: BTreeMap<LeafName, Arc<Leaf>>,
    service_account: ServiceAccountKeys,
    due: Arc<Notify>,
}

impl Pki {
    /// Reads what is there and makes what is missing; leaves that are due, damaged or out of
    /// date are issued anew.
    ///
    /// # Errors
    /// See [`Error`]: a file that cannot be read or written, and an authority or service-account
    /// key that is damaged, expired or without its other half.
    pub fn open(options: PkiOptions) -> Result<Self> {
        let directory = options.data_dir.join("server/tls");
        files::create_directory(&directory)?;
        files::create_directory(&options.data_dir.join("agent"))?;
        let authority = |stem| Authority::open(&directory, stem, &options.clock).map(Arc::new);
        let mut pki = Self {
            server_ca: authority("server-ca")?,
            client_ca: authority("client-ca")?,
            request_header_ca: authority("request-header-ca")?,
            service_account: ServiceAccountKeys::open(&directory.join("service.key"))?,
            leaves: BTreeMap::new(),
            due: Arc::default(),
            clock: options.clock.clone(),
        };
        for (name, wanted) in wanted(&options)? {
            let authority = pki.authority_of(name).clone();
            let leaf = Leaf::open(wanted, authority, pki.clock.clone(), pki.due.clone())?;
            pki.leaves.insert(name, Arc::new(leaf));
        }
        Ok(pki)
    }

    fn authority_of(&self, name: LeafName) -> &Arc<Authority> {
        match name {
            LeafName::ApiServer | LeafName::Kubelet => &self.server_ca,
            LeafName::AuthProxy => &self.request_header_ca,
            LeafName::Admin | LeafName::ApiServerClient | LeafName::KubeletClient => {
                &self.client_ca
            }
        }
    }

    fn held(&self, name: LeafName) -> &Arc<Leaf> {
        &self.leaves[&name]
    }

    /// One of the certificates in files, as it is now.
    #[must_use]
    pub fn leaf(&self, name: LeafName) -> CertAndKey {
        self.held(name).pem()
    }

    /// The authorities that sign serving certificates: what `/cacerts` shows and clients trust.
    #[must_use]
    pub fn server_ca_pem(&self) -> &str {
        self.server_ca.pem()
    }

    /// The authorities whose client certificates name users.
    #[must_use]
    pub fn client_ca_pem(&self) -> &str {
        self.client_ca.pem()
    }

    /// The authorities of front proxies, which name users in headers.
    #[must_use]
    pub fn request_header_ca_pem(&self) -> &str {
        self.request_header_ca.pem()
    }

    /// The keys that sign and verify service-account tokens.
    #[must_use]
    pub fn service_account_keys(&self) -> &ServiceAccountKeys {
        &self.service_account
    }

    /// The API server's TLS: its certificate is renewed under the configuration. Asks for client
    /// certificates, requires none and accepts any: the authenticator judges them.
    ///
    /// # Errors
    /// [`Error::Tls`].
    pub fn server_config(&self) -> Result<Arc<ServerConfig>> {
        let (client, proxy) = (self.client_ca.roots()?, self.request_header_ca.roots()?);
        let leaf = self.held(LeafName::ApiServer).clone();
        tls::server_config(leaf, &[&client, &proxy], &self.clock)
    }

    /// The same for the kubelet's own server.
    ///
    /// # Errors
    /// [`Error::Tls`].
    pub fn kubelet_server_config(&self) -> Result<Arc<ServerConfig>> {
        let leaf = self.held(LeafName::Kubelet).clone();
        tls::server_config(leaf, &[&self.client_ca.roots()?], &self.clock)
    }

    /// A client of servers that the server authority vouches for.
    ///
    /// # Errors
    /// [`Error::Tls`] when the identity cannot be read.
    pub fn client_config(&self, identity: Option<&CertAndKey>) -> Result<Arc<ClientConfig>> {
        let identity = identity.map_or(Identity::Anonymous, Identity::Fixed);
        tls::client_config(self.server_ca.roots()?, identity, &self.clock)
    }

    /// A client under one of the renewed certificates: the API server's way to kubelets.
    ///
    /// # Errors
    /// [`Error::Tls`].
    pub fn client_config_as(&self, name: LeafName) -> Result<Arc<ClientConfig>> {
        let identity = Identity::Renewed(self.held(name).clone());
        tls::client_config(self.server_ca.roots()?, identity, &self.clock)
    }

    /// A new client certificate, kept in no file: a user and all of its groups.
    ///
    /// # Errors
    /// [`Error::Tls`] when signing fails.
    pub fn client_certificate(
        &self,
        common_name: &str,
        organizations: &[&str],
    ) -> Result<CertAndKey> {
        let subject = Subject::new(common_name, organizations);
        let now = self.clock.wall();
        leaf::issue(&self.client_ca, &subject, Usage::Client, &[], now)
    }

    /// A new serving certificate for another node's kubelet.
    ///
    /// # Errors
    /// [`Error::InvalidName`], [`Error::Tls`].
    pub fn kubelet_serving(&self, node: &str, ips: &[IpAddr]) -> Result<CertAndKey> {
        let sans = kubelet_sans(node, ips)?;
        let (subject, now) = (node_subject(node), self.clock.wall());
        leaf::issue(&self.server_ca, &subject, Usage::Server, &sans, now)
    }

    /// The administrator's kubeconfig for this machine.
    #[must_use]
    pub fn kubeconfig(&self, port: u16) -> Kubeconfig {
        Kubeconfig {
            server: format!("https://127.0.0.1:{port}"),
            certificate_authority_pem: self.server_ca_pem().to_owned(),
            client: self.leaf(LeafName::Admin),
        }
    }

    /// When the first leaf is due.
    #[must_use]
    pub fn next_renewal(&self) -> Timestamp {
        let renewals = self.leaves.values().map(|leaf| leaf.renewal());
        renewals.min().unwrap_or(Timestamp::MAX)
    }

    /// Issues anew every leaf that is due; connections are kept, new ones see the new leaf.
    /// How many were due.
    ///
    /// # Errors
    /// The first failure; leaves before it are renewed, the others keep what they have.
    pub fn renew(&self) -> Result<usize> {
        let mut renewed = 0;
        for leaf in self.leaves.values() {
            renewed += usize::from(leaf.renew_if_due()?);
        }
        Ok(renewed)
    }
}

/// Renews leaves as they fall due, until the shutdown; `renewed` runs after each time, to rewrite
/// what carries copies (the kubeconfig). Sleeps until the next renewal's hour; a handshake that
/// meets a due leaf, because the wall clock jumped, wakes it too.
pub async fn renewal(pki: Arc<Pki>, shutdown: Shutdown, mut renewed: impl FnMut(&Pki)) {
    let mut backoff = Backoff::new(Duration::from_secs(10), Duration::from_secs(600));
    loop {
        let wait = pki.next_renewal().duration_since(pki.clock.wall());
        // A time that has passed is no wait at all.
        let wait = Duration::try_from(wait).unwrap_or_default();
        tokio::select! {
            () = shutdown.stopping() => return,
            () = pki.clock.sleep(wait) => {}
            () = pki.due.notified() => {}
        }
        match pki.renew() {
            Ok(count) => {
                backoff.reset();
                if count > 0 {
                    renewed(&pki);
                }
            }
            Err(error) => {
                let delay = backoff.next_delay();
                error!(%error, ?delay, "certificates could not be renewed; trying again");
                tokio::select! {
                    () = shutdown.stopping() => return,
                    () = pki.clock.sleep(delay) => {}
                }
            }
        }
    }
}

/// The leaves' table.
fn wanted(options: &PkiOptions) -> Result<[(LeafName, Wanted); 6]> {
    let node = &options.node_name;
    let wanted = |name: LeafName, subject, usage, sans| {
        let stem = options.data_dir.join(name.stem());
        let wanted = Wanted {
            stem,
            subject,
            usage,
            sans,
        };
        (name, wanted)
    };
    let client = |name, subject| wanted(name, subject, Usage::Client, Vec::new());
    let server = |name, subject, sans| wanted(name, subject, Usage::Server, sans);
    let api_server = Subject::new("kube-apiserver", &[]);
    let admin = Subject::new("system:admin", &["system:masters"]);
    let proxy = Subject::new("system:auth-proxy", &[]);
    Ok([
        client(LeafName::Admin, admin),
        client(LeafName::ApiServerClient, api_server.clone()),
        client(LeafName::AuthProxy, proxy),
        server(LeafName::ApiServer, api_server, api_server_sans(options)?),
        client(LeafName::KubeletClient, node_subject(node)),
        server(
            LeafName::Kubelet,
            node_subject(node),
            kubelet_sans(node, &options.node_ips)?,
        ),
    ])
}

fn node_subject(node: &str) -> Subject {
    Subject::new(format!("system:node:{node}"), &["system:nodes"])
}

fn api_server_sans(options: &PkiOptions) -> Result<Vec<San>> {
    let domain = format!("kubernetes.default.svc.{}", options.cluster_domain);
    let built_in = [
        "localhost",
        "kubernetes",
        "kubernetes.default",
        "kubernetes.default.svc",
        &domain,
        &options.node_name,
    ];
    let names = built_in
        .into_iter()
        .chain(options.tls_sans.iter().map(String::as_str));
    let loopback = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
    let ips = [&loopback[..], &options.node_ips, &options.service_ips].concat();
    sans(names, &ips)
}

fn kubelet_sans(node: &str, ips: &[IpAddr]) -> Result<Vec<San>> {
    let loopback = [IpAddr::from(Ipv4Addr::LOCALHOST)];
    sans([node, "localhost"], &[&loopback[..], ips].concat())
}

/// Sorted, without repeats.
fn sans<'a>(names: impl IntoIterator<Item = &'a str>, ips: &[IpAddr]) -> Result<Vec<San>> {
    let mut sans: Vec<_> = ips.iter().copied().map(San::Ip).collect();
    for name in names {
        sans.push(San::parse(name).ok_or_else(|| Error::InvalidName(name.to_owned()))?);
    }
    sans.sort();
    sans.dedup();
    Ok(sans)
}
