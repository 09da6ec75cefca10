//! Control: without the turns, `many_clients_share_what_is_left` sees transactions that conflict;
//! without the marker,
//! `nothing_slips_past_a_quota_that_is_being_made` sees one that does not.

use std::sync::atomic::Ordering;

use apimachinery::admission::AlwaysAdmit;
use apimachinery::{Encoded, RequestCx};
use base::Clock;
use futures::future::join_all;
use serde_json::{Value, json};
use store::testing::{Layered, Slow};
use store::{Error, MemStore, Options, Store};

use super::*;
use crate::{Allocation, DeleteOptions, Target, WriteOptions};

struct World {
    store: Arc<Layered<Slow>>,
    registry: Registry,
    cx: RequestCx,
}

fn row(kind: &str) -> &'static Resource {
    resources::by_kind("", kind).expect("a kind of the table")
}

const QUOTA: Target<'static> = Target {
    namespace: "n",
    name: "q",
};

impl World {
    fn new() -> Self {
        let (clock, _hands) = Clock::manual("2026-01-10T12:00:00Z".parse().expect("a time"));
        let store = Arc::new(Layered {
            store: MemStore::new(Options::new(clock.clone())),
            layer: Slow::default(),
        });
        Self {
            registry: Registry::new(store.clone(), clock, Allocation::default()),
            store,
            cx: RequestCx::default(),
        }
    }

    async fn write(
        &self,
        kind: &str,
        object: Value,
        dry_run: bool,
    ) -> Result<Encoded, StatusError> {
        let writer = self.registry.writer(row(kind), &self.cx, &AlwaysAdmit);
        let object = Object::from_value(object).expect("an object");
        let options = WriteOptions {
            dry_run,
            ..WriteOptions::default()
        };
        writer.create("n", object, &options).await
    }

    async fn config_map(&self, name: &str) -> Result<Encoded, StatusError> {
        let object = json!({"metadata": {"name": name, "namespace": "n"}});
        self.write("ConfigMap", object, false).await
    }

    /// A quota as its controller has counted it.
    async fn quota(&self, hard: Value, used: Value) {
        let object = json!({"metadata": {"name": "q", "namespace": "n"}, "spec": {"hard": hard}});
        self.write("ResourceQuota", object, false)
            .await
            .expect("made");
        self.count(json!({"hard": hard, "used": used})).await;
    }

    async fn count(&self, status: Value) {
        let change = |old: &Object| {
            let mut new = old.clone();
            new.insert("status".into(), status.clone());
            Ok(new)
        };
        let options = WriteOptions {
            subresource: "status",
            ..WriteOptions::default()
        };
        let writer = self
            .registry
            .writer(row("ResourceQuota"), &self.cx, &AlwaysAdmit);
        writer
            .update(QUOTA, &change, &options)
            .await
            .expect("counted");
    }

    async fn used(&self) -> Value {
        let quota = self.registry.get(row("ResourceQuota"), QUOTA).await;
        let quota = quota.expect("it is there").to_object().expect("JSON");
        quota.at("/status/used").cloned().unwrap_or_default()
    }
}

#[tokio::test]
async fn many_clients_share_what_is_left() {
    let world = World::new();
    world
        .quota(json!({"configmaps": "10"}), json!({"configmaps": "0"}))
        .await;
    let before = world.store.layer.writes.load(Ordering::Relaxed);
    let names: Vec<String> = (0..64).map(|n| format!("m{n}")).collect();
    let made = join_all(names.iter().map(|name| world.config_map(name))).await;
    let refused: Vec<_> = made.iter().filter_map(|made| made.as_ref().err()).collect();
    assert_eq!(refused.len(), 54);
    for error in refused {
        assert_eq!(error.code(), 403);
        let text = "is forbidden: exceeded quota: q, requested: configmaps=1, used: \
                    configmaps=10, limited: configmaps=10";
        assert!(error.to_string().ends_with(text), "{error}");
    }
    assert_eq!(world.used().await, json!({"configmaps": "10"}));
    let written = world.store.layer.writes.load(Ordering::Relaxed) - before;
    let conflicts = world.store.layer.conflicts.load(Ordering::Relaxed);
    assert_eq!((written, conflicts), (10, 0), "each waits for its turn");
}

#[tokio::test]
async fn nothing_slips_past_a_quota_that_is_being_made() {
    let world = World::new();
    let writer = world
        .registry
        .writer(row("ConfigMap"), &world.cx, &AlwaysAdmit);
    let object = json!({"metadata": {"name": "a", "namespace": "n"}});
    let object = Object::from_value(object).expect("an object");
    let mut ops = Vec::new();
    let turn = writer.charge("", None, &object, &mut ops).await;
    assert!(turn.expect("no quota yet").is_none());
    let none = || json!({"configmaps": "0"});
    world.quota(none(), none()).await;
    let late = world.store.txn(ops, TraceId::NONE).await;
    assert!(matches!(late, Err(Error::Conflict { .. })), "{late:?}");
    let refused = world.config_map("a").await.expect_err("nothing is allowed");
    assert_eq!(refused.code(), 403);
}

#[tokio::test]
async fn only_what_is_kept_is_charged() {
    let world = World::new();
    world
        .quota(
            json!({"services": "9", "services.nodeports": "2", "count/resourcequotas": "1"}),
            json!({"services": "0", "services.nodeports": "0", "count/resourcequotas": "1"}),
        )
        .await;
    let service = |type_: &str| {
        json!({"metadata": {"name": "s", "namespace": "n"},
            "spec": {"type": type_, "ports": [{"port": 80, "name": "a"}, {"port": 81, "name": "b"}]}})
    };
    let used = |services: &str, ports: &str| json!({"services": services, "services.nodeports": ports, "count/resourcequotas": "1"});
    world
        .write("Service", service("ClusterIP"), true)
        .await
        .expect("it would go");
    assert_eq!(
        world.used().await,
        used("0", "0"),
        "a dry run costs nothing"
    );
    world
        .write("Service", service("ClusterIP"), false)
        .await
        .expect("it goes");
    assert_eq!(world.used().await, used("1", "0"));
    world
        .write("Service", service("ClusterIP"), false)
        .await
        .expect_err("its name is taken");
    assert_eq!(
        world.used().await,
        used("1", "0"),
        "a refused write costs nothing"
    );

    let writer = world
        .registry
        .writer(row("Service"), &world.cx, &AlwaysAdmit);
    let change = |old: &Object| {
        let mut new = old.clone();
        new.map_mut("spec").insert("type".into(), "NodePort".into());
        Ok(new)
    };
    let target = Target {
        namespace: "n",
        name: "s",
    };
    let options = WriteOptions::default();
    writer
        .update(target, &change, &options)
        .await
        .expect("two ports are left");
    assert_eq!(world.used().await, used("1", "2"));
    let mut third = service("NodePort");
    third["metadata"]["name"] = "t".into();
    let refused = world
        .write("Service", third.clone(), true)
        .await
        .expect_err("no ports are left");
    assert_eq!(
        refused.to_string(),
        "services \"t\" is forbidden: exceeded quota: q, requested: services.nodeports=2, used: \
         services.nodeports=2, limited: services.nodeports=2"
    );
    let second = json!({"metadata": {"name": "r", "namespace": "n"}, "spec": {"hard": {}}});
    let refused = world
        .write("ResourceQuota", second, false)
        .await
        .expect_err("one is enough");
    assert_eq!(refused.code(), 403);
}

#[tokio::test]
async fn a_namespace_takes_its_marker_with_it() {
    let world = World::new();
    let namespace = json!({"metadata": {"name": "n"}});
    let writer = world
        .registry
        .writer(row("Namespace"), &world.cx, &AlwaysAdmit);
    let namespace = Object::from_value(namespace).expect("an object");
    let options = WriteOptions::default();
    writer.create("", namespace, &options).await.expect("made");
    world.quota(json!({}), json!({})).await;
    let marked = || async {
        look(&world.registry, &marker("n"))
            .await
            .expect("a read")
            .is_some()
    };
    assert!(marked().await);
    let target = Target {
        namespace: "",
        name: "n",
    };
    writer
        .delete(target, &DeleteOptions::default())
        .await
        .expect("marked");
    let finalize = |old: &Object| {
        let mut new = old.clone();
        new.map_mut("spec").remove("finalizers");
        Ok(new)
    };
    let options = WriteOptions {
        subresource: "finalize",
        ..WriteOptions::default()
    };
    // The last finalizer takes the namespace away.
    writer
        .update(target, &finalize, &options)
        .await
        .expect("gone");
    assert!(!marked().await);
}
