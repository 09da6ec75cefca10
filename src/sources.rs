//! What admission and authorization look up, and what the node graph is fed with.

use std::sync::Arc;
use std::time::Duration;

use admission::{AudienceSource, ObjectSource, ServiceAccountSource};
use apimachinery::{Encoded, Object, StatusError, UserInfo};
use auth::{
    Authorizer, AuthzAttributes, NodeObject, PodGraph, ServiceAccountTokens, TokenObject,
    TokenObjects,
};
use base::Clock;
use client::{ApiResource, WatchEvent};
use controllers::TokenSigner;
use futures::StreamExt;
use futures::future::BoxFuture;
use informer::{Change, Informers};
use registry::{ListOptions, Registry, Target, WatchOptions};
use resources::Resource;

/// How long a create waits for the service account that a controller is about to make.
const PATIENCE: Duration = Duration::from_secs(5);

/// Reads from the registry itself: the newest state, without a cache between.
pub struct Lookups {
    registry: Registry,
    clock: Clock,
}

impl Lookups {
    pub fn new(registry: Registry, clock: Clock) -> Self {
        Self { registry, clock }
    }

    async fn find(
        &self,
        group: &str,
        kind: &str,
        target: Target<'_>,
    ) -> Result<Option<Object>, StatusError> {
        let Some(row) = resources::by_kind(group, kind) else {
            return Ok(None);
        };
        match self.registry.get(row, target).await {
            Ok(found) => found.to_object().map(Some).map_err(StatusError::internal),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Waits until the service account appears.
    async fn appears(&self, namespace: &str, name: &str) -> Result<(), StatusError> {
        let row = row("ServiceAccount")?;
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

fn row(kind: &str) -> Result<&'static Resource, StatusError> {
    resources::by_kind("", kind).ok_or_else(StatusError::no_such_resource)
}

impl TokenObjects for Lookups {
    fn get<'a>(
        &'a self,
        kind: TokenObject,
        namespace: &'a str,
        name: &'a str,
    ) -> BoxFuture<'a, Result<Option<Object>, StatusError>> {
        Box::pin(self.find("", kind.kind(), Target { namespace, name }))
    }
}

impl ObjectSource for Lookups {
    fn get<'a>(
        &'a self,
        group: &'static str,
        kind: &'static str,
        namespace: &'a str,
        name: &'a str,
    ) -> BoxFuture<'a, Result<Option<Object>, StatusError>> {
        Box::pin(self.find(group, kind, Target { namespace, name }))
    }

    fn list<'a>(
        &'a self,
        group: &'static str,
        kind: &'static str,
        namespace: &'a str,
    ) -> BoxFuture<'a, Result<Vec<Object>, StatusError>> {
        Box::pin(async move {
            let Some(row) = resources::by_kind(group, kind) else {
                return Ok(Vec::new());
            };
            let options = ListOptions::default();
            let listed = self.registry.list(row, Some(namespace), &options).await?;
            let objects = listed.items.iter().map(Encoded::to_object);
            objects
                .collect::<Result<_, _>>()
                .map_err(StatusError::internal)
        })
    }
}

impl ServiceAccountSource for Lookups {
    fn account<'a>(
        &'a self,
        namespace: &'a str,
        name: &'a str,
    ) -> BoxFuture<'a, Result<Option<Object>, StatusError>> {
        Box::pin(async move {
            let target = Target { namespace, name };
            let found = self.find("", "ServiceAccount", target).await?;
            if found.is_some() || name != "default" {
                return Ok(found);
            }
            // Late is as good as never here: the answer below says which it was.
            let _ = self
                .clock
                .timeout(PATIENCE, self.appears(namespace, name))
                .await;
            self.find("", "ServiceAccount", target).await
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
        // Without a resource it would be a question about a path.
        !audience.is_empty() && self.0.authorize(&asked).is_allowed()
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
