//! The cache against a server that works: at rest it is what a list says.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use api::{ConfigMap, Kind, Pod};
use base::{Clock, Shutdown};
use client::ListWatchSource;
use client::testing::FakeServer;

use super::while_time_passes;
use crate::{Informer, Informers, by_node};

fn map(name: &str, value: u64) -> ConfigMap {
    let mut map = ConfigMap::default();
    map.metadata.name = Some(name.to_owned());
    map.metadata.namespace = Some("n".to_owned());
    map.data = Some([("value".to_owned(), value.to_string())].into());
    map
}

/// Whether cache and server hold the same objects at the same revisions.
fn agree(informer: &Informer, server: &FakeServer) -> bool {
    let cached = informer.list();
    let cached = cached
        .iter()
        .map(|o| api::decode::<ConfigMap>(o).expect("decodes"));
    cached.collect::<Vec<_>>() == server.list::<ConfigMap>()
}

/// The middle bits of a linear congruential generator: the same run for the same seed.
fn random(state: &mut u64, below: u64) -> u64 {
    *state = state
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1_442_695_040_888_963_407);
    (*state >> 33) % below
}

/// 400 random changes with breaks, compactions and silence in between. `by_requests` takes the
/// same road as HTTPS.
async fn run(seed: u64, by_requests: bool, drop_one: bool) -> bool {
    let (clock, hands) = Clock::manual(jiff::Timestamp::UNIX_EPOCH);
    let server = FakeServer::new(clock.clone());
    let source: Arc<dyn ListWatchSource> = if by_requests {
        Arc::new(server.client())
    } else {
        Arc::new(server.clone())
    };
    let shutdown = Shutdown::new();
    let informer = Informers::new(source, clock, shutdown.clone()).of(&ConfigMap::GVR);
    let mut state = seed;
    for step in 0..400 {
        let name = format!("m{}", random(&mut state, 12));
        match random(&mut state, 12) {
            0 => server.break_watches(),
            1 => {
                server.compact();
                server.break_watches();
            }
            2 => {
                server.skip_revisions(3);
            }
            3..=5 => {
                server.remove(&ConfigMap::GVR, "n", &name);
            }
            _ => {
                server.put(&map(&name, step));
            }
        }
        if random(&mut state, 4) == 0 {
            tokio::task::yield_now().await;
        }
    }
    while_time_passes(&hands, informer.caught_up(server.revision())).await;
    if drop_one {
        server.drop_next_event("configmaps");
    }
    server.put(&map("last", 0));
    while_time_passes(&hands, informer.caught_up(server.revision())).await;
    shutdown.stop();
    agree(&informer, &server)
}

#[tokio::test]
async fn at_rest_the_cache_is_what_a_list_says() {
    for seed in 0..10 {
        for by_requests in [false, true] {
            assert!(
                run(seed, by_requests, false).await,
                "seed {seed}, {by_requests}"
            );
        }
    }
}

/// The control: were an event lost, the comparison above would show it.
#[tokio::test]
async fn a_lost_event_is_noticed() {
    assert!(!run(1, false, true).await);
}

#[tokio::test]
async fn a_late_handler_sees_what_there_is_and_a_panic_harms_nobody() {
    let (clock, hands) = Clock::manual(jiff::Timestamp::UNIX_EPOCH);
    let server = FakeServer::new(clock.clone());
    server.put(&map("a", 1));
    let shutdown = Shutdown::new();
    let informer = Informers::new(Arc::new(server.clone()), clock, shutdown.clone());
    let informer = informer.of(&ConfigMap::GVR);
    while_time_passes(&hands, informer.synced()).await;
    let seen = Arc::new(AtomicUsize::new(0));
    let counter = seen.clone();
    informer.on_change(|_| panic!("as planned"));
    informer.on_change(move |_| {
        counter.fetch_add(1, Ordering::SeqCst);
    });
    assert_eq!(seen.load(Ordering::SeqCst), 1);
    server.put(&map("b", 1));
    while_time_passes(&hands, informer.caught_up(server.revision())).await;
    shutdown.stop();
    assert_eq!((seen.load(Ordering::SeqCst), informer.list().len()), (2, 2));
}

#[tokio::test]
async fn listers_decode_and_look_up_by_index() {
    let (clock, hands) = Clock::manual(jiff::Timestamp::UNIX_EPOCH);
    let server = FakeServer::new(clock.clone());
    let shutdown = Shutdown::new();
    let informers = Informers::new(Arc::new(server.clone()), clock, shutdown.clone());
    let pods = informers.lister::<Pod>().with_index("node", by_node);
    for (name, node) in [("a", Some("x")), ("b", Some("y")), ("c", None)] {
        let mut pod = Pod::default();
        pod.metadata.name = Some(name.to_owned());
        pod.metadata.namespace = Some("n".to_owned());
        pod.spec = Some(api::PodSpec {
            node_name: node.map(str::to_owned),
            ..api::PodSpec::default()
        });
        server.put(&pod);
    }
    let same = informers.lister::<Pod>();
    while_time_passes(&hands, same.informer().caught_up(server.revision())).await;
    shutdown.stop();
    let names = |pods: Vec<Pod>| pods.iter().map(|p| p.name().to_owned()).collect::<Vec<_>>();
    assert_eq!(names(pods.by_index("node", "x")), ["a"]);
    assert_eq!(names(same.by_index("node", "")), ["c"]);
    assert_eq!(names(same.list_in("n")), ["a", "b", "c"]);
    assert_eq!(same.get("n", "b"), server.get::<Pod>("n", "b"));
}
