//! What admission and authorization ask beside the objects, and what the node graph is fed with.

use std::sync::Arc;
use std::time::Duration;

use admission::{AudienceSource, ServiceAccountSource};
use apimachinery::{Object, StatusError, UserInfo};
use auth::{Authorizer, AuthzAttributes, NodeObject, PodGraph, ServiceAccountTokens};
use base::Clock;
use client::{ApiResource, WatchEvent};
use controllers::TokenSigner;
use futures::StreamExt;
use futures::future::BoxFuture;
use informer::{Change, Informers};
use registry::{Registry, WatchOptions};
use resources::Resource;

use crate::lookups::Lookups;

/// How long a create waits for the service account that a controller is about to make.
const PATIENCE: Duration = Duration::from_secs(5);

/// The accounts that are found, and those that a controller is about to make.
pub struct AwaitedAccounts {
    found: Arc<Lookups>,
    registry: Registry,
    clock: Clock,
}

impl AwaitedAccounts {
    pub fn new(found: Arc<Lookups>, registry: Registry, clock: Clock) -> Self {
        Self {
            found,
            registry,
            clock,
        }
    }

    /// Waits until the service account appears.
    async fn appears(&self, namespace: &str, name: &str) -> Result<(), StatusError> {
        let row = resources::by_kind("", "ServiceAccount");
        let row = row.ok_or_else(StatusError::no_such_resource)?;
        let options = WatchOptions::default();
        let mut events = self.registry.watch(row, Some(namespace), &options).await?;
        while let Some(event) = events.next().await {
            if let WatchEvent::Added(account) = event?
                && account.head().is_ok_and(|head| head.metadata.name == name)
            {
                break;
            }
        }
        Ok(())
    }
}

impl ServiceAccountSource for AwaitedAccounts {
    fn account<'a>(
        &'a self,
        namespace: &'a str,
        name: &'a str,
    ) -> BoxFuture<'a, Result<Option<Object>, StatusError>> {
        Box::pin(async move {
            let found = self.found.account(namespace, name).await?;
            if found.is_some() || name != "default" {
                return Ok(found);
            }
            // Late is as good as never here: the answer below says which it was.
            let _ = self
                .clock
                .timeout(PATIENCE, self.appears(namespace, name))
                .await;
            self.found.account(namespace, name).await
        })
    }
}

/// What the node authorizer's graph is made of.
const GRAPH: [(&str, &str, NodeObject); 4] = [
    ("", "Pod", NodeObject::Pod),
    ("", "PersistentVolume", NodeObject::PersistentVolume),
    (
        "storage.k8s.io",
        "VolumeAttachment",
        NodeObject::VolumeAttachment,
    ),
    (
        "resource.k8s.io",
        "ResourceSlice",
        NodeObject::ResourceSlice,
    ),
];

/// The authorizer knows whom a kubelet may request tokens for; the audience is the resource.
pub struct Audiences(pub Arc<dyn Authorizer>);

impl AudienceSource for Audiences {
    fn may_request(&self, user: &UserInfo, audience: &str, namespace: &str, account: &str) -> bool {
        const VERB: &str = "request-serviceaccounts-token-audience";
        let asked = AuthzAttributes {
            namespace,
            name: account,
            ..AuthzAttributes::resource(user, VERB, "", audience)
        };
        self.0.authorize(&asked).is_allowed()
    }
}

/// Signs the tokens that Secrets hold.
pub fn signer(tokens: Arc<ServiceAccountTokens>) -> TokenSigner {
    Arc::new(move |account, secret| {
        let signed = tokens.issue_legacy(account, secret);
        signed.map_err(|error| format!("cannot sign a token: {error}"))
    })
}

/// Keeps the node authorizer's graph like the served objects are.
pub fn feed_graph(informers: &Informers, graph: &Arc<PodGraph>) {
    for (group, kind, object) in GRAPH {
        let served = resources::served().find(|row| row.group == group && row.kind == kind);
        let Some(row) = served else {
            continue;
        };
        let graph = graph.clone();
        informers.of(&row.gvr()).on_change(move |change| {
            // An object that does not decode grants nothing.
            if let Ok(found) = change.object().to_object() {
                graph.changed(object, &found, matches!(change, Change::Deleted(_)));
            }
        });
    }
}

/// Every stored resource once, for the collectors that walk over all of them.
pub fn api_resources() -> Vec<ApiResource> {
    let stored = |row: &&'static Resource| row.answer.is_none() && row.stored_as.is_none();
    let resource = |row: &'static Resource| ApiResource {
        group: row.group.into(),
        version: row.storage.into(),
        plural: row.plural.into(),
        kind: row.kind.into(),
        namespaced: row.namespaced(),
    };
    resources::served().filter(stored).map(resource).collect()
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use base::clock::Hands;
    use registry::Allocation;
    use serde_json::json;

    use super::*;

    /// Namespaces without accounts: nobody makes one but the test.
    async fn world() -> (Registry, AwaitedAccounts, Hands) {
        let (clock, hands) = Clock::manual("2026-01-10T12:00:00Z".parse().expect("a time"));
        let store = Arc::new(store::MemStore::new(store::Options::new(clock.clone())));
        let registry = Registry::new(store, clock.clone(), Allocation::default());
        crate::bootstrap::objects(&registry, Ipv4Addr::new(10, 43, 0, 1), 6443)
            .await
            .expect("the namespaces");
        let found = Arc::new(Lookups::new(registry.clone()));
        let accounts = AwaitedAccounts::new(found, registry.clone(), clock);
        (registry, accounts, hands)
    }

    async fn make(registry: &Registry, name: &str) {
        let account = json!({"apiVersion": "v1", "kind": "ServiceAccount",
            "metadata": {"name": name, "namespace": "default"}});
        crate::bootstrap::create(registry, "default", account)
            .await
            .expect("made");
    }

    #[tokio::test]
    async fn the_default_account_is_waited_for() {
        let (registry, accounts, _hands) = world().await;
        let mut asked = accounts.account("default", "default");
        assert!(futures::poll!(&mut asked).is_pending());
        make(&registry, "other").await;
        assert!(futures::poll!(&mut asked).is_pending());
        make(&registry, "default").await;
        let found = asked.await.expect("readable").expect("there by now");
        assert_eq!(found.name(), "default");
    }

    #[tokio::test]
    async fn patience_ends_and_others_are_not_waited_for() {
        let (_registry, accounts, hands) = world().await;
        let found = accounts.account("default", "robot").await;
        assert_eq!(found.expect("readable"), None);
        let mut asked = accounts.account("default", "default");
        assert!(futures::poll!(&mut asked).is_pending());
        hands.advance(PATIENCE);
        assert_eq!(asked.await.expect("readable"), None);
    }
}
