//! Tokens against a handful of objects and a clock that is moved by hand.

mod documents;
mod forged;
mod issued;
mod usage;

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use apimachinery::{Object, StatusError};
use base::Clock;
use base::clock::Hands;
use base::metrics::Registry;
use futures::FutureExt;
use futures::future::BoxFuture;
use pki::{Pki, PkiOptions};
use serde_json::{Value, json};

use super::{ServiceAccountTokens, TokenObject, TokenObjects};
use crate::authenticate::{Authenticator, Credentials};

const ISSUER: &str = "https://kubernetes.default.svc.cluster.local";

/// Objects by kind, namespace and name, and how often one was labelled.
#[derive(Default)]
pub(crate) struct Shelf(Mutex<HashMap<String, Object>>, AtomicU64);

impl Shelf {
    pub(crate) fn put(&self, kind: TokenObject, object: Value) {
        let object = Object::from_value(object).expect("an object");
        let key = key(kind, object.namespace(), object.name());
        let mut objects = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        objects.insert(key, object);
    }

    pub(crate) fn remove(&self, kind: TokenObject, namespace: &str, name: &str) {
        let mut objects = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        objects.remove(&key(kind, namespace, name));
    }
}

fn key(kind: TokenObject, namespace: &str, name: &str) -> String {
    format!("{}/{namespace}/{name}", kind.kind())
}

impl TokenObjects for Shelf {
    fn get<'a>(
        &'a self,
        kind: TokenObject,
        namespace: &'a str,
        name: &'a str,
    ) -> BoxFuture<'a, Result<Option<Object>, StatusError>> {
        let objects = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = objects.get(&key(kind, namespace, name)).cloned();
        Box::pin(std::future::ready(Ok(found)))
    }

    fn label_secret<'a>(
        &'a self,
        secret: &'a Object,
        label: &'a str,
        value: &'a str,
    ) -> BoxFuture<'a, Result<(), StatusError>> {
        let key = key(TokenObject::Secret, secret.namespace(), secret.name());
        let mut objects = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(secret) = objects.get_mut(&key) {
            secret.set_label(label, value);
            let writes = self.1.fetch_add(1, Ordering::Relaxed) + 1;
            secret.set_meta("resourceVersion", &writes.to_string());
        }
        Box::pin(std::future::ready(Ok(())))
    }
}

/// A cluster with the account `ns/build`, its pod `web` on the node `n1`, and a Secret.
struct World {
    tokens: ServiceAccountTokens,
    /// What their use is counted in.
    registry: Registry,
    shelf: Arc<Shelf>,
    pki: Pki,
    clock: Clock,
    hands: Hands,
    directory: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let start = "2027-01-01T12:00:00Z".parse().expect("a time");
        let (clock, hands) = Clock::manual(start);
        let directory = tempfile::tempdir().expect("fresh directory");
        let pki = opened(directory.path(), &clock);
        let shelf = Arc::new(Shelf::default());
        shelf.put(TokenObject::ServiceAccount, named("ns", "build", "sa-1"));
        shelf.put(TokenObject::Node, named("", "n1", "node-1"));
        shelf.put(TokenObject::Secret, named("ns", "vault", "secret-1"));
        let mut pod = named("ns", "web", "pod-1");
        pod["spec"] = json!({"serviceAccountName": "build", "nodeName": "n1"});
        shelf.put(TokenObject::Pod, pod);
        let keys = pki.service_account_keys();
        let tokens = ServiceAccountTokens::new(ISSUER, keys, clock.clone(), shelf.clone());
        let registry = Registry::new();
        Self {
            tokens: tokens.measured(&registry),
            registry,
            shelf,
            pki,
            clock,
            hands,
            directory,
        }
    }

    /// The keys as a next start finds them.
    fn opened_again(&self) -> Pki {
        opened(self.directory.path(), &self.clock)
    }

    /// A token for `ns/build` by a request with this spec.
    fn issue(&self, spec: Value) -> Result<Object, StatusError> {
        self.request(json!({"spec": spec}))
    }

    fn request(&self, request: Value) -> Result<Object, StatusError> {
        let request = Object::from_value(request).expect("an object");
        let issued = self.tokens.issue("ns", "build", request).now_or_never();
        issued.expect("the shelf answers at once")
    }

    fn token(&self, spec: Value) -> String {
        let issued = self.issue(spec).expect("issued");
        let token = issued.at("/status/token").and_then(Value::as_str);
        token.expect("a token").to_owned()
    }

    /// What the authenticator says, in a line.
    fn ask(&self, token: &str) -> String {
        self.ask_for(token, &[])
    }

    fn ask_for(&self, token: &str, audiences: &[&str]) -> String {
        let audiences: Vec<String> = audiences.iter().map(|one| (*one).to_owned()).collect();
        let credentials = Credentials {
            bearer: Some(token),
            audiences: &audiences,
            ..Credentials::default()
        };
        let outcome = self.tokens.authenticate(credentials).now_or_never();
        match outcome.expect("the shelf answers at once") {
            Ok(Some(known)) => format!("{} for {:?}", known.user.name, known.audiences),
            Ok(None) => "none of ours".into(),
            Err(error) => format!("refused: {error}"),
        }
    }
}

fn opened(data_dir: &Path, clock: &Clock) -> Pki {
    Pki::open(PkiOptions::new(data_dir, clock.clone(), "n1")).expect("opened")
}

fn named(namespace: &str, name: &str, uid: &str) -> Value {
    json!({"metadata": {"namespace": namespace, "name": name, "uid": uid}})
}

fn bound(kind: &str, name: &str) -> Value {
    json!({"boundObjectRef": {"apiVersion": "v1", "kind": kind, "name": name}})
}
