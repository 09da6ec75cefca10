//! Counts what namespaces use of their ResourceQuotas: anew when a quota's limits change, and
//! whenever something that is counted goes or shrinks. What comes and grows is charged by the API
//! server, in the transaction of the write. The entry point is [`ROW`].
//!
//! Changes of caches say when to count. What is there, the server is asked: a cache that lacks
//! the newest objects would give away what they were charged for. The write names the version of
//! the quota that was read before, so that a charge in between makes the loop count again.

mod plan;

use std::sync::Arc;

use api::core::ResourceQuota;
use api::{Kind, quota};
use apimachinery::Encoded;
use base::{Clock, TraceId};
use client::{ApiResource, Client, ClientError, WriteOptions};
use futures::FutureExt;
use futures::future::BoxFuture;
use informer::{Action, Change, Informer, Key, ReconcileError, Reconciler};

use crate::cx::{ControllersCx, Row};
use crate::writes;
use plan::Count;

/// The row of [`crate::CONTROLLERS`].
pub(crate) const ROW: Row = Row {
    name: "resourcequota-controller",
    start,
};

struct Quotas {
    quotas: Informer,
    resources: Vec<ApiResource>,
    client: Client,
    clock: Clock,
}

fn start(cx: &ControllersCx) -> BoxFuture<'static, ()> {
    let quotas = cx.informers.of(&ResourceQuota::GVR);
    let resources = cx.resources.iter();
    // What no quota can count need not be looked at.
    let resources: Vec<ApiResource> = resources
        .filter(|resource| resource.namespaced && resource.plural != "events")
        .cloned()
        .collect();
    let mut controller = cx
        .controller(ROW.name, "resourcequota_primary")
        .watches_by(&quotas, |change| own_key(change).into_iter().collect());
    for resource in &resources {
        let (quotas, clock) = (quotas.clone(), cx.clock.clone());
        let informer = cx.informers.of(&resource.gvr());
        let resource = resource.gvr().group_resource();
        controller = controller.watches_by(&informer, move |change| {
            let concerned = || concerned(&quotas, change.object(), &resource);
            match change {
                Change::Deleted(_) => concerned(),
                Change::Modified { old, new } if quota::varies(&resource) => {
                    let now = clock.wall();
                    let keys = concerned();
                    let shrunk = !keys.is_empty() && plan::shrinks(&resource, old, new, now);
                    if shrunk { keys } else { Vec::new() }
                }
                Change::Modified { .. } | Change::Added(_) => Vec::new(),
            }
        });
    }
    let reconciler = Quotas {
        quotas,
        resources,
        client: (cx.clients)(ROW.name),
        clock: cx.clock.clone(),
    };
    controller
        .run(Arc::new(reconciler), cx.shutdown.clone())
        .boxed()
}

/// The quota itself, unless it was only charged.
fn own_key(change: &Change<'_>) -> Option<Key> {
    let counts = match change {
        Change::Added(_) => true,
        Change::Modified { old, new } => plan::is_recounted(old, new),
        Change::Deleted(_) => false,
    };
    counts.then(|| Key::of(change.object()))?
}

/// The quotas of an object's namespace that count its resource.
fn concerned(
    quotas: &Informer,
    object: &Encoded,
    resource: &apimachinery::GroupResource,
) -> Vec<Key> {
    let Some(key) = Key::of(object) else {
        return Vec::new();
    };
    let quotas = quotas.list_in(&key.namespace);
    let concerned = quotas.iter().filter(|quota| {
        // What does not decode is logged when it is reconciled itself.
        let quota = quota.to_object();
        quota.is_ok_and(|quota| plan::counts(&quota, resource))
    });
    concerned.filter_map(Key::of).collect()
}

impl Reconciler for Quotas {
    fn reconcile<'a>(
        &'a self,
        key: &'a Key,
        trace: TraceId,
    ) -> BoxFuture<'a, Result<Action, ReconcileError>> {
        Box::pin(self.sync(key, trace))
    }
}

impl Quotas {
    async fn sync(&self, key: &Key, trace: TraceId) -> Result<Action, ReconcileError> {
        let Some(quota) = self.quotas.get(key) else {
            return Ok(Action::Done);
        };
        let quota = quota.to_object().map_err(writes::unreadable)?;
        let client = self.client.with_trace(trace);
        let mut count = Count::new(&quota, self.clock.wall());
        for resource in &self.resources {
            if count.begin(&resource.gvr().group_resource()) {
                count_all(&client, resource, &key.namespace, &mut count).await?;
            }
        }
        let again = count.again();
        if let Some(counted) = count.status(&quota) {
            let quotas = client.typed::<ResourceQuota>().in_namespace(&key.namespace);
            let options = WriteOptions::default();
            quotas.api().update_status(&counted, &options).await?;
        }
        Ok(again.map_or(Action::Done, Action::RequeueAfter))
    }
}

/// Adds every object of a resource in the namespace to the count.
async fn count_all(
    client: &Client,
    resource: &ApiResource,
    namespace: &str,
    count: &mut Count,
) -> Result<(), ClientError> {
    let api = client.api(resource).in_namespace(namespace);
    let resource = resource.gvr().group_resource();
    api.for_each(|object| count.add(&resource, &object)).await
}

#[cfg(test)]
mod tests;
