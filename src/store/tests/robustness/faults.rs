//! A write, sync or compaction fails once, inside a living process.

use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use base::failpoint::{self, Fault};
use base::{Clock, TraceId};
use futures::StreamExt;
use futures::future::join_all;
use jiff::Timestamp;
use store::{Error, Expect, Op, Options, Revision, SledStore, Store, WatchItem};
use tokio::sync::watch;

use crate::crash::{self, Model, POINTS, Report, options, put};

const WRITERS: u64 = 6;
const ROUNDS: u64 = 8;

/// One writer's transactions; a failed one has an unknown outcome and is not repeated.
async fn write(store: &SledStore, writer: u64, counter: &AtomicU64) -> (Report, usize) {
    let mut report = Report::default();
    let mut failures = 0;
    for round in 0..ROUNDS {
        let id = format!("0.{}", counter.fetch_add(1, Ordering::Relaxed) * 7 + 4);
        let own = format!("/r/own/{writer}");
        report.tried.insert(id.clone());
        match store.txn(vec![put(&own, &id)], TraceId::NONE).await {
            Ok(last) => report.acknowledged.push((id, last, own.clone())),
            Err(Error::Io { .. } | Error::ReadOnly { .. }) => failures += 1,
            Err(error) => panic!("{error}"),
        }
        let found = store.get(&own, None).await.expect("reads go on");
        if let Some(found) = found {
            report
                .seen
                .push((crash::id_of(&found.value), found.modified, own.clone()));
        }
        if writer == 0 && round % 3 == 2 {
            match store.compact(Revision(store.revision().0 - 2)).await {
                Ok(()) | Err(Error::Io { .. } | Error::ReadOnly { .. }) => {}
                Err(error) => panic!("{error}"),
            }
        }
    }
    (report, failures)
}

/// A watch from the beginning yields every revision once, the recovered ones included.
async fn follow(store: &SledStore, last: &watch::Receiver<Option<Revision>>) -> Model {
    let mut stream = store
        .watch("", Revision::INITIAL)
        .expect("the watch starts");
    let mut model = Model::default();
    let mut seen = Revision::INITIAL;
    while last.borrow().is_none_or(|last| seen < last) {
        if let WatchItem::Event(event) = stream.next().await.expect("no end").expect("no error") {
            assert_eq!(event.modified, seen.next(), "no hole, no repeat");
            seen = event.modified;
            model.add(event);
        }
    }
    model
}

/// Writes until all writers are through, then once more to see that nothing is stuck.
async fn work(store: &SledStore, point: &str, nth: u64) -> (Report, usize) {
    let counter = AtomicU64::new(0);
    let outcomes = join_all((0..WRITERS).map(|writer| write(store, writer, &counter))).await;
    // A fault that was not reached must not hit the write below.
    for _ in 0..nth {
        if failpoint::at(point).is_some() {
            break;
        }
    }
    let (mut all, mut failures) = (Report::default(), 0);
    for (report, failed) in outcomes {
        all.tried.extend(report.tried);
        all.acknowledged.extend(report.acknowledged);
        all.seen.extend(report.seen);
        failures += failed;
    }
    let id = "0.777777".to_owned();
    let last = store
        .txn(vec![put("/r/own/last", &id)], TraceId::NONE)
        .await;
    all.acknowledged.push((
        id.clone(),
        last.expect("the store has recovered"),
        "/r/own/last".into(),
    ));
    all.tried.insert(id);
    (all, failures)
}

/// Runs the writers with one fault; how many writes failed.
async fn run(directory: &Path, point: &str, nth: u64) -> usize {
    let options = || Options {
        // The watch must not need the disk, which is away at times.
        ring_bytes: 8 << 20,
        ..options()
    };
    let store = SledStore::open(directory, options()).expect("opens");
    failpoint::arm(point, Fault::Error, nth);
    let (done, last) = watch::channel(None);
    let work = async {
        let (report, failures) = work(&store, point, nth).await;
        done.send_replace(Some(store.revision()));
        store.request_progress();
        (report, failures)
    };
    let ((report, failures), mut model) = futures::join!(work, follow(&store, &last));
    drop(store);
    let store = SledStore::open(directory, options()).expect("opens again");
    model.compare(&store, report).await;
    assert_eq!((model.lost, model.phantom), (0, 0), "{point} at pass {nth}");
    failures
}

/// In a process of its own, because fail points are the process'.
#[tokio::test(flavor = "multi_thread")]
async fn child_meets_every_fault() {
    if std::env::var_os("RK3S_STORE_FAULTS").is_none() {
        return;
    }
    let mut failures = 0;
    let mut points = 0;
    for point in POINTS {
        for nth in [1, 2, 3, 7] {
            let root = tempfile::tempdir().expect("a directory");
            failures += run(&root.path().join("store"), point, nth).await;
            points += 1;
        }
    }
    assert!(failures > 0, "the faults were met");
    println!("false_acks=0 stuck=0 of {points} points, {failures} writes refused");
}

/// One write that fills more than a segment of the log, so that sled must follow.
async fn write_much(store: &SledStore) -> Result<Revision, Error> {
    let op = Op::Put {
        key: "/r/own/much".into(),
        value: vec![b'x'; 200_000].into(),
        expect: Expect::Any,
        ttl: None,
    };
    store.txn(vec![op], TraceId::NONE).await
}

/// Sled fails at each sync while the log goes on. In a process of its own as well.
#[tokio::test(flavor = "multi_thread")]
async fn child_meets_a_sled_that_cannot_sync() {
    const POINT: &str = "store::before-apply-sync";
    if std::env::var_os("RK3S_STORE_FAULTS").is_none() {
        return;
    }
    let root = tempfile::tempdir().expect("a directory");
    let (clock, hands) = Clock::manual(Timestamp::UNIX_EPOCH);
    let options = Options { clock, ..options() };
    let store = SledStore::open(root.path(), options).expect("opens");
    let mut reopened = Vec::new();
    for second in 0..120 {
        let mut written = 0;
        // Four fill the log; without end if the files are reopened at each failure.
        for _ in 0..20 {
            failpoint::arm(POINT, Fault::Error, 1);
            match write_much(&store).await {
                Ok(_) => written += 1,
                // The writer was waiting for sled; else it hears of the failure at the next write.
                Err(Error::Io { .. }) => {}
                Err(Error::ReadOnly { .. }) => break,
                Err(error) => panic!("{error}"),
            }
        }
        if written > 0 {
            reopened.push(second);
        }
        hands.advance(Duration::from_secs(1));
    }
    println!("reopened at {reopened:?}");
    assert_eq!(reopened, [0, 2, 10, 40, 70, 100]);
    // The disk is well again, and a failure much later is tried to be mended at once.
    failpoint::arm(POINT, Fault::Error, u64::MAX);
    hands.advance(Duration::from_secs(60));
    let last = write_much(&store).await.expect("writes again");
    store.compact(last).await.expect("sled has all of it");
    write_much(&store).await.expect("goes on");
    failpoint::arm(POINT, Fault::Error, 1);
    let mut refused = 0;
    for _ in 0..12 {
        refused += usize::from(write_much(&store).await.is_err());
    }
    assert!(failpoint::at(POINT).is_none(), "it was met");
    assert!(refused <= 1, "{refused}");
}

#[test]
fn a_sled_that_cannot_sync_is_reopened_ever_more_rarely() {
    run_child("faults::child_meets_a_sled_that_cannot_sync", "reopened at");
}

#[test]
fn a_failed_write_is_never_acknowledged_and_never_sticks() {
    run_child("faults::child_meets_every_fault", "false_acks=");
}

/// Runs one test of this binary as a process, and shows the line with its figure.
fn run_child(name: &str, figure: &str) {
    let this = std::env::current_exe().expect("this test's own binary");
    let output = Command::new(this)
        .args(["--exact", name, "--nocapture"])
        .env("RK3S_STORE_FAULTS", "1")
        .output()
        .expect("the child runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = text.lines().find(|line| line.contains(figure));
    println!("{}", line.unwrap_or(&text));
    assert!(
        output.status.success(),
        "{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
