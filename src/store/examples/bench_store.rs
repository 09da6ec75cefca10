//! Numbers of `SledStore`: `cargo run -p store --example bench_store -- [directory]`.
//!
//! Prints puts/s with 1, 16 and 64 writers, gets/s, lists/s, then memory, opening and file size
//! after churn. The directory must be on the disk that is to be measured.

#![expect(
    clippy::disallowed_methods,
    reason = "a benchmark reads the real clock"
)]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use base::{Clock, TraceId};
use futures::future::join_all;
use store::{Expect, Op, Options, SledStore, Store};

const VALUE: usize = 1024;

fn open(path: &Path) -> SledStore {
    SledStore::open(path, Options::new(Clock::system())).expect("opens")
}

fn put(key: String, value: Vec<u8>) -> Op {
    Op::Put {
        key: key.into(),
        value: value.into(),
        expect: Expect::Any,
        ttl: None,
    }
}

fn key(number: usize) -> String {
    format!(
        "/registry/pods/namespace-{:03}/some-deployment-7d4b9c-{number:07}",
        number % 100
    )
}

fn per_second(count: usize, elapsed: Duration) -> f64 {
    let count = u32::try_from(count).expect("a benchmark's count");
    f64::from(count) / elapsed.as_secs_f64()
}

async fn puts(store: &SledStore, writers: usize, each: usize, keys: usize) -> f64 {
    let start = Instant::now();
    let work = (0..writers).map(|writer| async move {
        for round in 0..each {
            let key = key((writer * each + round) % keys);
            let op = put(key, vec![b'x'; VALUE]);
            store
                .txn(vec![op], TraceId::NONE)
                .await
                .expect("goes through");
        }
    });
    join_all(work).await;
    per_second(writers * each, start.elapsed())
}

async fn gets(store: &SledStore, count: usize, keys: usize) -> f64 {
    let start = Instant::now();
    for number in 0..count {
        let found = store
            .get(&key(number * 7919 % keys), None)
            .await
            .expect("readable");
        assert!(found.is_some());
    }
    per_second(count, start.elapsed())
}

async fn lists(store: &SledStore, count: usize, limit: usize) -> f64 {
    let start = Instant::now();
    for _ in 0..count {
        let page = store
            .list("/registry/pods/", None, None, limit)
            .await
            .expect("readable");
        assert_eq!(page.items.len(), limit);
    }
    per_second(count * limit, start.elapsed())
}

fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS"))
        .expect("always there");
    let kilobytes = line.split_whitespace().nth(1).expect("a number");
    kilobytes.parse::<u64>().expect("a number") * 1024
}

fn size(path: &Path) -> u64 {
    std::fs::metadata(path.join("sled/db"))
        .expect("there")
        .len()
        >> 20
}

/// Fills with many keys in large transactions.
async fn fill(store: &SledStore, keys: usize) {
    for start in (0..keys).step_by(2000) {
        let ops = (start..keys.min(start + 2000)).map(|number| put(key(number), vec![b'y'; 200]));
        store
            .txn(ops.collect(), TraceId::NONE)
            .await
            .expect("goes through");
    }
}

async fn many_keys(path: &Path, keys: usize) {
    let store = open(path);
    let before = resident();
    let start = Instant::now();
    fill(&store, keys).await;
    println!(
        "fill {keys} keys of 200 B: {:.1} s, file {} MiB",
        start.elapsed().as_secs_f64(),
        size(path)
    );
    let per_key = resident().saturating_sub(before) / keys as u64;
    println!("memory grown by {per_key} B/key (caches and rings included)");
    drop(store);
    let start = Instant::now();
    let store = open(path);
    println!(
        "open: {:.1} s, rss {} MiB",
        start.elapsed().as_secs_f64(),
        resident() >> 20
    );
    println!("gets, cold: {:.0}/s", gets(&store, 20_000, keys).await);
    println!(
        "list 500 of {keys}: {:.0} items/s",
        lists(&store, 100, 500).await
    );
}

/// Overwrites few keys again and again, compacting as it goes.
async fn churn(path: &Path, rounds: usize) {
    let store = open(path);
    for round in 0..rounds {
        puts(&store, 64, 500, 2000).await;
        store.compact(store.revision()).await.expect("compacts");
        println!(
            "churn {round}: {} MiB written, file {} MiB",
            (round + 1) * 32,
            size(path)
        );
    }
}

#[tokio::main]
async fn main() {
    let argument = std::env::args().nth(1);
    let root: PathBuf = argument.map_or_else(std::env::temp_dir, PathBuf::from);
    let root = root.join(format!("bench-store-{}", std::process::id()));
    let speed = root.join("speed");
    let store = open(&speed);
    for (writers, each) in [(1, 2000), (16, 1000), (64, 500)] {
        let rate = puts(&store, writers, each, 10_000).await;
        println!("puts of 1 KiB, {writers} writers: {rate:.0}/s");
    }
    println!("gets: {:.0}/s", gets(&store, 50_000, 10_000).await);
    println!("list 500: {:.0} items/s", lists(&store, 500, 500).await);
    drop(store);
    churn(&root.join("churn"), 10).await;
    let keys = std::env::var("KEYS").map_or(200_000, |keys| keys.parse().expect("a number"));
    many_keys(&root.join("many"), keys).await;
    std::fs::remove_dir_all(&root).expect("removable");
}
