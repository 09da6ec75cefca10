//! Many clients at once on the same thing.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, OnceLock, Weak, mpsc};
use std::time::Duration;

use base::TraceId;
use futures::future::join_all;
use serde_json::{Value, json};
use store::testing::{Layer, Layered};
use store::{BoxFuture, MemStore, Op, Revision, Store as _};

use crate::world::{Said, World};

const MAPS: &str = "/api/v1/namespaces/default/configmaps";
const CLIENTS: usize = 32;
/// More than this is worked on beside the workers.
const LARGE: usize = 256 * 1024;

/// Runs one client per number, on several threads, and gathers what they give.
async fn all<F, T>(world: &Arc<World>, client: impl Fn(Arc<World>, usize) -> F) -> Vec<T>
where
    F: Future<Output = T> + Send + 'static,
    T: Send + 'static,
{
    let clients = (0..CLIENTS).map(|number| tokio::spawn(client(world.clone(), number)));
    let ended = join_all(clients).await.into_iter();
    ended.map(|end| end.expect("a client ends well")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn patches_without_a_version_are_all_applied() {
    let world = Arc::new(World::new().await);
    world
        .create(MAPS, &json!({"metadata": {"name": "a"}}))
        .await;
    let revisions = all(&world, |world, number| async move {
        let patch = json!({"data": {number.to_string(): "x"}});
        world.merge(&format!("{MAPS}/a"), &patch).await.revision()
    });
    let revisions: BTreeSet<u64> = revisions.await.into_iter().collect();
    assert_eq!(revisions.len(), CLIENTS);
    let stored = world.get(&format!("{MAPS}/a")).await.json();
    assert_eq!(
        stored["data"].as_object().map(serde_json::Map::len),
        Some(CLIENTS)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn updates_at_one_version_succeed_once() {
    let world = Arc::new(World::new().await);
    let created = world
        .create(MAPS, &json!({"metadata": {"name": "a"}}))
        .await;
    let codes = all(&world, |world, number| {
        let mut object = created.json();
        object["data"] = json!({"by": number.to_string()});
        async move {
            let said = Said::json(&object);
            world
                .ask("PUT", &format!("{MAPS}/a"), &said)
                .await
                .code
                .as_u16()
        }
    });
    let codes = codes.await;
    assert_eq!(
        codes.iter().filter(|code| **code == 200).count(),
        1,
        "{codes:?}"
    );
    assert_eq!(
        codes.iter().filter(|code| **code == 409).count(),
        CLIENTS - 1
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn generated_names_and_addresses_are_unique() {
    let world = Arc::new(World::new().await);
    let services = all(&world, |world, _| async move {
        let service = json!({
            "metadata": {"generateName": "web-"},
            "spec": {"type": "NodePort", "ports": [{"port": 80}]},
        });
        let path = "/api/v1/namespaces/default/services";
        world.create(path, &service).await.json()
    });
    let services = services.await;
    for pointer in [
        "/metadata/name",
        "/spec/clusterIP",
        "/spec/ports/0/nodePort",
    ] {
        let values = services.iter().map(|service| {
            let value = service.pointer(pointer).unwrap_or(&Value::Null);
            value.to_string()
        });
        let unique: BTreeSet<String> = values.collect();
        assert_eq!(unique.len(), CLIENTS, "{pointer}: {unique:?}");
    }
    let named = |service: &Value| {
        let name = service["metadata"]["name"].as_str().unwrap_or_default();
        name.len() == 9 && name.starts_with("web-")
    };
    assert!(services.iter().all(named));
}

/// What is created while its namespace is deleted is either refused or seen by who deletes.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_slips_into_a_namespace_that_ends() {
    let world = Arc::new(World::new().await);
    world
        .create("/api/v1/namespaces", &json!({"metadata": {"name": "shop"}}))
        .await;
    let outcomes = all(&world, |world, number| async move {
        if number == CLIENTS / 2 {
            let uri = "/api/v1/namespaces/shop";
            let ended = world.expect(200, "DELETE", uri, &Said::nothing()).await;
            return (200, ended.revision());
        }
        let said = Said::json(&json!({"metadata": {"generateName": "late-"}}));
        let uri = "/api/v1/namespaces/shop/configmaps";
        let answer = world.ask("POST", uri, &said).await;
        let code = answer.code.as_u16();
        (code, if code == 201 { answer.revision() } else { 0 })
    });
    let outcomes = outcomes.await;
    let ended = outcomes.iter().find(|(code, _)| *code == 200);
    let ended = ended.map(|(_, revision)| *revision).expect("a deletion");
    for (code, revision) in outcomes {
        let fits = match code {
            200 => true,
            201 => revision < ended,
            other => other == 403,
        };
        assert!(fits, "{code} at {revision}, ended at {ended}");
    }
}

/// Keeps the thread that writes a ConfigMap, until another request is answered.
#[derive(Default)]
struct Work {
    world: OnceLock<Weak<World>>,
    /// Whether another was answered, of each write.
    answered: Mutex<Vec<bool>>,
}

struct Working(Arc<Work>);

impl Working {
    fn work(&self, size: usize) {
        let Some(world) = self.0.world.get().and_then(Weak::upgrade) else {
            return;
        };
        let (say, hear) = mpsc::channel();
        tokio::spawn(async move {
            world.get("/api/v1/namespaces/default").await;
            // Who has gone on already does not hear it.
            let _ = say.send(());
        });
        let patience = if size > LARGE { 30_000 } else { 300 };
        let heard = hear.recv_timeout(Duration::from_millis(patience)).is_ok();
        self.0.answered.lock().expect("no panic").push(heard);
    }
}

impl Layer for Working {
    fn txn<'a>(
        &'a self,
        store: &'a MemStore,
        ops: Vec<Op>,
        trace: TraceId,
    ) -> BoxFuture<'a, Result<Revision, store::Error>> {
        for op in &ops {
            match op {
                Op::Put { key, value, .. } if key.contains("/configmaps/") => {
                    self.work(value.len());
                }
                _ => {}
            }
        }
        store.txn(ops, trace)
    }
}

/// The control is in the rows: while a small object is worked on, the only worker has no time.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn others_are_answered_while_a_large_object_is_worked_on() {
    let work = Arc::new(Work::default());
    let layer = Working(work.clone());
    let world = World::over(|store| Arc::new(Layered { store, layer })).await;
    let world = Arc::new(world);
    let weak = Arc::downgrade(&world);
    work.world.set(weak).expect("set once");
    let map = |name: &str, size: usize| {
        let data = json!({"a": "x".repeat(size)});
        Said::json(&json!({"metadata": {"name": name}, "data": data}))
    };
    let label = r#"{"metadata": {"labels": {"a": "b"}}}"#;
    let label = || Said::body("application/merge-patch+json", label);
    let one = |name: &str| format!("{MAPS}/{name}");
    let rows = [
        ("POST", MAPS.to_owned(), map("large", LARGE), true),
        ("PUT", one("large"), map("large", LARGE + 1), true),
        ("PATCH", one("large"), label(), true),
        ("POST", MAPS.to_owned(), map("small", 1000), false),
        ("PUT", one("small"), map("small", 1001), false),
        ("PATCH", one("small"), label(), false),
        ("PUT", one("small"), map("small", LARGE), true),
    ];
    for (verb, uri, said, expected) in rows {
        let world = world.clone();
        let asking = tokio::spawn(async move {
            let answer = world.ask(verb, &uri, &said).await;
            (answer.code.is_success(), uri)
        });
        let (is_done, uri) = asking.await.expect("no panic");
        assert!(is_done, "{verb} {uri}");
        let answered = work.answered.lock().expect("no panic").pop();
        assert_eq!(answered, Some(expected), "{verb} {uri}");
    }
}
