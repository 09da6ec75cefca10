//! Objects that every namespace has: the `default` service account, the cluster's root
//! certificate. One loop, two rows.

mod plan;

use std::sync::Arc;

use api::{ConfigMap, Kind, Namespace, ServiceAccount};
use base::TraceId;
use client::Client;
use futures::FutureExt;
use futures::future::BoxFuture;
use informer::{Action, Change, Key, Lister, ReconcileError, Reconciler};

use crate::cx::{ControllersCx, Row};
use crate::owed::Owed;
use crate::view::Viewed;
use crate::writes;
use plan::Step;

/// `default` in every namespace.
pub(crate) const SERVICE_ACCOUNT: Row = Row {
    name: "service-account-controller",
    start: |cx| {
        let wanted = plan::default_account;
        let names = (SERVICE_ACCOUNT.name, "serviceaccount");
        start::<ServiceAccount>(cx, names, plan::DEFAULT, Box::new(wanted))
    },
};

/// `kube-root-ca.crt` in every namespace.
pub(crate) const ROOT_CA: Row = Row {
    name: "root-ca-cert-publisher",
    start: |cx| {
        let pem = cx.root_ca_pem.clone();
        let wanted = move |found: ConfigMap| plan::root_ca(found, &pem);
        let names = (ROOT_CA.name, "root_ca_cert_publisher");
        start::<ConfigMap>(cx, names, plan::ROOT_CA, Box::new(wanted))
    },
};

/// What the object should be, from what it is; from nothing where there is none.
type Wanted<K> = Box<dyn Fn(K) -> K + Send + Sync>;

struct Everywhere<K> {
    namespaces: Lister<Namespace>,
    objects: Lister<K>,
    name: &'static str,
    wanted: Wanted<K>,
    owed: Owed,
    client: Client,
}

fn start<K: Kind>(
    cx: &ControllersCx,
    (row, queue): (&'static str, &'static str),
    name: &'static str,
    wanted: Wanted<K>,
) -> BoxFuture<'static, ()> {
    let client = (cx.clients)(row);
    let everywhere = Everywhere::<K> {
        namespaces: cx.informers.lister(),
        objects: cx.informers.lister(),
        name,
        wanted,
        owed: Owed::new::<K>(cx, &client),
        client,
    };
    cx.controller(row, queue)
        .watches(everywhere.namespaces.informer())
        .watches_by(everywhere.objects.informer(), move |change| {
            namespace_of(name, change)
        })
        .run(Arc::new(everywhere), cx.shutdown.clone())
        .boxed()
}

fn namespace_of(name: &str, change: &Change<'_>) -> Vec<Key> {
    let key = Key::of(change.object()).filter(|key| &*key.name == name);
    key.map(|key| Key::new("", &key.namespace))
        .into_iter()
        .collect()
}

impl<K: Kind> Reconciler for Everywhere<K> {
    fn reconcile<'a>(
        &'a self,
        key: &'a Key,
        trace: TraceId,
    ) -> BoxFuture<'a, Result<Action, ReconcileError>> {
        Box::pin(self.sync(key, trace))
    }
}

impl<K: Kind> Everywhere<K> {
    async fn sync(&self, key: &Key, trace: TraceId) -> Result<Action, ReconcileError> {
        if !self.owed.settled(key).await? {
            return Ok(Action::RequeueAfter(self.owed.patience()));
        }
        let Some(namespace) = self.namespaces.get("", &key.name) else {
            return Ok(Action::Done);
        };
        let client = self.client.with_trace(trace);
        let found = Key::new(&key.name, self.name);
        let found = self.objects.informer().get(&found);
        let found = found.as_ref().map(Viewed::of).transpose();
        let found = found.map_err(writes::unreadable)?;
        match plan::plan(&namespace, found, self.name, &self.wanted) {
            Step::Nothing => {}
            Step::Create(object) => self.create(&client, key, &object).await?,
            Step::Update(before, after) => {
                writes::update(&client, &self.owed, key, &before, &after).await?;
            }
        }
        Ok(Action::Done)
    }

    async fn create(&self, client: &Client, key: &Key, object: &K) -> Result<(), ReconcileError> {
        match client.typed::<K>().create(object).await {
            Ok(created) => self.owed.wrote(key, created.revision()),
            Err(error) if error.is_already_exists() || writes::namespace_ends(&error) => {}
            // Whether it happened or not: creating it once more is safe, its name is fixed.
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
