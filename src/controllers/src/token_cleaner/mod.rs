//! Takes bootstrap tokens away when they expire. The entry point is [`ROW`].

mod plan;

use std::sync::Arc;

use api::wellknown::namespaces::KUBE_SYSTEM;
use api::{Kind, Secret};
use base::{Clock, TraceId};
use client::{Client, DeleteOptions};
use futures::FutureExt;
use futures::future::BoxFuture;
use informer::{Action, Change, Key, Lister, ReconcileError, Reconciler};

use crate::cx::{ControllersCx, Row};

/// The row of [`crate::CONTROLLERS`].
pub(crate) const ROW: Row = Row {
    name: "token-cleaner",
    start,
};

struct TokenCleaner {
    secrets: Lister<Secret>,
    client: Client,
    clock: Clock,
}

fn start(cx: &ControllersCx) -> BoxFuture<'static, ()> {
    let cleaner = TokenCleaner {
        secrets: cx.informers.lister(),
        client: (cx.clients)(ROW.name),
        clock: cx.clock.clone(),
    };
    cx.controller(ROW.name, "token_cleaner")
        .watches_by(cleaner.secrets.informer(), in_kube_system)
        .run(Arc::new(cleaner), cx.shutdown.clone())
        .boxed()
}

fn in_kube_system(change: &Change<'_>) -> Vec<Key> {
    let key = Key::of(change.object()).filter(|key| &*key.namespace == KUBE_SYSTEM);
    key.into_iter().collect()
}

impl Reconciler for TokenCleaner {
    fn reconcile<'a>(
        &'a self,
        key: &'a Key,
        trace: TraceId,
    ) -> BoxFuture<'a, Result<Action, ReconcileError>> {
        Box::pin(self.sync(key, trace))
    }
}

impl TokenCleaner {
    async fn sync(&self, key: &Key, trace: TraceId) -> Result<Action, ReconcileError> {
        let Some(secret) = self.secrets.get(&key.namespace, &key.name) else {
            return Ok(Action::Done);
        };
        match plan::left(&secret, self.clock.wall()) {
            None => return Ok(Action::Done),
            Some(left) if !left.is_zero() => return Ok(Action::RequeueAfter(left)),
            Some(_) => {}
        }
        // A token that was prolonged meanwhile stays.
        let version = secret.metadata.resource_version.as_deref();
        let options = DeleteOptions::of_version(secret.uid(), version);
        let client = self.client.with_trace(trace);
        let secrets = client.typed::<Secret>().in_namespace(&key.namespace);
        client::if_present(secrets.delete(&key.name, &options).await)?;
        Ok(Action::Done)
    }
}

#[cfg(test)]
mod tests;
