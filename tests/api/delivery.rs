//! How lists and watches reach clients: in chunks, and from lines that are made once.

use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use base::Clock;
use bytes::Bytes;
use client::ByteStream;
use futures::StreamExt;
use serde_json::{Value, json};
use store::testing::{Layer, Layered};
use store::{BoxFuture, Page};
use tokio::sync::{Barrier, Semaphore, watch};

use crate::wire::within;
use crate::world::{Said, World};

const MAPS: &str = "/api/v1/namespaces/default/configmaps";
const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io";

/// Makes `count` objects, each of a little more than so many bytes.
async fn fill(world: &World, count: usize, bytes: usize) {
    let padding = "x".repeat(bytes);
    for index in 0..count {
        let map = json!({"metadata": {"name": format!("m{index:04}")}, "data": {"x": padding}});
        world.create(MAPS, &map).await;
    }
}

async fn chunks(body: ByteStream) -> Vec<Bytes> {
    let chunks: Vec<_> = body.collect().await;
    let whole = chunks.into_iter().map(|chunk| chunk.expect("a chunk"));
    whole.collect()
}

#[tokio::test]
async fn a_long_list_comes_in_chunks_of_bounded_size() {
    let world = World::new().await;
    fill(&world, 600, 4_000).await;
    let rows = [
        (MAPS.to_owned(), "application/json", 10, "items"),
        (format!("{MAPS}?limit=590"), "application/json", 10, "items"),
        (format!("{MAPS}?includeObject=Object"), TABLE, 10, "rows"),
    ];
    for (uri, accept, at_least, items) in rows {
        let answer = world.send("GET", &uri, &Said::accepting(accept)).await;
        let chunks = chunks(answer.into_body()).await;
        assert!(chunks.len() >= at_least, "{uri}: {}", chunks.len());
        assert!(chunks.iter().all(|chunk| chunk.len() < 256 * 1024), "{uri}");
        let list: Value = serde_json::from_slice(&chunks.concat()).expect("JSON");
        let limited = uri.contains("limit");
        let count = list[items].as_array().map_or(0, Vec::len);
        assert_eq!(count, if limited { 590 } else { 600 }, "{uri}");
        assert_eq!(list["metadata"]["continue"].is_string(), limited, "{uri}");
        assert!(list["metadata"]["resourceVersion"].is_string(), "{uri}");
        if limited {
            assert_eq!(list["metadata"]["remainingItemCount"], 10);
        }
    }
    let short = world
        .send("GET", &format!("{MAPS}?limit=3"), &Said::nothing())
        .await;
    assert_eq!(chunks(short.into_body()).await.len(), 1);
}

fn accepting_gzip(mut said: Said) -> Said {
    let accepts = ("Accept-Encoding".to_owned(), "gzip".to_owned());
    said.headers.push(accepts);
    said
}

/// Controls, seen to go red: with a limit of 1 MiB the objects come plain; without a look at the
/// length the short ones come in gzip; without one at what may last, the watch does.
#[tokio::test]
async fn large_answers_are_compressed_for_those_who_accept_it() {
    let world = World::new().await;
    fill(&world, 100, 4_000).await;
    let sized = |name: &str, size: usize| {
        let data = json!({"x": "abcdefgh".repeat(size / 8)});
        json!({"metadata": {"name": name}, "data": data})
    };
    world.create(MAPS, &sized("large", 300_000)).await;
    world.create(MAPS, &sized("edge", 120_000)).await;
    let (nothing, accepting) = (Said::nothing, Said::accepting);
    let object = |name, size| Said::json(&sized(name, size));
    let label = r#"{"metadata": {"labels": {"a": "b"}}}"#;
    let label = || Said::body("application/merge-patch+json", label);
    let discovery = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
    let map = |name: &str| format!("{MAPS}/{name}");
    let maps = |query: &str| format!("{MAPS}?{query}");
    let rows = [
        (true, "GET", maps(""), nothing()),
        (true, "GET", maps("limit=40"), nothing()),
        (false, "GET", maps("limit=1"), nothing()),
        (true, "GET", maps("pretty=1"), nothing()),
        (true, "GET", maps(""), accepting("application/yaml")),
        (true, "GET", maps("includeObject=Object"), accepting(TABLE)),
        (true, "GET", map("large"), nothing()),
        (true, "HEAD", map("large"), nothing()),
        (true, "GET", map("large"), accepting("application/yaml")),
        (false, "GET", map("large"), accepting(TABLE)),
        (false, "GET", map("edge"), nothing()),
        (true, "PATCH", map("large"), label()),
        (false, "PATCH", map("edge"), label()),
        (true, "PUT", map("large"), object("large", 300_000)),
        (true, "POST", maps("dryRun=All"), object("new", 300_000)),
        (false, "POST", maps("dryRun=All"), object("new", 3_000)),
        (false, "GET", "/apis".to_owned(), accepting(discovery)),
        (true, "GET", "/openapi/v2".to_owned(), nothing()),
        (false, "GET", "/version".to_owned(), nothing()),
    ];
    for (is_large, method, uri, said) in rows {
        is_packed(&world, is_large, (method, &uri), said).await;
    }
    let watch = maps("watch=1&resourceVersion=0&allowWatchBookmarks=true");
    let said = accepting_gzip(Said::nothing());
    let answer = world.send("GET", &watch, &said).await;
    assert!(answer.headers().get("content-encoding").is_none());
}

/// That an answer comes in gzip, once, if it is large and gzip is accepted.
async fn is_packed(world: &World, is_large: bool, (method, uri): (&str, &str), said: Said) {
    let plain = world.ask(method, uri, &said).await;
    assert!(plain.code.is_success(), "{method} {uri}: {plain:?}");
    assert!(plain.headers.get("content-encoding").is_none(), "{uri}");
    let answer = world.ask(method, uri, &accepting_gzip(said)).await;
    let header = |name: &str| -> Vec<&[u8]> {
        let values = answer.headers.get_all(name).iter();
        values.map(|value| value.as_bytes()).collect()
    };
    let expected: &[&[u8]] = if is_large { &[b"gzip"] } else { &[] };
    assert_eq!(header("content-encoding"), expected, "{method} {uri}");
    let varies = header("vary").concat();
    let varies = String::from_utf8_lossy(&varies);
    assert_eq!(
        varies.contains("Accept-Encoding"),
        is_large,
        "{method} {uri}"
    );
    let mut shown = answer.body.to_vec();
    if is_large && method != "HEAD" {
        assert!(shown.len() < plain.body.len() / 2, "{method} {uri}");
        shown.clear();
        let mut decoder = flate2::read::GzDecoder::new(answer.body.as_ref());
        decoder.read_to_end(&mut shown).expect("gzip");
    }
    // What is written anew has another revision or UID.
    assert_eq!(shown.len(), plain.body.len(), "{method} {uri}");
    assert!(method != "GET" || shown == plain.body, "{uri}");
}

/// A store whose last page of many objects comes when it is let through.
#[derive(Clone)]
struct Pages {
    /// How many have been asked for.
    read: watch::Sender<usize>,
    last: Arc<Semaphore>,
}

impl Pages {
    /// Waits until so many pages have been asked for, and nothing more happens.
    async fn read(&self, count: usize) {
        let mut read = self.read.subscribe();
        let asked = within(read.wait_for(|read| *read >= count)).await;
        drop(asked.expect("never closed"));
        // All is in memory and on one thread: who could go on has done so after a few turns.
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        assert_eq!(*self.read.borrow(), count);
    }
}

impl Layer for Pages {
    fn listed<'a>(&'a self, page: Page) -> BoxFuture<'a, Page> {
        Box::pin(async move {
            if page.items.len() > 10 {
                self.read.send_modify(|read| *read += 1);
                if !page.more {
                    self.last.acquire().await.expect("never closed").forget();
                }
            }
            page
        })
    }
}

/// Controls, seen to go red: without the deadline the first text is still waited for; with turns
/// for two the second reads on.
#[tokio::test]
async fn a_text_that_does_not_come_keeps_its_turn_for_a_minute_at_most() {
    let pages = Pages {
        read: watch::Sender::new(0),
        last: Arc::new(Semaphore::new(0)),
    };
    let layer = pages.clone();
    let world = World::over(|store| Arc::new(Layered { store, layer })).await;
    let world = Arc::new(world);
    fill(&world, 600, 2_500).await;
    let text = || {
        let (world, uri) = (world.clone(), format!("{MAPS}?pretty=true"));
        tokio::spawn(async move { world.ask("GET", &uri, &Said::nothing()).await })
    };
    // The first has its turn from the first of two pages on; the second waits for its own.
    let first = text();
    pages.read(2).await;
    let second = text();
    pages.read(3).await;
    let (uri, said) = (format!("{MAPS}/m0000?pretty=true"), Said::nothing());
    let short = within(world.ask("GET", &uri, &said)).await;
    assert_eq!(short.code, 200, "a short text needs no turn");
    assert!(!first.is_finished() && !second.is_finished());
    world.hands.advance(Duration::from_secs(60));
    for text in [first, second] {
        let answer = within(text).await.expect("no panic");
        assert_eq!(answer.code, 504);
        assert_eq!(answer.text("/reason"), "Timeout");
    }
    pages.last.add_permits(1);
    let third = within(text()).await.expect("no panic");
    assert_eq!(third.code, 200);
    assert_eq!(third.json()["items"].as_array().map_or(0, Vec::len), 600);
}

/// One of many watchers.
struct Watcher {
    world: Arc<World>,
    clock: Clock,
    said: Said,
    /// Passed when all have begun.
    begun: Arc<Barrier>,
}

impl Watcher {
    /// When each line came, and where its bytes are; `None` where small ones came together.
    async fn follow(self, after: u64) -> Vec<(Duration, Option<usize>)> {
        let uri = format!("{MAPS}?watch=true&resourceVersion={after}");
        let answer = self.world.send("GET", &uri, &self.said).await;
        self.begun.wait().await;
        let mut body = answer.into_body();
        let mut seen = Vec::new();
        while seen.len() < WRITES {
            let chunk = body.next().await.expect("a watch goes on");
            let chunk = chunk.expect("a chunk");
            let lines = chunk.iter().filter(|byte| **byte == b'\n').count();
            let place = (lines == 1).then(|| chunk.as_ptr().addr());
            seen.extend(std::iter::repeat_n((self.clock.monotonic(), place), lines));
        }
        seen
    }
}

const WRITES: usize = 20;

/// The lag that 99 of 100 deliveries stay below; run with `--nocapture` to see it.
async fn fan_out(watchers: usize, said: Said) -> Duration {
    // Of metadata they are small.
    let is_large = said.headers.is_empty();
    let (world, clock) = (Arc::new(World::new().await), Clock::system());
    let after = world.get(MAPS).await.revision();
    let begun = Arc::new(Barrier::new(watchers + 1));
    let following: Vec<_> = (0..watchers)
        .map(|_| {
            let watcher = Watcher {
                world: world.clone(),
                clock: clock.clone(),
                said: said.clone(),
                begun: begun.clone(),
            };
            tokio::spawn(watcher.follow(after))
        })
        .collect();
    begun.wait().await;
    let padding = "x".repeat(4_000);
    let mut written = Vec::new();
    for index in 0..WRITES {
        let map = json!({"metadata": {"name": format!("w{index}")}, "data": {"x": padding}});
        world.create(MAPS, &map).await;
        written.push(clock.monotonic());
        tokio::task::yield_now().await;
    }
    let mut lags = Vec::new();
    let mut places: Vec<Vec<usize>> = vec![Vec::new(); WRITES];
    for watcher in following {
        let seen = watcher.await.expect("a watcher ends well");
        for (index, (at, place)) in seen.into_iter().enumerate() {
            lags.push(at.saturating_sub(written[index]));
            assert!(place.is_some() || !is_large, "a large line comes alone");
            places[index].extend(place);
        }
    }
    for places in &mut places {
        places.dedup();
        assert!(places.len() <= 1, "one line for all watchers");
    }
    lags.sort_unstable();
    lags[lags.len() * 99 / 100]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_is_made_once_for_all_watchers() {
    for watchers in [100, 1_000] {
        let lag = fan_out(watchers, Said::nothing()).await;
        println!("{watchers} watchers: p99 {lag:?}");
    }
    let lag = fan_out(
        100,
        Said::accepting("application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"),
    )
    .await;
    println!("100 watchers of metadata: p99 {lag:?}");
}
