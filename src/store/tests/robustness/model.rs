//! Random operations on [`SledStore`] and its model [`MemStore`]: every answer must be equal.

use std::path::Path;
use std::time::Duration;

use base::{Clock, TraceId};
use futures::StreamExt;
use store::{Error, Expect, Limit, MemStore, Op, Options, Revision, SledStore, Store, WatchItem};

use crate::rng::{self, Rng};

const PREFIXES: [&str; 5] = ["", "/r/a/", "/r/b/", "/r/b/1", "/r/"];

/// Both stores, always in the same state.
struct Pair {
    sled: SledStore,
    mem: MemStore,
}

fn options() -> Options {
    Options {
        ring_bytes: 4 << 10,
        cache_bytes: 4 << 10,
        wal_bytes: 256 << 10,
        ..Options::new(Clock::system())
    }
}

impl Pair {
    fn open(path: &Path) -> Self {
        let sled = SledStore::open(path, options()).expect("opens");
        Self {
            sled,
            mem: MemStore::new(options()),
        }
    }

    fn reopen(self) -> Self {
        let path = self.sled.path().to_owned();
        drop(self.sled);
        let sled = SledStore::open(&path, options()).expect("opens again");
        assert_eq!(sled.revision(), self.mem.revision());
        Self {
            sled,
            mem: self.mem.reopened(options()),
        }
    }

    async fn txn(&self, ops: Vec<Op>) {
        let sled = self.sled.txn(ops.clone(), TraceId::NONE).await;
        let mem = self.mem.txn(ops.clone(), TraceId::NONE).await;
        assert_eq!(format!("{sled:?}"), format!("{mem:?}"), "{ops:?}");
    }

    async fn compact(&self, at: Revision) {
        let (sled, mem) = (self.sled.compact(at).await, self.mem.compact(at).await);
        assert_eq!(format!("{sled:?}"), format!("{mem:?}"), "compact at {at}");
    }

    async fn get(&self, key: &str, at: Option<Revision>) {
        let (sled, mem) = (self.sled.get(key, at).await, self.mem.get(key, at).await);
        assert_eq!(format!("{sled:?}"), format!("{mem:?}"), "{key} at {at:?}");
    }

    async fn list(&self, prefix: &str, from: Option<&str>, at: Option<Revision>, limit: Limit) {
        let sled = self.sled.list(prefix, from, at, limit).await;
        let mem = self.mem.list(prefix, from, at, limit).await;
        assert_eq!(
            format!("{sled:?}"),
            format!("{mem:?}"),
            "{prefix} {from:?} {at:?} {limit:?}"
        );
    }

    async fn watch(&self, prefix: &str, after: Revision) {
        let sled = everything(&self.sled, prefix, after).await;
        let mem = everything(&self.mem, prefix, after).await;
        assert_eq!(
            format!("{sled:?}"),
            format!("{mem:?}"),
            "{prefix} after {after}"
        );
    }
}

/// All items of a watch up to its first progress.
async fn everything(
    store: &dyn Store,
    prefix: &str,
    after: Revision,
) -> Result<Vec<WatchItem>, Error> {
    let mut watch = store.watch(prefix, after)?;
    let mut items = Vec::new();
    loop {
        let item = Clock::system()
            .timeout(Duration::from_secs(60), watch.next())
            .await;
        let item = item.expect("an item in time").expect("no end")?;
        let done = matches!(item, WatchItem::Progress(_));
        items.push(item);
        if done {
            return Ok(items);
        }
    }
}

/// A key of a small set, so that operations meet.
fn key(rng: &mut Rng) -> String {
    format!("/r/{}/{}", ["a", "b", "c"][rng.below(3)], rng.below(12))
}

/// Before, at or a little past the current revision.
fn revision(rng: &mut Rng, current: Revision) -> Revision {
    Revision(rng.next() % (current.0 + 2))
}

/// A few keys or all, some bytes or all.
fn limit(rng: &mut Rng) -> Limit {
    let limit = match rng.below(6) {
        0 => Limit::NONE,
        keys => Limit::keys(keys),
    };
    match rng.below(3) {
        0 => limit.bytes(rng.below(20_000)),
        _ => limit,
    }
}

async fn op(rng: &mut Rng, mem: &MemStore) -> Op {
    let key = key(rng);
    let modified = mem
        .get(&key, None)
        .await
        .expect("readable")
        .map(|found| found.modified);
    // Mostly an expectation that holds, else the transactions all fail.
    let expect = match (rng.below(10), modified) {
        (0, _) => Expect::Absent,
        (1, _) => Expect::At(revision(rng, mem.revision())),
        (2..=5, Some(at)) => Expect::At(at),
        (2..=5, None) => Expect::Absent,
        _ => Expect::Any,
    };
    match rng.below(8) {
        0 => Op::Check {
            key: key.into(),
            expect,
        },
        1 | 2 => Op::Delete {
            key: key.into(),
            expect,
        },
        _ => Op::Put {
            key: key.into(),
            value: value(rng).into(),
            expect,
            ttl: None,
        },
    }
}

fn value(rng: &mut Rng) -> Vec<u8> {
    let len = match rng.below(40) {
        0 => rng.below(200_000),
        1..=4 => rng.below(12_000),
        _ => rng.below(200),
    };
    (0..len)
        .map(|index| index.to_le_bytes()[0] ^ 0x35)
        .collect()
}

async fn step(rng: &mut Rng, pair: &Pair) {
    let current = pair.mem.revision();
    match rng.below(20) {
        0..=11 => {
            let mut ops = Vec::new();
            for _ in 0..rng.below(4) {
                ops.push(op(rng, &pair.mem).await);
            }
            pair.txn(ops).await;
        }
        12 | 13 => {
            let at = (!rng.one_in(3)).then(|| revision(rng, current));
            pair.get(&key(rng), at).await;
        }
        14 | 15 => {
            let at = (!rng.one_in(3)).then(|| revision(rng, current));
            let from = rng.one_in(2).then(|| key(rng));
            let prefix = PREFIXES[rng.below(PREFIXES.len())];
            let limit = limit(rng);
            pair.list(prefix, from.as_deref(), at, limit).await;
        }
        16..=18 => {
            let prefix = PREFIXES[rng.below(PREFIXES.len())];
            pair.watch(prefix, revision(rng, current)).await;
        }
        _ if rng.one_in(8) => {
            // Mostly not far, so that some history stays.
            let back = rng.next() % 200;
            pair.compact(Revision((current.0 + 1).saturating_sub(back)))
                .await;
        }
        _ => pair.list("", None, None, Limit::NONE).await,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sled_answers_as_its_model() {
    let seed = rng::seed();
    let steps = rng::number("STEPS").unwrap_or(4000);
    println!("seed={seed}");
    let mut rng = Rng::new(seed);
    let root = tempfile::tempdir().expect("a directory");
    let mut pair = Pair::open(&root.path().join("store"));
    for _ in 0..steps {
        if rng.one_in(400) {
            pair = pair.reopen();
        } else {
            step(&mut rng, &pair).await;
        }
    }
    let pair = pair.reopen();
    pair.watch("", Revision::ZERO).await;
    pair.list("", None, None, Limit::NONE).await;
    println!(
        "differences=0 of {steps} steps, revision {}, seed={seed}",
        pair.mem.revision()
    );
}
