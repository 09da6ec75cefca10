//! A server of one's own, and requests to it.

#[path = "../../src/lookups.rs"]
mod lookups;

use std::sync::{Arc, LazyLock};

use admission::{AdmissionMetrics, AudienceSource, Chain};
use apimachinery::{StatusError, UserInfo};
use apiserver::{ApiServer, Check, Checks, KubeletConnector, NodeEndpoint, Parts};
use auth::{
    Authenticator, Authorizer, Binding, BootstrapPolicy, EscalationCheck, PrivilegedGroup, Rbac,
    Role, RoleKind, RoleRef, RuleSource, ServiceAccountTokens, Subject, Union, X509,
};
use base::clock::Hands;
use base::metrics::Registry as Metrics;
use base::{Clock, Shutdown};
use bytes::Bytes;
use client::{ByteStream, Transport, TransportError};
use futures::future::BoxFuture;
use futures::stream::{self, StreamExt};
use http::{HeaderMap, Request, Response, StatusCode};
use pki::{Pki, PkiOptions};
use registry::{Allocation, Registry};
use resources::Resource;
use serde_json::{Value, json};
use store::{MemStore, Store};

use lookups::Lookups;

/// When all tests begin.
const START: &str = "2026-01-10T12:00:00Z";

/// Keys and certificates of all worlds, by the system's clock.
pub static PKI: LazyLock<Pki> = LazyLock::new(|| {
    let directory = tempfile::tempdir().expect("a directory");
    let options = PkiOptions::new(directory.path(), Clock::system(), "node-1");
    Pki::open(options).expect("keys and certificates")
});

pub struct World {
    pub api: ApiServer,
    pub store: Arc<dyn Store>,
    pub hands: Hands,
    pub shutdown: Shutdown,
}

/// A request's answer, whole.
#[derive(Debug)]
pub struct Answer {
    pub code: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&self.body)))
    }

    /// The text at a pointer, empty when absent.
    pub fn text(&self, pointer: &str) -> String {
        let json = self.json();
        let found = json.pointer(pointer).and_then(Value::as_str);
        found.unwrap_or_default().to_owned()
    }

    pub fn revision(&self) -> u64 {
        let text = self.text("/metadata/resourceVersion");
        text.parse().unwrap_or_else(|_| panic!("{self:?}"))
    }
}

/// What a request says beside its line.
#[derive(Clone, Debug)]
pub struct Said {
    pub user: String,
    pub headers: Vec<(String, String)>,
    pub body: Bytes,
}

impl Said {
    pub fn json(body: &Value) -> Self {
        Self::body("application/json", &body.to_string())
    }

    pub fn body(media: &str, body: &str) -> Self {
        Self::bytes(media, body.as_bytes().to_vec())
    }

    pub fn bytes(media: &str, body: Vec<u8>) -> Self {
        Self {
            user: String::new(),
            headers: vec![("Content-Type".to_owned(), media.to_owned())],
            body: body.into(),
        }
    }

    pub fn nothing() -> Self {
        Self {
            user: String::new(),
            headers: Vec::new(),
            body: Bytes::new(),
        }
    }

    pub fn accepting(media: &str) -> Self {
        Self {
            headers: vec![("Accept".to_owned(), media.to_owned())],
            ..Self::nothing()
        }
    }
}

impl World {
    /// With the namespaces and the service account that other objects need.
    pub async fn new() -> Self {
        Self::over(|store| Arc::new(store)).await
    }

    /// The same over what `layered` makes of its store.
    pub async fn over(layered: impl FnOnce(MemStore) -> Arc<dyn Store>) -> Self {
        let (clock, hands) = Clock::manual(START.parse().expect("a time"));
        let store = layered(MemStore::new(store::Options::new(clock.clone())));
        let registry = Registry::new(store.clone(), clock.clone(), Allocation::default());
        let lookups = Arc::new(Lookups::new(registry.clone()));
        let metrics = Metrics::new();
        let tokens = ServiceAccountTokens::new(
            "https://kubernetes.default.svc.cluster.local",
            PKI.service_account_keys(),
            clock.clone(),
            lookups.clone(),
        );
        let tokens = tokens.with_audiences(["k3s".to_owned()]);
        let tokens = Arc::new(tokens.measured(&metrics));
        let shutdown = Shutdown::new();
        let x509 = X509::new(PKI.client_ca_pem(), Clock::system()).expect("an authority");
        let known: Vec<Arc<dyn Authenticator>> = vec![Arc::new(x509), tokens.clone()];
        let rbac = Rbac::new(Arc::new(Rules(BootstrapPolicy::load())));
        let authorizer: Arc<dyn Authorizer> = Arc::new(Union(vec![
            Arc::new(PrivilegedGroup::masters()),
            Arc::new(rbac.clone()),
        ]));
        let measured = AdmissionMetrics::new(&metrics, clock.clone());
        let plugins = Chain::built_in(lookups.clone(), lookups, Arc::new(NoAudience));
        let plugins = Chain::new(vec![
            Arc::new(plugins.measured(&measured)),
            Arc::new(EscalationCheck::new(rbac, authorizer.clone())),
        ]);
        let api = ApiServer::new(Parts {
            registry,
            admission: measured.of_chain(Arc::new(plugins)),
            authenticator: Arc::new(auth::Chain::new(known, true)),
            authorizer,
            tokens: tokens.clone(),
            jwks_uri: "https://192.0.2.1:6443/openid/v1/jwks".to_owned(),
            kubelets: Arc::new(Kubelet),
            checks: Checks(vec![Check::new("etcd", true, || Ok(()))]),
            statuses: vec![
                Check::new("scheduler", false, || Ok(())),
                Check::new("controller-manager", false, || Err("a has ended".into())),
            ],
            server_ca_pem: "the CA\n".to_owned(),
            components: vec![metrics],
            clock,
            shutdown: shutdown.clone(),
        });
        let world = Self {
            api,
            store,
            hands,
            shutdown,
        };
        for name in ["default", "kube-node-lease"] {
            let namespace = json!({"metadata": {"name": name}});
            world.create("/api/v1/namespaces", &namespace).await;
        }
        // Pods stay as they are written: volumes of tokens are admission's own tests' affair.
        let account = json!({
            "metadata": {"name": "default"}, "automountServiceAccountToken": false,
        });
        let path = "/api/v1/namespaces/default/serviceaccounts";
        world.create(path, &account).await;
        world
    }

    /// Sends a request; the body of its answer is still to be read.
    pub async fn send(&self, method: &str, uri: &str, said: &Said) -> Response<ByteStream> {
        let mut request = Request::builder().method(method).uri(uri);
        for (name, value) in &said.headers {
            request = request.header(name, value);
        }
        let request = request.body(said.body.clone());
        let user = match said.user.as_str() {
            "" => admin(),
            "system:anonymous" => UserInfo::anonymous(),
            name => match name.split(':').collect::<Vec<_>>().as_slice() {
                ["system", "serviceaccount", namespace, name] => {
                    UserInfo::service_account(namespace, name)
                }
                _ => UserInfo::new(name, &[]),
            },
        };
        let sent = self.api.in_process(user);
        let answer = sent.send(request.expect("a request")).await;
        answer.expect("in process nothing is lost")
    }

    pub async fn ask(&self, method: &str, uri: &str, said: &Said) -> Answer {
        let (head, body) = self.send(method, uri, said).await.into_parts();
        let chunks: Vec<_> = body.collect().await;
        let chunks = chunks.into_iter().map(|chunk| chunk.expect("a whole body"));
        Answer {
            code: head.status,
            headers: head.headers,
            body: chunks.collect::<Vec<_>>().concat().into(),
        }
    }

    /// As [`World::ask`], of which another answer than `code` is a failed test.
    pub async fn expect(&self, code: u16, method: &str, uri: &str, said: &Said) -> Answer {
        let answer = self.ask(method, uri, said).await;
        let body = String::from_utf8_lossy(&answer.body);
        let sent = String::from_utf8_lossy(&said.body);
        assert_eq!(answer.code, code, "{method} {uri} {sent}: {body}");
        answer
    }

    pub async fn get(&self, uri: &str) -> Answer {
        self.expect(200, "GET", uri, &Said::nothing()).await
    }

    pub async fn create(&self, uri: &str, object: &Value) -> Answer {
        self.expect(201, "POST", uri, &Said::json(object)).await
    }

    pub async fn merge(&self, uri: &str, patch: &Value) -> Answer {
        let said = Said::body("application/merge-patch+json", &patch.to_string());
        self.expect(200, "PATCH", uri, &said).await
    }

    /// A token of the service account `default`.
    pub async fn token(&self) -> String {
        let path = "/api/v1/namespaces/default/serviceaccounts/default/token";
        let request = json!({"spec": {"audiences": []}});
        self.create(path, &request).await.text("/status/token")
    }
}

/// The bootstrap policy; and `writer` has the role `admin` in the namespace `default`.
struct Rules(BootstrapPolicy);

impl RuleSource for Rules {
    fn bindings(&self, namespace: &str, user: &UserInfo) -> Vec<Arc<Binding>> {
        let mut bindings = self.0.bindings(namespace, user);
        if namespace == "default" && user.name == "writer" {
            let name = "writer".to_owned();
            bindings.push(Arc::new(Binding {
                namespace: namespace.to_owned(),
                name: name.clone(),
                role: RoleRef {
                    kind: RoleKind::ClusterRole,
                    name: "admin".to_owned(),
                },
                subjects: vec![Subject::User { name }],
            }));
        }
        bindings
    }

    fn role(&self, namespace: &str, name: &str) -> Option<Arc<Role>> {
        self.0.role(namespace, name)
    }
}

pub fn admin() -> UserInfo {
    UserInfo::new("admin", &[UserInfo::MASTERS])
}

/// The object of `tests/data/api/objects/<plural>.json`, as a client sends it.
pub fn fixture(row: &Resource) -> Value {
    // Two kinds that share their storage share their plural.
    let name = match row.stored_as {
        None => row.plural.to_owned(),
        Some(_) => row.group_resource().to_string(),
    };
    let path = format!(
        "{}/tests/data/api/objects/{name}.json",
        env!("CARGO_MANIFEST_DIR")
    );
    let text = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{} needs a fixture: {error}: {path}", row.kind));
    serde_json::from_str(&text).expect("fixtures are JSON")
}

/// The path of a kind's collection, in the namespace of an object.
pub fn collection(row: &Resource, object: &Value) -> String {
    client::path(&row.gvr(), namespace_of(object), &[])
}

fn namespace_of(object: &Value) -> &str {
    object["metadata"]["namespace"].as_str().unwrap_or_default()
}

/// No role of this world grants nodes an audience.
struct NoAudience;

impl AudienceSource for NoAudience {
    fn may_request(&self, _: &UserInfo, _: &str, _: &str, _: &str) -> bool {
        false
    }
}

/// Says what it was asked; of the node `panics` nothing.
struct Kubelet;

impl KubeletConnector for Kubelet {
    fn endpoint<'a>(&'a self, node: &'a str) -> BoxFuture<'a, Result<NodeEndpoint, StatusError>> {
        assert_ne!(node, "panics", "as planned");
        let endpoint = NodeEndpoint {
            node: node.to_owned(),
            address: "192.0.2.1".to_owned(),
            port: 10250,
        };
        Box::pin(std::future::ready(Ok(endpoint)))
    }

    fn get<'a>(
        &'a self,
        node: NodeEndpoint,
        path_and_query: String,
    ) -> BoxFuture<'a, Result<Response<ByteStream>, TransportError>> {
        let text = format!("{}:{} {path_and_query}", node.address, node.port);
        let body = stream::iter([Ok(Bytes::from(text))]).boxed();
        Box::pin(std::future::ready(Ok(Response::new(body))))
    }
}
