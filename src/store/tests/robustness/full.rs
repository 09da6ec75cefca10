//! A disk without room: writes are refused, reads go on, freed space heals without a restart.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use base::clock::Hands;
use base::{Clock, TraceId};
use jiff::Timestamp;
use store::{Error, Options, SledStore, Store};

use crate::crash::put;
use crate::loop_disk::LoopDisk;

/// Writes until the disk is full.
fn fill(path: &Path) {
    let mut file = File::create(path).expect("created");
    for size in [1 << 20, 4096, 1] {
        while file.write_all(&vec![0; size]).is_ok() {}
    }
}

async fn write(store: &SledStore, number: u64) -> Result<(), Error> {
    let id = format!("0.{number}");
    store
        .txn(vec![put("/r/own/x", &id)], TraceId::NONE)
        .await
        .map(drop)
}

/// Writes until it fails; the number of writes acknowledged.
async fn write_until_full(store: &SledStore, from: u64) -> (u64, Error) {
    let mut number = from;
    loop {
        match write(store, number).await {
            Ok(()) => number += 1,
            Err(error) => return (number, error),
        }
    }
}

async fn heal(store: &SledStore, hands: &Hands, number: u64) {
    hands.advance(Duration::from_secs(60));
    write(store, number)
        .await
        .expect("writes again without a restart");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_writes_and_heals() {
    let disk = LoopDisk::new("full", 48);
    let directory = disk.mount_point().join("store");
    let filler = disk.mount_point().join("filler");
    let (clock, hands) = Clock::manual(Timestamp::UNIX_EPOCH);
    let options = Options {
        cache_bytes: 0,
        wal_bytes: 1 << 20,
        ..Options::new(clock)
    };
    let store = SledStore::open(&directory, options.clone()).expect("opens");
    let mut acknowledged = 0;
    for _ in 0..3 {
        write(&store, acknowledged).await.expect("there is room");
        acknowledged += 1;
        fill(&filler);
        let (next, error) = write_until_full(&store, acknowledged).await;
        // The log has its room already; it is what follows the log that fails, and is told then.
        assert!(
            matches!(error, Error::Io { .. } | Error::ReadOnly { .. }),
            "{error}"
        );
        acknowledged = next;
        for _ in 0..3 {
            hands.advance(Duration::from_secs(60));
            let error = write(&store, next).await.expect_err("still full");
            assert!(matches!(error, Error::ReadOnly { .. }), "{error}");
            let found = store
                .get("/r/own/x", None)
                .await
                .expect("reads go on")
                .expect("there");
            assert!(found.modified >= store.revision());
            let old = store
                .get("/r/own/x", Some(store::Revision(2)))
                .await
                .expect("reads go on");
            assert!(old.is_some(), "from disk too");
        }
        fs::remove_file(&filler).expect("removable");
        heal(&store, &hands, acknowledged).await;
        acknowledged += 1;
    }
    let revision = store.revision();
    drop(store);
    let store = SledStore::open(&directory, options).expect("opens again");
    assert_eq!(store.revision(), revision);
    // A refused write may have happened; an acknowledged one must have.
    assert!(revision.0 > acknowledged, "{revision} {acknowledged}");
    drop(store);
    println!("false_acks=0 stuck=0 of 3 full disks, {acknowledged} acked");
}
