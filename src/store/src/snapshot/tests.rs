use std::time::Duration;

use base::{Clock, Shutdown, TraceId};
use expect_test::{Expect, expect};
use futures::StreamExt;
use futures::future::join_all;
use tempfile::TempDir;

use super::*;
use crate::testing::{commit, put, remove, set, small, state};
use crate::{Expect as Wanted, Limit, Op, Options, Store};

struct Room(TempDir);

impl Room {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a directory"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn open(&self, name: &str) -> SledStore {
        let options = small(Clock::system());
        SledStore::open(&self.path(name), options).expect("opens")
    }

    fn shown(&self, error: &SnapshotError) -> String {
        error
            .to_string()
            .replace(&*self.0.path().to_string_lossy(), "DIR")
    }
}

async fn fill(store: &SledStore) {
    for number in 0..200_usize {
        let value = format!("{number} {}", "x".repeat(number * 70));
        set(store, &format!("/r/a/{}", number % 60), &value).await;
    }
    remove(store, "/r/a/7").await;
    set(store, "/r/b/large", &"y".repeat(900_000)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_store_has_the_state_and_a_later_revision() {
    let room = Room::new();
    let store = room.open("store");
    fill(&store).await;
    let want = store
        .list("", None, None, Limit::NONE)
        .await
        .expect("readable");
    let saved = save(&store, &room.path("snapshot")).expect("saves");
    assert_eq!(inspect(&room.path("snapshot")).expect("legible"), saved);
    assert_eq!((saved.revision, saved.keys), (want.revision, 60));
    let bytes = fs::metadata(room.path("snapshot")).expect("there").len();
    assert_eq!(saved.bytes, bytes);
    // What is written afterwards has been served too.
    let served = set(&store, "/r/a/after", "x").await;
    let restored = restore(&room.path("snapshot"), &room.path("new"), served).expect("restores");
    let copy = room.open("new");
    assert_eq!(copy.revision(), restored.revision);
    assert_eq!(restored.revision, Revision(served.0 + JUMP));
    let found = copy
        .list("", None, None, Limit::NONE)
        .await
        .expect("readable");
    assert_eq!(found.items, want.items);
    // Every list and watch of the time before learns that its revision is gone.
    for before in [Revision::ZERO, saved.revision, served] {
        let oldest = restored.revision;
        let gone = copy.watch("", before).err().expect("compacted");
        assert!(
            matches!(gone, Error::Compacted { oldest: o } if o == oldest),
            "{gone}"
        );
        let gone = copy
            .get("/r/a/1", Some(before))
            .await
            .expect_err("compacted");
        assert!(
            matches!(gone, Error::Compacted { oldest: o } if o == oldest),
            "{gone}"
        );
    }
    assert_eq!(set(&copy, "/r/a/1", "new").await, restored.revision.next());
    let mut watch = copy.watch("/r/a/", restored.revision).expect("starts");
    let item = watch.next().await.expect("an item").expect("no error");
    assert!(matches!(item, crate::WatchItem::Event(event) if &*event.key == "/r/a/1"));
    drop(copy);
    let copy = room.open("new");
    assert_eq!(copy.revision(), restored.revision.next());
}

#[tokio::test(flavor = "multi_thread")]
async fn is_one_revision_of_a_store_in_use() {
    let room = Room::new();
    let store = room.open("store");
    fill(&store).await;
    let counter = std::sync::atomic::AtomicU64::new(0);
    let done = Shutdown::new();
    let writers = (0..4).map(|_| async {
        while !done.is_stopping() {
            // A torn state would show two halves that differ.
            let number = counter.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            let keys = ["/r/a/first", "/r/z/last"];
            let ops = keys.map(|key| put(key, number.to_string(), Wanted::Any));
            commit(&store, ops.into()).await.expect("goes through");
        }
    });
    let copies = async {
        for round in 0..5 {
            let path = room.path(&format!("snapshot-{round}"));
            let (info, at) = tokio::task::block_in_place(|| {
                let info = save(&store, &path).expect("saves");
                (info, Some(info.revision))
            });
            let want = state(&store, "", at).await.expect("history is kept");
            let directory = room.path(&format!("copy-{round}"));
            restore(&path, &directory, info.revision).expect("restores");
            let copy = room.open(&format!("copy-{round}"));
            let found = state(&copy, "", None).await.expect("readable");
            assert!(found == want, "the state of revision {}", info.revision);
        }
        done.stop();
    };
    futures::join!(join_all(writers), copies);
    assert!(counter.into_inner() > 5, "the writers wrote meanwhile");
}

/// However heavy records are, a batch holds little more than one of them beyond its size.
#[test]
fn a_restore_holds_a_batch() {
    for (len, want) in [(10, BATCH), (1000, 251), (200_000, 2), (3 << 20, 1)] {
        let mut batch = Batch::default();
        while !batch.is_full() {
            batch.add(Record {
                revision: Revision(7),
                key: "/r/a/1".into(),
                value: Some(vec![0; len].into()),
                created: Revision(7),
                prev: None,
                left: 0,
                trace: TraceId::NONE,
                expiry: None,
            });
        }
        assert_eq!(batch.records.len(), want, "of {len} bytes each");
    }
}

#[tokio::test]
async fn a_ttl_goes_on() {
    let room = Room::new();
    let (clock, hands) = Clock::manual(Timestamp::UNIX_EPOCH);
    let options = Options {
        history: Duration::from_secs(1_000_000),
        ..small(clock)
    };
    let store = SledStore::open(&room.path("store"), options.clone()).expect("opens");
    let op = Op::Put {
        key: "a".into(),
        value: "x".into(),
        expect: Wanted::Any,
        ttl: Some(Duration::from_secs(60)),
    };
    store
        .txn(vec![op], TraceId::NONE)
        .await
        .expect("goes through");
    save(&store, &room.path("snapshot")).expect("saves");
    hands.advance(Duration::from_secs(59));
    restore(&room.path("snapshot"), &room.path("new"), Revision::ZERO).expect("restores");
    let copy = SledStore::open(&room.path("new"), options).expect("opens");
    assert_eq!(state(&copy, "", None).await.expect("readable"), ["a=x"]);
    let mut watch = copy.watch("", copy.revision()).expect("starts");
    watch.next().await.expect("progress").expect("no error");
    hands.advance(Duration::from_secs(1));
    let shutdown = Shutdown::new();
    let expired = async {
        watch.next().await.expect("the deletion").expect("no error");
        shutdown.stop();
    };
    futures::join!(copy.upkeep(shutdown.clone()), expired);
    assert!(state(&copy, "", None).await.expect("readable").is_empty());
}

/// Every bit of the file counts: whatever is flipped, cut or added is refused with its place.
#[tokio::test]
async fn damage_is_refused() {
    let room = Room::new();
    let store = room.open("store");
    for number in 0..20 {
        set(&store, &format!("/r/a/{number}"), "value").await;
    }
    save(&store, &room.path("snapshot")).expect("saves");
    let whole = fs::read(room.path("snapshot")).expect("there");
    let harmed = room.path("harmed");
    let refused = |bytes: &[u8], what: &str| {
        fs::write(&harmed, bytes).expect("written");
        let error = inspect(&harmed)
            .err()
            .unwrap_or_else(|| panic!("{what} was accepted"));
        let ours = matches!(
            error,
            SnapshotError::Damaged { .. } | SnapshotError::Newer { .. }
        );
        assert!(ours, "{what}: {error}");
        let target = room.path("never");
        assert!(restore(&harmed, &target, Revision::ZERO).is_err());
        assert!(!target.exists(), "{what} left something");
    };
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << (at % 8);
        refused(&bytes, &format!("a bit flipped at {at}"));
        refused(&whole[..at], &format!("a cut at {at}"));
    }
    refused(&[&whole[..], b"x"].concat(), "a byte more");
}

#[tokio::test]
async fn refusals_name_the_remedy() {
    let room = Room::new();
    let check = |bytes: &[u8], want: Expect| {
        fs::write(room.path("snapshot"), bytes).expect("written");
        let error = inspect(&room.path("snapshot")).expect_err("refused");
        want.assert_eq(&room.shown(&error));
    };
    check(
        b"rk3s-snapshot 2\nwhatever",
        expect![
            "the snapshot DIR/snapshot has format 2, but this version of rk3s reads format 1: use the version that wrote it"
        ],
    );
    check(
        b"PK\x03\x04 something else entirely",
        expect![
            "the snapshot DIR/snapshot is damaged at offset 0: it does not begin like a snapshot of rk3s; use another one"
        ],
    );
    check(
        b"rk3s",
        expect!["the snapshot DIR/snapshot is damaged at offset 0: it is cut off; use another one"],
    );
    let store = room.open("store");
    save(&store, &room.path("snapshot")).expect("an empty store has a snapshot too");
    let error = restore(&room.path("snapshot"), &room.path("store"), Revision::ZERO);
    expect!["DIR/store is not empty: a snapshot is restored into a new directory"]
        .assert_eq(&room.shown(&error.expect_err("refused")));
}
