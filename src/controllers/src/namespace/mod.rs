//! Empties namespaces that are being deleted, and lets them go. The entry point is [`ROW`].

mod content;
mod plan;

use std::sync::Arc;

use api::wellknown::finalizers::KUBERNETES;
use api::{Kind, Namespace};
use base::{Clock, TraceId};
use client::{ApiResource, Client, WriteOptions};
use futures::FutureExt;
use futures::future::BoxFuture;
use informer::{Action, Change, Key, Lister, ReconcileError, Reconciler};

use crate::cx::{ControllersCx, Row};
use crate::owed::{Look, Owed, look};
use crate::writes;
use content::Content;

/// The row of [`crate::CONTROLLERS`].
pub(crate) const ROW: Row = Row {
    name: "namespace-controller",
    start,
};

/// Namespaces emptied at once, as upstream.
const WORKERS: usize = 10;

struct Namespaces {
    namespaces: Lister<Namespace>,
    owed: Owed,
    /// Served resources that live in namespaces, pods first.
    resources: Vec<ApiResource>,
    client: Client,
    clock: Clock,
}

fn start(cx: &ControllersCx) -> BoxFuture<'static, ()> {
    let client = (cx.clients)(ROW.name);
    let namespaces: Lister<Namespace> = cx.informers.lister();
    let mut controller = cx
        .controller(ROW.name, "namespace")
        .workers(WORKERS)
        .watches(namespaces.informer());
    let mut resources = cx.resources.clone();
    resources.retain(|resource| resource.namespaced);
    resources.sort_by_key(|resource| !content::is_pods(resource));
    // Events are many, and none has a finalizer: their end is not waited for.
    for resource in resources.iter().filter(|r| r.plural != "events") {
        let ending = namespaces.clone();
        let informer = cx.informers.of(&resource.gvr());
        controller = controller.watches_by(&informer, move |change| emptied(&ending, change));
    }
    let reconciler = Namespaces {
        namespaces,
        owed: Owed::new::<Namespace>(cx, &client),
        resources,
        client,
        clock: cx.clock.clone(),
    };
    controller
        .run(Arc::new(reconciler), cx.shutdown.clone())
        .boxed()
}

/// The namespace of an object that has gone, if that is what the namespace waits for.
fn emptied(namespaces: &Lister<Namespace>, change: &Change<'_>) -> Vec<Key> {
    let Change::Deleted(last) = change else {
        return Vec::new();
    };
    let key = Key::of(last).map(|key| Key::new("", &key.namespace));
    let ends = |key: &Key| {
        let namespace = namespaces.get("", &key.name);
        namespace.is_some_and(|namespace| namespace.is_terminating())
    };
    key.filter(ends).into_iter().collect()
}

impl Reconciler for Namespaces {
    fn reconcile<'a>(
        &'a self,
        key: &'a Key,
        trace: TraceId,
    ) -> BoxFuture<'a, Result<Action, ReconcileError>> {
        Box::pin(self.sync(key, trace))
    }
}

impl Namespaces {
    async fn sync(&self, key: &Key, trace: TraceId) -> Result<Action, ReconcileError> {
        let namespace = match look(&[&self.owed], &self.namespaces, key).await? {
            Look::At(namespace) => namespace,
            Look::Nothing(action) => return Ok(action),
        };
        if !namespace.is_terminating() {
            return Ok(Action::Done);
        }
        let finalizers = namespace.spec.as_ref().and_then(|s| s.finalizers.as_ref());
        if finalizers.is_none_or(Vec::is_empty) {
            return Ok(Action::Done);
        }
        let client = self.client.with_trace(trace);
        let content = Content {
            client: &client,
            namespace: &key.name,
            resources: &self.resources,
        };
        let pass = content.delete().await;
        let after = pass.status(&namespace, self.clock.wall());
        writes::status(&client, &self.owed, key, &namespace, &after).await?;
        if let Some(errors) = pass.errors() {
            return Err(ReconcileError::Other(errors));
        }
        if !pass.is_clean() {
            return Ok(Action::RequeueAfter(pass.patience()));
        }
        self.finalize(&client, key).await?;
        Ok(Action::Done)
    }

    /// Takes the namespace's own finalizer away, in the namespace as the server shows it.
    async fn finalize(&self, client: &Client, key: &Key) -> Result<(), ReconcileError> {
        let namespaces = client.api(&ApiResource::of::<Namespace>());
        let Some(found) = namespaces.find(&key.name).await? else {
            return Ok(());
        };
        let mut object = found.to_object().map_err(writes::unreadable)?;
        let finalizers = object.map_mut("spec").get_mut("finalizers");
        if let Some(finalizers) = finalizers.and_then(|value| value.as_array_mut()) {
            finalizers.retain(|finalizer| finalizer != KUBERNETES);
        }
        let options = WriteOptions::default();
        let done = namespaces.update_subresource(&key.name, "finalize", &object, &options);
        client::if_present(done.await)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
