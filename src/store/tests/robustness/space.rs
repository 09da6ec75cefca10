//! Compaction gives room on disk back.

use std::fs;
use std::path::Path;

use base::TraceId;
use store::{Expect, Op, SledStore, Store};

use crate::crash::options;

const KEYS: usize = 200;
const VALUE: usize = 4 << 10;
const ROUNDS: usize = 40;

fn size(path: &Path) -> u64 {
    let entries = fs::read_dir(path).expect("readable");
    entries
        .map(|entry| {
            let entry = entry.expect("readable");
            match entry.metadata().expect("there") {
                meta if meta.is_dir() => size(&entry.path()),
                meta => meta.len(),
            }
        })
        .sum()
}

async fn overwrite(store: &SledStore, round: usize) {
    let ops = (0..KEYS).map(|number| Op::Put {
        key: format!("/r/a/{number}").into(),
        // Not the same bytes each time, whatever a disk makes of that.
        value: vec![round.to_le_bytes()[0]; VALUE].into(),
        expect: Expect::Any,
        ttl: None,
    });
    store
        .txn(ops.collect(), TraceId::NONE)
        .await
        .expect("goes through");
}

#[tokio::test(flavor = "multi_thread")]
async fn compaction_gives_room_back() {
    let root = tempfile::tempdir().expect("a directory");
    let store = SledStore::open(root.path(), options()).expect("opens");
    let (live, written) = (KEYS * VALUE, ROUNDS * KEYS * VALUE);
    // The control: history that is kept takes its room.
    for round in 0..ROUNDS / 4 {
        overwrite(&store, round).await;
    }
    let uncompacted = size(root.path());
    assert!(uncompacted > (written / 5) as u64, "{uncompacted}");
    for round in ROUNDS / 4..ROUNDS {
        overwrite(&store, round).await;
        store.compact(store.revision()).await.expect("compacts");
    }
    let left = size(root.path());
    println!("room: {left} bytes for {live} live and {written} written");
    assert!(
        left < uncompacted * 2 && left < (written / 2) as u64,
        "{left}"
    );
}
