//! Another writer is first, just before the commit: what each write makes of it.
//!
//! Controls, each seen to go red: without the `Check` of `hooks::namespace::guard`, the create below
//! succeeds; with what was read before the turn, twenty changes of a large object are made 201 times.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use apimachinery::admission::AlwaysAdmit;
use apimachinery::{Object, RequestCx, StatusError};
use base::{Clock, TraceId};
use bytes::Bytes;
use registry::{Allocation, DeleteOptions, Deleted, Registry, Target, WriteOptions};
use resources::Resource;
use serde_json::{Value, json};
use store::testing::{Layer, Layered, Slow};
use store::{BoxFuture, Error, Expect, Limit, MemStore, Op, Options, Revision, Store};

/// What another writer does, given the operations that are about to be tried.
type Rival = Box<dyn FnOnce(&[Op]) -> Vec<Op> + Send>;

/// A rival commits just before the next transaction, once.
struct Racing(Mutex<Option<Rival>>);

impl Layer for Racing {
    fn txn<'a>(
        &'a self,
        store: &'a MemStore,
        ops: Vec<Op>,
        trace: TraceId,
    ) -> BoxFuture<'a, Result<Revision, Error>> {
        Box::pin(async move {
            let rival = self.0.lock().expect("nobody panicked").take();
            if let Some(rival) = rival {
                store.txn(rival(&ops), trace).await?;
            }
            store.txn(ops, trace).await
        })
    }
}

struct World {
    store: Arc<Layered<Racing>>,
    registry: Registry,
    cx: RequestCx,
}

impl World {
    fn new() -> Self {
        let (clock, _hands) = Clock::manual("2026-01-10T12:00:00Z".parse().expect("a time"));
        let store = Arc::new(Layered {
            store: MemStore::new(Options::new(clock.clone())),
            layer: Racing(Mutex::new(None)),
        });
        Self {
            registry: Registry::new(store.clone(), clock, Allocation::default()),
            store,
            cx: RequestCx::default(),
        }
    }

    fn race(&self, rival: impl FnOnce(&[Op]) -> Vec<Op> + Send + 'static) {
        *self.store.layer.0.lock().expect("nobody panicked") = Some(Box::new(rival));
    }

    async fn create(&self, kind: &str, object: Value) -> Result<Object, StatusError> {
        let object = Object::from_value(object).expect("an object");
        let writer = self.registry.writer(row(kind), &self.cx, &AlwaysAdmit);
        let namespace = object.namespace().to_owned();
        let options = WriteOptions::default();
        let created = writer.create(&namespace, object, &options);
        Ok(created.await?.to_object().expect("JSON"))
    }

    /// Sets one key of a ConfigMap's data.
    async fn set(&self, key: &'static str) -> Result<Object, StatusError> {
        let writer = self
            .registry
            .writer(row("ConfigMap"), &self.cx, &AlwaysAdmit);
        let change = |old: &Object| {
            let mut new = old.clone();
            new.map_mut("data").insert(key.to_owned(), "x".into());
            Ok(new)
        };
        let options = WriteOptions::default();
        let updated = writer.update(MAP, &change, &options);
        Ok(updated.await?.to_object().expect("JSON"))
    }
}

const MAP: Target<'static> = Target {
    namespace: "default",
    name: "a",
};

fn row(kind: &str) -> &'static Resource {
    resources::by_kind("", kind).expect("a kind of the table")
}

fn map() -> Value {
    json!({"metadata": {"name": "a", "namespace": "default"}})
}

/// The key and value of the last put: the object itself.
fn own(ops: &[Op]) -> (store::Key, Bytes) {
    match ops.last() {
        Some(Op::Put { key, value, .. }) => (key.clone(), value.clone()),
        other => panic!("{other:?}"),
    }
}

fn put(key: &str, value: Bytes) -> Vec<Op> {
    vec![Op::Put {
        key: key.into(),
        value,
        expect: Expect::Any,
        ttl: None,
    }]
}

#[tokio::test]
async fn a_change_is_made_again_on_what_the_rival_left() {
    let world = World::new();
    world.create("ConfigMap", map()).await.expect("created");
    // The rival stores the very object that this write would have stored: `first` is set then.
    world.race(|ops| {
        let (key, value) = own(ops);
        put(&key, value)
    });
    let first = world.set("first").await.expect("made again");
    assert_eq!(
        first.resource_version(),
        "3",
        "the rival's write says all of it"
    );
    let second = world.set("second").await.expect("no rival");
    assert_eq!(second["data"], json!({"first": "x", "second": "x"}));
}

#[tokio::test]
async fn a_taken_generated_name_is_made_anew() {
    let world = World::new();
    world.race(|ops| {
        let (key, value) = own(ops);
        put(&key, value)
    });
    let object = json!({"metadata": {"generateName": "a-", "namespace": "default"}});
    let created = world
        .create("ConfigMap", object)
        .await
        .expect("another name");
    assert_eq!(created.resource_version(), "3");
    let fixed = world.create("ConfigMap", map()).await;
    fixed.expect("the name is free");
    let again = world.create("ConfigMap", map()).await;
    assert_eq!(again.expect_err("taken").reason(), "AlreadyExists");
}

#[tokio::test]
async fn an_address_that_a_rival_takes_is_left_to_it() {
    let world = World::new();
    let service = |name: &str| {
        json!({"metadata": {"name": name, "namespace": "default"},
            "spec": {"ports": [{"port": 80}]}})
    };
    world.race(|ops| vec![ops[0].clone()]);
    let created = world
        .create("Service", service("a"))
        .await
        .expect("created");
    let taken = world
        .store
        .list("/allocated/cluster-ip/", None, None, Limit::NONE);
    let taken = taken.await.expect("a list").items;
    assert_eq!(taken.len(), 2, "the rival's address and the service's own");
    let address = created.at("/spec/clusterIP").and_then(Value::as_str);
    let key = format!("/allocated/cluster-ip/{}", address.expect("an address"));
    assert!(taken.iter().any(|item| *item.key == *key));
}

#[tokio::test]
async fn a_delete_meets_what_the_rival_left() {
    let world = World::new();
    world.create("ConfigMap", map()).await.expect("created");
    let key = "/registry/configmaps/default/a";
    let stored = world.store.get(key, None).await.expect("a read");
    let stored = stored.expect("it is there").value;
    world.race(move |_| put(key, stored));
    let writer = world
        .registry
        .writer(row("ConfigMap"), &world.cx, &AlwaysAdmit);
    let deleted = writer.delete(MAP, &DeleteOptions::default()).await;
    // What the rival left, at the revision of its end.
    assert!(matches!(deleted, Ok(Deleted::Gone(object)) if object.revision() == 4));
}

#[tokio::test]
async fn a_change_in_another_version_is_made_again_on_what_the_rival_left() {
    let world = World::new();
    let event = json!({"metadata": {"name": "a", "namespace": "default"}, "message": "first"});
    world.create("Event", event).await.expect("created");
    // The rival stores what this write would have stored, under the core group's names.
    world.race(|ops| {
        let (key, value) = own(ops);
        put(&key, value)
    });
    let newer = resources::by_resource("events.k8s.io", "v1", "events").expect("served");
    let writer = world.registry.writer(newer, &world.cx, &AlwaysAdmit);
    let change = |old: &Object| {
        let mut new = old.clone();
        let note = old["note"].as_str().expect("in the names of events.k8s.io");
        let series = json!({"count": 2, "lastObservedTime": "2026-01-10T11:59:00.000000Z"});
        assert_eq!((note, old.get("message")), ("first", None));
        new.insert("series".into(), series);
        Ok(new)
    };
    let updated = writer.update(MAP, &change, &WriteOptions::default()).await;
    let updated = updated.expect("made again");
    assert_eq!(updated.revision(), 3, "the rival's write says all of it");
    let stored = updated.to_object().expect("JSON");
    assert_eq!(stored["message"], "first", "answers are what is stored");
    let shown = registry::show(newer, &updated).expect("convertible");
    assert_eq!(shown.to_object().expect("JSON")["note"], "first");
}

#[tokio::test]
async fn an_eviction_holds_to_the_version_that_the_client_knew() {
    let world = World::new();
    let pod = json!({"metadata": {"name": "a", "namespace": "default"},
        "spec": {"nodeName": "n", "containers": [{"name": "c", "image": "i"}]}});
    let pod = world.create("Pod", pod).await.expect("created");
    let writer = world.registry.writer(row("Pod"), &world.cx, &AlwaysAdmit);
    let known = |version: &str| DeleteOptions {
        preconditions: registry::Preconditions {
            resource_version: Some(version.to_owned()),
            ..Default::default()
        },
        ..DeleteOptions::default()
    };
    let stale = writer.evict(MAP, &known("1")).await;
    assert_eq!(stale.expect_err("another version").reason(), "Conflict");
    let version = pod.resource_version();
    writer.evict(MAP, &known(version)).await.expect("evicted");
    let pod = world.registry.get(row("Pod"), MAP).await.expect("waits");
    let pod = pod.to_object().expect("JSON");
    assert!(pod.deletion_timestamp().is_some());
    let conditions = pod.at("/status/conditions").and_then(Value::as_array);
    let reasons: Vec<&Value> = conditions
        .into_iter()
        .flatten()
        .map(|c| &c["reason"])
        .collect();
    assert!(
        reasons.contains(&&json!("EvictionByEvictionAPI")),
        "{pod:?}"
    );
}

#[tokio::test]
async fn a_namespace_that_ends_just_before_the_commit_gets_nothing_new() {
    let world = World::new();
    let namespace = json!({"metadata": {"name": "default"}});
    world.create("Namespace", namespace).await.expect("created");
    let key = "/registry/namespaces/default";
    // The header of format 1, of an object without a place for its revision.
    let mut ending = vec![1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff];
    let metadata = json!({"name": "default", "deletionTimestamp": "2026-01-10T12:00:00Z"});
    ending.extend(json!({"metadata": metadata}).to_string().bytes());
    world.race(move |_| put(key, ending.into()));
    let refused = world.create("ConfigMap", map()).await;
    assert_eq!(refused.expect_err("too late").reason(), "Conflict");
}

/// Large objects are worked on two at a time: one of two is outrun, and who waits for a turn
/// begins with what is stored then.
#[tokio::test]
async fn who_waits_for_a_turn_is_not_outrun_meanwhile() {
    const WRITERS: usize = 20;
    let (clock, _hands) = Clock::manual("2026-01-10T12:00:00Z".parse().expect("a time"));
    let store = Layered {
        store: MemStore::new(Options::new(clock.clone())),
        layer: Slow::default(),
    };
    let registry = Registry::new(Arc::new(store), clock, Allocation::default());
    let cx = RequestCx::default();
    let writer = registry.writer(row("ConfigMap"), &cx, &AlwaysAdmit);
    let options = WriteOptions::default();
    let mut large = map();
    large["data"] = json!({"large": "x".repeat(300_000)});
    let large = Object::from_value(large).expect("an object");
    let created = writer.create("default", large, &options).await;
    created.expect("made");
    let made = AtomicUsize::new(0);
    let (counted, options, writer) = (&made, &options, &writer);
    let writes = (0..WRITERS).map(|number| async move {
        let change = |old: &Object| {
            counted.fetch_add(1, Relaxed);
            let mut new = old.clone();
            new.map_mut("data").insert(number.to_string(), "x".into());
            Ok(new)
        };
        writer.update(MAP, &change, options).await
    });
    for written in futures::future::join_all(writes).await {
        written.expect("written");
    }
    assert!(made.load(Relaxed) <= 2 * WRITERS, "{made:?}");
}
