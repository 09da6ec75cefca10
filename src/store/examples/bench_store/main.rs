//! `SledStore` beside etcd, on the same disk, in one run: `make bench-store`.
//!
//!     bench_store DIRECTORY [ETCD]     the table; without the path of etcd only our half of it
//!     bench_store memory DIRECTORY KEYS fill|open|empty     one store in a process of its own
//!
//! Both are asked the same, in turns, so that what else happens on the machine meets both. The
//! store is called in this process; etcd is a process of its own, spoken to in gRPC over HTTP/2,
//! one connection per client (`etcd.rs`). `SECONDS` (2) is the length of a turn, `KEYS`
//! (100000,1000000) the sizes, `BYTES` (200) the length of a value to fill with.

#![expect(
    clippy::disallowed_methods,
    reason = "a benchmark reads the real clock"
)]

mod etcd;
mod load;
mod memory;
mod table;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use base::Clock;
use store::{Options, SledStore};

use crate::etcd::Etcd;
use crate::load::{Target, Work};
use crate::table::Table;

/// What both can do, with how many clients.
const ROWS: [(Work, usize); 8] = [
    (Work::Put, 1),
    (Work::Put, 16),
    (Work::Put, 64),
    (Work::Get, 1),
    (Work::Get, 16),
    (Work::Get, 64),
    (Work::List, 1),
    (Work::List, 16),
];

fn number(name: &str, default: &str) -> Vec<u64> {
    let text = std::env::var(name).unwrap_or_else(|_| default.to_owned());
    let numbers = text.split(',').map(|word| word.trim().parse());
    numbers.map(|n| n.expect("a number")).collect()
}

fn open(path: &Path) -> Arc<SledStore> {
    Arc::new(SledStore::open(path, Options::new(Clock::system())).expect("opens"))
}

/// Compares the two, freshly made, with `keys` keys.
async fn compare(root: &Path, binary: Option<&Path>, keys: u64, table: &mut Table) {
    let path = root.join("rk3s");
    let ours = Target::Store(open(&path));
    let mut etcd = binary.map(|binary| Etcd::start(binary, &root.join("etcd")));
    let theirs = match &mut etcd {
        Some(etcd) => Some(Target::Etcd(etcd.clients(64).await)),
        None => None,
    };
    let (mut filled, empty) = (Vec::new(), etcd.as_ref().map(Etcd::resident));
    for target in [Some(&ours), theirs.as_ref()].into_iter().flatten() {
        let start = Instant::now();
        load::fill(target, keys).await;
        filled.push(load::per_second(keys, start.elapsed()));
    }
    let rss = etcd.as_ref().map(Etcd::resident);
    table.row(
        &format!("fill {keys} keys of {} B", load::filling()),
        "keys/s",
        &filled,
    );
    for (work, clients) in ROWS {
        let rates = load::in_turns(&ours, theirs.as_ref(), work, clients, keys).await;
        let name = format!("{}, {clients} at once, of {keys} keys", work.name());
        table.row(&name, work.unit(), &rates);
    }
    drop((ours, theirs));
    let start = Instant::now();
    drop(open(&path));
    let mut opened = vec![start.elapsed().as_secs_f64()];
    if let Some(etcd) = &mut etcd {
        opened.push(etcd.restart().await.as_secs_f64());
    }
    table.row(&format!("open {keys} keys"), "s", &opened);
    memory::rows(root, keys, empty.zip(rss), table);
}

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    if let ["memory", directory, keys, how] = words[..] {
        let keys = keys.parse().expect("a number");
        return memory::measure(Path::new(directory), keys, how).await;
    }
    let root: PathBuf = words.first().map_or_else(std::env::temp_dir, PathBuf::from);
    let root = root.join(format!("bench-store-{}", std::process::id()));
    let binary = words.get(1).map(Path::new);
    let mut table = Table::new(binary.is_some());
    for keys in number("KEYS", "100000,1000000") {
        std::fs::create_dir_all(&root).expect("a directory");
        compare(&root, binary, keys, &mut table).await;
        std::fs::remove_dir_all(&root).expect("removable");
    }
    table.finish();
}
