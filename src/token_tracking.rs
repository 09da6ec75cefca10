//! Since when the use of Secrets' tokens is noted: a ConfigMap that upstream's API server keeps,
//! and that tells who cleans up how long to wait before silence means that nobody uses a token.

use std::sync::Arc;

use api::Kind;
use api::core::ConfigMap;
use apimachinery::admission::AlwaysAdmit;
use apimachinery::{Object, StatusError, time};
use base::{Clock, Shutdown, TraceId};
use futures::future::BoxFuture;
use informer::{Action, Controller, Informers, Key, ReconcileError, Reconciler, WorkQueue};
use jiff::civil::Date;
use registry::{Registry, Target, WriteOptions};
use serde_json::json;

use crate::bootstrap;

const TARGET: Target<'_> = Target {
    namespace: "kube-system",
    name: "kube-apiserver-legacy-service-account-token-tracking",
};
const SINCE: &str = "since";

struct Tracking {
    registry: Registry,
    clock: Clock,
}

/// Makes the ConfigMap, and makes it anew whenever it is gone or says no date.
pub async fn run(registry: Registry, informers: Informers, clock: Clock, shutdown: Shutdown) {
    let queue = WorkQueue::new(clock.clone());
    let maps = informers.of(&ConfigMap::GVR);
    let key = Key::new(TARGET.namespace, TARGET.name);
    let ours = key.clone();
    let controller = Controller::new("legacy-token-tracking", queue.clone())
        .workers(1)
        .watches_by(&maps, move |change| {
            Key::of(change.object())
                .filter(|key| *key == ours)
                .into_iter()
                .collect()
        });
    queue.add(key, TraceId::generate());
    controller
        .run(Arc::new(Tracking { registry, clock }), shutdown)
        .await;
}

impl Tracking {
    async fn keep(&self) -> Result<(), StatusError> {
        let row = resources::by_kind("", "ConfigMap").ok_or_else(StatusError::no_such_resource)?;
        let cx = bootstrap::cx();
        let writer = self.registry.writer(row, &cx, &AlwaysAdmit);
        let (today, options) = (time::date(self.clock.wall()), WriteOptions::default());
        let Some(found) = self.registry.find(row, TARGET).await? else {
            let map = json!({
                "apiVersion": "v1", "kind": "ConfigMap",
                "metadata": {"namespace": TARGET.namespace, "name": TARGET.name},
                "data": {SINCE: today},
            });
            let map = Object::from_value(map).expect("written above");
            let created = writer.create(TARGET.namespace, map, &options).await;
            return created.map(drop);
        };
        if says_a_date(&found.to_object().map_err(StatusError::internal)?) {
            return Ok(());
        }
        let change = |stored: &Object| {
            let mut stored = stored.clone();
            let data = stored.map_mut("data");
            data.insert(SINCE.into(), today.as_str().into());
            Ok(stored)
        };
        writer.update(TARGET, &change, &options).await.map(drop)
    }
}

fn says_a_date(map: &Object) -> bool {
    let since = map.at("/data/since").and_then(serde_json::Value::as_str);
    since.is_some_and(|since| since.len() == 10 && since.parse::<Date>().is_ok())
}

impl Reconciler for Tracking {
    fn reconcile<'a>(
        &'a self,
        _key: &'a Key,
        _trace: TraceId,
    ) -> BoxFuture<'a, Result<Action, ReconcileError>> {
        Box::pin(async move {
            match self.keep().await {
                // Somebody else has made it, and the cache will tell.
                Err(error) if error.is_already_exists() => {}
                kept => kept?,
            }
            Ok(Action::Done)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use registry::{Allocation, DeleteOptions};

    use super::*;

    #[tokio::test]
    async fn the_config_map_is_made_kept_and_made_again() {
        let (clock, hands) = Clock::manual("2027-01-01T23:59:59Z".parse().expect("a time"));
        let store = Arc::new(store::MemStore::new(store::Options::new(clock.clone())));
        let registry = Registry::new(store, clock.clone(), Allocation::default());
        bootstrap::objects(&registry, Ipv4Addr::new(10, 43, 0, 1), 6443)
            .await
            .expect("the namespaces");
        let shutdown = Shutdown::new();
        let informers = Informers::new(Arc::new(registry.clone()), clock.clone(), shutdown.clone());
        let maps = informers.of(&ConfigMap::GVR);
        let tracking = run(registry.clone(), informers, clock, shutdown.clone());
        let test = async {
            let row = resources::by_kind("", "ConfigMap").expect("a row");
            let since = async |wanted: &str| {
                for _ in 0..10_000 {
                    let found = maps.get(&Key::new(TARGET.namespace, TARGET.name));
                    let found = found.and_then(|found| found.to_object().ok());
                    let since = found.as_ref().and_then(|found| found.at("/data/since"));
                    if since.is_some_and(|since| since == wanted) {
                        return true;
                    }
                    tokio::task::yield_now().await;
                }
                false
            };
            assert!(since("2027-01-01").await, "made");
            hands.shift_wall(86_400.0);
            let cx = bootstrap::cx();
            let writer = registry.writer(row, &cx, &AlwaysAdmit);
            for bad in [json!({"since": "yesterday"}), json!(null)] {
                let change = |stored: &Object| {
                    let mut stored = stored.clone();
                    stored.insert("data".into(), bad.clone());
                    Ok(stored)
                };
                let options = WriteOptions::default();
                writer
                    .update(TARGET, &change, &options)
                    .await
                    .expect("spoilt");
                assert!(since("2027-01-02").await, "mended: {bad}");
            }
            hands.shift_wall(86_400.0);
            let deleted = writer.delete(TARGET, &DeleteOptions::default()).await;
            deleted.expect("deleted");
            assert!(since("2027-01-03").await, "made again");
            shutdown.stop();
        };
        tokio::join!(tracking, test);
    }
}
