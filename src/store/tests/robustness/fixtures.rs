//! Stores that earlier versions wrote, frozen: they open for ever.
//!
//! `tests/data/format-N.tar.gz` is a data directory of format N. Revisions 2 to 41 wrote twenty
//! pods twice, 41 is compacted; 42 put an event with a ttl of a second, 43 a value of 20,000
//! bytes, 44 and 45 are one transaction that deleted a pod and overwrote another.

use std::fs;
use std::path::Path;
use std::process::Command;

use futures::StreamExt;
use store::{Error, Limit, Revision, SledStore, Store, WatchItem};

use crate::crash::{options, put};

const FORMATS: [u32; 2] = [1, 2];

fn unpack(format: u32, directory: &Path) {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let status = Command::new("tar")
        .arg("-xzf")
        .arg(data.join(format!("format-{format}.tar.gz")))
        .arg("-C")
        .arg(directory)
        .status();
    assert!(status.expect("tar runs").success());
}

/// What a watch after the compaction shows: revision, key, length of the value.
async fn history(store: &SledStore) -> Vec<(u64, String, Option<usize>)> {
    let mut watch = store.watch("", Revision(41)).expect("history is there");
    let mut events = Vec::new();
    while let WatchItem::Event(event) = watch.next().await.expect("no end").expect("no error") {
        let len = event.value.as_ref().map(bytes::Bytes::len);
        events.push((event.modified.0, event.key.to_string(), len));
    }
    events
}

async fn check(store: &SledStore) {
    let page = store
        .list("/registry/pods/", None, None, Limit::NONE)
        .await
        .expect("readable");
    assert_eq!(page.items.len(), 19);
    for item in &page.items {
        let number: usize = item.key[item.key.len() - 2..].parse().expect("a number");
        let want = match number {
            1 => "both".to_owned(),
            number => format!("value {}", 20 + number),
        };
        assert_eq!(item.value, want.as_bytes(), "{}", item.key);
        assert_eq!(item.created, Revision(2 + number as u64));
    }
    let before = store
        .get("/registry/pods/default/p-00", Some(Revision(43)))
        .await;
    assert_eq!(before.expect("history").expect("there").value, "value 20");
    let error = store
        .get("/registry/pods/default/p-00", Some(Revision(40)))
        .await;
    let error = error.expect_err("compacted");
    assert!(
        matches!(
            error,
            Error::Compacted {
                oldest: Revision(41)
            }
        ),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_format_opens() {
    for format in FORMATS {
        let root = tempfile::tempdir().expect("a directory");
        unpack(format, root.path());
        let store = SledStore::open(root.path(), options()).expect("opens");
        assert_eq!(store.revision(), Revision(45), "format {format}");
        check(&store).await;
        let pod = |number| format!("/registry/pods/default/p-{number:02}");
        let want = [
            (42, "/registry/events/default/e".to_owned(), Some(5)),
            (
                43,
                "/registry/secrets/default/large".to_owned(),
                Some(20_000),
            ),
            (44, pod(0), None),
            (45, pod(1), Some(4)),
        ];
        assert_eq!(history(&store).await, want, "format {format}");
        let written = store
            .txn(vec![put("/r/own/x", "0.4")], base::TraceId::NONE)
            .await;
        assert_eq!(written.expect("goes through"), Revision(46));
        drop(store);
        let text = fs::read_to_string(root.path().join("format")).expect("there");
        assert_eq!(text, "rk3s-store 2\n", "it is in the newest format now");
        let store = SledStore::open(root.path(), options()).expect("opens again");
        assert_eq!(store.revision(), Revision(46));
        check(&store).await;
    }
    println!("migrated={} of {} formats", FORMATS.len(), FORMATS.len());
}
