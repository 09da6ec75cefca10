//! A list that is read while it is answered holds a part of it at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use base::{Clock, TraceId};
use bytes::Bytes;
use registry::{Allocation, ListOptions, Registry};
use store::testing::{Layer, Layered};
use store::{BoxFuture, Expect, MemStore, Op, Options, Page, Store};

/// Counts the bytes that were listed and are still held, as if read from a disk.
struct Counting(Arc<AtomicUsize>);

/// A value that somebody holds.
struct Held {
    value: Bytes,
    held: Arc<AtomicUsize>,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.value
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.held.fetch_sub(self.value.len(), Ordering::Relaxed);
    }
}

impl Layer for Counting {
    fn listed<'a>(&'a self, mut page: Page) -> BoxFuture<'a, Page> {
        for item in &mut page.items {
            self.0.fetch_add(item.value.len(), Ordering::Relaxed);
            item.value = Bytes::from_owner(Held {
                value: item.value.clone(),
                held: self.0.clone(),
            });
        }
        Box::pin(std::future::ready(page))
    }
}

const COUNT: usize = 10_000;
const SIZE: usize = 4_800;

/// Ten thousand ConfigMaps of the size of a pod.
async fn filled() -> (Registry, Arc<Layered<Counting>>) {
    filled_with(COUNT, |_| SIZE).await
}

/// So many ConfigMaps, of this size in each ten, as the registry stores them.
async fn filled_with(
    count: usize,
    size: impl Fn(usize) -> usize,
) -> (Registry, Arc<Layered<Counting>>) {
    let (clock, _hands) = Clock::manual("2026-01-10T12:00:00Z".parse().expect("a time"));
    let store = Arc::new(Layered {
        store: MemStore::new(Options::new(clock.clone())),
        layer: Counting(Arc::default()),
    });
    for part in 0..count / 10 {
        let padding = "x".repeat(size(part));
        let ops = (0..10).map(|index| {
            // The header of format 1, of an object without a place for its revision.
            let mut value = vec![1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff];
            let name = format!("m{part:04}-{index}");
            let json = format!(r#"{{"data":{{"x":"{padding}"}},"metadata":{{"name":"{name}"}}}}"#);
            value.extend(json.bytes());
            Op::Put {
                key: format!("/registry/configmaps/default/{name}").into(),
                value: value.into(),
                expect: Expect::Any,
                ttl: None,
            }
        });
        let written = store.txn(ops.collect(), TraceId::NONE).await;
        written.expect("a store in memory writes");
    }
    let registry = Registry::new(store.clone(), clock, Allocation::default());
    (registry, store)
}

/// The most bytes of values that were held at once, and how many items came.
async fn most_held(options: &ListOptions) -> (usize, usize) {
    most_held_of(COUNT, |_| SIZE, options).await
}

async fn most_held_of(
    objects: usize,
    size: impl Fn(usize) -> usize,
    options: &ListOptions,
) -> (usize, usize) {
    let (registry, store) = filled_with(objects, size).await;
    let row = resources::by_kind("", "ConfigMap").expect("a row of the table");
    let listing = registry.listing(row, Some("default"), options).await;
    let mut listing = listing.expect("a list");
    let (mut most, mut count) = (0, 0);
    while let Some(items) = listing.next().await.expect("a page") {
        most = most.max(store.layer.0.load(Ordering::Relaxed));
        count += items.len();
    }
    assert!(listing.end().is_some(), "the end is known at the end");
    (most, count)
}

#[tokio::test]
async fn a_long_list_is_held_in_parts() {
    let (most, count) = most_held(&ListOptions::default()).await;
    assert_eq!(count, COUNT);
    assert!(most < COUNT * SIZE / 5, "{most} of {}", COUNT * SIZE);
}

#[tokio::test]
async fn so_is_a_large_page_of_a_client() {
    let options = ListOptions {
        limit: COUNT - 1,
        ..ListOptions::default()
    };
    let (most, count) = most_held(&options).await;
    assert_eq!(count, COUNT - 1);
    assert!(most < COUNT * SIZE / 5, "{most} of {}", COUNT * SIZE);
}

#[tokio::test]
async fn heavy_objects_are_held_a_few_at_a_time() {
    let options = |limit| ListOptions {
        limit,
        ..ListOptions::default()
    };
    for limit in [0, 100] {
        let (most, count) = most_held_of(120, |_| 1_000_000, &options(limit)).await;
        assert_eq!(count, if limit == 0 { 120 } else { limit });
        assert!(most < 6_000_000, "{most} with limit {limit}");
    }
    // Light ones do not vouch for those that follow.
    for limit in [0, 700] {
        let size = |ten| if ten < 60 { 10 } else { 1_000_000 };
        let (most, count) = most_held_of(720, size, &options(limit)).await;
        assert_eq!(count, if limit == 0 { 720 } else { limit });
        assert!(most < 6_000_000, "{most} with limit {limit}");
    }
}

/// Control: all at once holds all.
#[tokio::test]
async fn a_whole_list_is_held_whole() {
    let (registry, store) = filled().await;
    let row = resources::by_kind("", "ConfigMap").expect("a row of the table");
    let options = ListOptions::default();
    let listed = registry.list(row, Some("default"), &options).await;
    let listed = listed.expect("a list");
    assert_eq!(listed.items.len(), COUNT);
    assert!(store.layer.0.load(Ordering::Relaxed) > COUNT * SIZE);
}
