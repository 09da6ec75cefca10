//! The same work for either store.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use base::TraceId;
use futures::future::join_all;
use store::{Expect, Limit, Op, SledStore, Store};

use crate::etcd::Client;
use crate::number;

const PREFIX: &str = "/registry/pods/";
/// Bytes of a value that is put.
const VALUE: usize = 1024;
/// Keys of a list.
const LISTED: usize = 500;
/// Puts per transaction while filling; etcd takes at most 128.
const AT_ONCE: u64 = 100;
const FILLERS: u64 = 16;

/// A store to measure.
pub enum Target {
    Store(Arc<SledStore>),
    Etcd(Vec<Client>),
}

/// What a client does again and again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    Put,
    Get,
    List,
}

impl Work {
    pub fn name(self) -> &'static str {
        match self {
            Self::Put => "put 1 KiB",
            Self::Get => "get",
            Self::List => "list 500",
        }
    }

    pub fn unit(self) -> &'static str {
        match self {
            Self::Put | Self::Get => "/s",
            Self::List => "keys/s",
        }
    }
}

/// Of a real Pod's length.
pub fn key(number: u64) -> String {
    let namespace = number % 100;
    format!("{PREFIX}namespace-{namespace:03}/some-deployment-7d4b9c-{number:07}")
}

pub fn per_second(count: u64, elapsed: Duration) -> f64 {
    let count = u32::try_from(count).expect("a benchmark's count");
    f64::from(count) / elapsed.as_secs_f64()
}

fn put(key: String, value: Vec<u8>) -> Op {
    Op::Put {
        key: key.into(),
        value: value.into(),
        expect: Expect::Any,
        ttl: None,
    }
}

impl Target {
    async fn put(&self, client: usize, pairs: Vec<(String, Vec<u8>)>) {
        match self {
            Self::Store(store) => {
                let ops = pairs.into_iter().map(|(key, value)| put(key, value));
                let done = store.txn(ops.collect(), TraceId::NONE).await;
                done.expect("goes through");
            }
            Self::Etcd(clients) => clients[client].put(&pairs).await,
        }
    }

    async fn get(&self, client: usize, key: &str) {
        let found = match self {
            Self::Store(store) => store.get(key, None).await.expect("readable").is_some(),
            Self::Etcd(clients) => clients[client].range(key, "", 0).await > key.len(),
        };
        assert!(found, "{key}");
    }

    async fn list(&self, client: usize) {
        let bytes = match self {
            Self::Store(store) => {
                let page = store.list(PREFIX, None, None, Limit::keys(LISTED)).await;
                let items = page.expect("readable").items;
                items.iter().map(|item| item.value.len()).sum()
            }
            // All that begins with the prefix ends before its last letter's successor.
            Self::Etcd(clients) => {
                clients[client]
                    .range(PREFIX, "/registry/pods0", LISTED)
                    .await
            }
        };
        assert!(bytes > LISTED, "a whole page");
    }

    async fn once(&self, work: Work, client: usize, number: u64) {
        match work {
            Work::Put => {
                self.put(client, vec![(key(number), vec![b'x'; VALUE])])
                    .await
            }
            Work::Get => self.get(client, &key(number)).await,
            Work::List => self.list(client).await,
        }
    }
}

/// Bytes of the values that a store is filled with.
pub fn filling() -> usize {
    usize::try_from(number("BYTES", "200")[0]).expect("small")
}

/// Puts `keys` keys in large transactions.
pub async fn fill(target: &Target, keys: u64) {
    let bytes = filling();
    let next = AtomicU64::new(0);
    let fillers = (0..FILLERS).map(|filler| {
        let next = &next;
        async move {
            loop {
                let start = next.fetch_add(AT_ONCE, Ordering::Relaxed);
                if start >= keys {
                    return;
                }
                let pairs = (start..keys.min(start + AT_ONCE)).map(|n| (key(n), vec![b'y'; bytes]));
                let client = usize::try_from(filler).expect("small");
                target.put(client, pairs.collect()).await;
            }
        }
    });
    join_all(fillers).await;
}

/// How often the clients of a target do the work in a turn, and in what time.
async fn turn(target: &Target, work: Work, clients: usize, keys: u64) -> (u64, Duration) {
    let length = Duration::from_secs(number("SECONDS", "2")[0]);
    let start = Instant::now();
    let clients = (0..clients).map(|client| async move {
        let (mut done, mut at) = (0, client as u64 * 7919);
        while start.elapsed() < length {
            at += 104_729;
            target.once(work, client, at % keys).await;
            done += 1;
        }
        done
    });
    let done: u64 = join_all(clients).await.into_iter().sum();
    (done, start.elapsed())
}

/// Rates of both, over three turns each.
pub async fn in_turns(
    ours: &Target,
    theirs: Option<&Target>,
    work: Work,
    clients: usize,
    keys: u64,
) -> Vec<f64> {
    let targets: Vec<_> = [Some(ours), theirs].into_iter().flatten().collect();
    let mut sums = vec![(0, Duration::ZERO); targets.len()];
    for _ in 0..3 {
        for (target, sum) in targets.iter().zip(&mut sums) {
            let (done, elapsed) = turn(target, work, clients, keys).await;
            *sum = (sum.0 + done, sum.1 + elapsed);
        }
    }
    let each = match work {
        Work::Put | Work::Get => 1,
        Work::List => LISTED as u64,
    };
    let rate = |(done, elapsed): (u64, Duration)| per_second(done * each, elapsed);
    sums.into_iter().map(rate).collect()
}
