//! HTTP in front of the registry: listener, filter chain, a file per verb, discovery, OpenAPI.
//!
//! Owns status codes, media types and axum; everything about a kind comes from its row.
//!
//! Invariant: every request passes the one chain in `chain.rs`, in-process ones included. No
//! handler runs without an identity.
//!
//! It must not know how objects are stored (that is `registry`), nor name a kind: routes and
//! documents are made from the table.

mod answer;
mod answers;
mod bookmarks;
mod chain;
mod connect;
mod connection;
mod discovery;
mod dispatch;
mod filters;
mod frames;
mod held;
mod in_process;
mod listener;
mod metrics;
mod negotiate;
mod options;
mod request_info;
mod routes;
mod shape;
mod table;
mod verbs;
mod version;

use std::sync::Arc;

use apimachinery::admission::Plugin;
use auth::{Authenticator, Authorizer, ServiceAccountTokens};
use base::metrics::Registry as Metrics;
use base::{Clock, Shutdown};
use registry::Registry;

pub use connect::{KubeletConnector, NodeEndpoint};
pub use in_process::InProcess;
pub use listener::{ListenError, Listener, Peer};
pub use request_info::{RequestInfo, ResourcePath};
pub use routes::health::{Check, Checks, Done, Outcome};
pub use version::GIT_VERSION;

/// What the server is made of; the root wires it.
pub struct Parts {
    pub registry: Registry,
    pub admission: Arc<dyn Plugin>,
    pub authenticator: Arc<dyn Authenticator>,
    pub authorizer: Arc<dyn Authorizer>,
    /// Issues tokens, and tells others how to verify them.
    pub tokens: Arc<ServiceAccountTokens>,
    /// Where the keys for that are found: this server's `/openid/v1/jwks`, as a whole URL.
    pub jwks_uri: String,
    pub kubelets: Arc<dyn KubeletConnector>,
    /// What `/readyz` and `/livez` ask.
    pub checks: Checks,
    /// What ComponentStatus tells: the health of what upstream runs as processes of their own,
    /// under its names.
    pub statuses: Vec<Check>,
    /// The CA that serving certificates are signed by, for `/cacerts`.
    pub server_ca_pem: String,
    /// The metrics of components of this process that have no port of their own; each name is
    /// one component's alone.
    pub components: Vec<Metrics>,
    pub clock: Clock,
    /// Ends watches and idle connections.
    pub shutdown: Shutdown,
}

/// The API server: a service over its parts. Clones share them.
#[derive(Clone)]
pub struct ApiServer(Arc<State>);

/// Parts, and what is made from them once.
pub(crate) struct State {
    pub parts: Parts,
    pub checks: Checks,
    pub documents: schema::openapi::Documents,
    pub metrics: metrics::Metrics,
    pub bookmarks: bookmarks::Bookmarks,
    pub lines: frames::SharedLines,
    pub rendering: filters::rendering::Turns,
}

impl ApiServer {
    #[must_use]
    pub fn new(mut parts: Parts) -> Self {
        let documents = routes::openapi::documents();
        let checks = std::mem::take(&mut parts.checks).with_own(&parts.shutdown);
        let metrics = metrics::Metrics::new();
        Self(Arc::new(State {
            parts,
            checks,
            documents,
            metrics,
            bookmarks: bookmarks::Bookmarks::default(),
            lines: frames::SharedLines::default(),
            rendering: filters::rendering::Turns::default(),
        }))
    }
}
