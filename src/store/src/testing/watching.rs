//! Watches are complete, ordered, without repeats, and can start anywhere.

use base::TraceId;
use bytes::Bytes;

use super::{Bench, Factory, put, remove, set};
use crate::{Error, Event, Expect, Revision, Store, WatchItem};

/// Writes 200 revisions over two kinds, and gives the lines a watch must show.
async fn write_some(store: &dyn Store) -> Vec<(Revision, String)> {
    let mut lines = Vec::new();
    let mut live: std::collections::HashMap<String, (Revision, String)> = Default::default();
    for step in 0..200_usize {
        let key = format!("/r/{}/{}", if step % 3 == 0 { "a" } else { "b" }, step % 11);
        let prev = live.remove(&key);
        let before = prev
            .as_ref()
            .map_or(String::new(), |(at, value)| format!(" [{at} {value}]"));
        if step % 4 == 3 && prev.is_some() {
            let revision = remove(store, &key).await;
            lines.push((revision, format!("{revision} -{key}{before}")));
        } else {
            let value = format!("{step}{}", "x".repeat(200));
            let revision = set(store, &key, &value).await;
            lines.push((revision, format!("{revision} {key}={value}{before}")));
            live.insert(key, (revision, value));
        }
    }
    lines
}

fn expected(lines: &[(Revision, String)], prefix: &str, after: Revision) -> Vec<String> {
    let matches = |line: &str| {
        let key = line.split_once(' ').expect("a line has parts").1;
        key.trim_start_matches('-').starts_with(prefix)
    };
    let later = lines
        .iter()
        .filter(|(revision, line)| *revision > after && matches(line));
    later.map(|(_, line)| line.clone()).collect()
}

pub(super) async fn from_every_revision<F: Factory>(bench: &Bench<'_, F>) {
    let store = bench.store();
    let lines = write_some(&*store).await;
    let last = store.revision();
    for after in (0..=last.0).map(Revision) {
        for prefix in ["", "/r/a/", "/r/b/1", "/r/"] {
            let mut watched = bench.watch(&store, prefix, after);
            let got = watched.until(last).await;
            assert_eq!(
                got,
                expected(&lines, prefix, after),
                "{prefix} after {after}"
            );
        }
    }
    let error = store.watch("", last.next()).err().expect("refused");
    assert!(matches!(error, Error::FutureRevision { current } if current == last));
}

pub(super) async fn live_in_order<F: Factory>(bench: &Bench<'_, F>) {
    let store = bench.store();
    let prefixes = ["", "/r/a/", "/r/b/", "/r/b/3"];
    let mut watches: Vec<_> = prefixes
        .iter()
        .map(|prefix| bench.watch(&store, prefix, Revision::INITIAL))
        .collect();
    // Each watch is alive and waiting before the first write.
    for watched in &mut watches {
        assert_eq!(watched.until(Revision::INITIAL).await, Vec::<String>::new());
    }
    let lines = {
        let store = store.clone();
        tokio::spawn(async move { write_some(&*store).await })
    };
    let mut got = Vec::new();
    for (watched, count) in watches.iter_mut().zip([200, 67, 133, 12]) {
        got.push(watched.events(count).await);
    }
    let lines = lines.await.expect("the writer ends well");
    for (prefix, got) in prefixes.iter().zip(got) {
        let want = expected(&lines, prefix, Revision::INITIAL);
        assert_eq!(got, want, "{prefix}");
    }
}

pub(super) async fn slow_reader_catches_up_from_history<F: Factory>(bench: &Bench<'_, F>) {
    let store = bench.store();
    let mut watched = bench.watch(&store, "/r/a/", Revision::INITIAL);
    set(&*store, "/r/a/first", "x").await;
    assert_eq!(watched.events(1).await, ["2 /r/a/first=x"]);
    let lines = write_some(&*store).await;
    store.request_progress();
    let got = watched.until(store.revision()).await;
    assert_eq!(got, expected(&lines, "/r/a/", Revision(2)));
}

pub(super) async fn one_kind_does_not_evict_another<F: Factory>(bench: &Bench<'_, F>) {
    let store = bench.store();
    let quiet = set(&*store, "/r/quiet/x", "one").await;
    for round in 0..100 {
        set(
            &*store,
            "/r/noisy/x",
            &format!("{round}{}", "x".repeat(500)),
        )
        .await;
    }
    let mut watched = bench.watch(&store, "/r/quiet/", Revision::INITIAL);
    assert_eq!(
        watched.until(store.revision()).await,
        [format!("{quiet} /r/quiet/x=one")]
    );
}

pub(super) async fn progress_is_true<F: Factory>(bench: &Bench<'_, F>) {
    let store = bench.store();
    set(&*store, "/r/a/x", "1").await;
    let mut watched = bench.watch(&store, "/r/a/", Revision::INITIAL);
    let item = watched.item().await.expect("no error");
    assert!(matches!(item, WatchItem::Event(_)), "{item:?}");
    let item = watched.item().await.expect("no error");
    assert_eq!(item, WatchItem::Progress(Revision(2)), "caught up");
    let ops = vec![
        put("/r/b/x", "1", Expect::Any),
        put("/r/b/y", "1", Expect::Any),
    ];
    let last = super::commit(&*store, ops).await.expect("goes through");
    store.request_progress();
    assert_eq!(watched.until(last).await, Vec::<String>::new());
    // Without a request a quiet watch hears of progress, if rarely.
    for _ in 0..1100 {
        set(&*store, "/r/b/x", "2").await;
    }
    assert_eq!(watched.until(last.next()).await, Vec::<String>::new());
    let latest = set(&*store, "/r/a/x", "2").await;
    assert_eq!(
        watched.events(1).await,
        [format!("{latest} /r/a/x=2 [2 1]")]
    );
}

pub(super) async fn carries_traces_and_long_values<F: Factory>(bench: &Bench<'_, F>) {
    let store = bench.store();
    let trace = TraceId::generate();
    let value = Bytes::from(
        (0..1_500_000_u32)
            .map(|n| n.to_le_bytes()[0])
            .collect::<Vec<_>>(),
    );
    let op = put("/r/a/x", value.clone(), Expect::Absent);
    let revision = store.txn(vec![op], trace).await.expect("goes through");
    let mut live = bench.watch(&store, "/r/a/", Revision::INITIAL);
    let want = Event {
        key: "/r/a/x".into(),
        value: Some(value.clone()),
        prev: None,
        created: revision,
        modified: revision,
        trace,
    };
    assert_eq!(*live.event().await, want);
    let found = store
        .get("/r/a/x", None)
        .await
        .expect("readable")
        .expect("there");
    assert!(found.value == value, "long values come back whole");
    for _ in 0..50 {
        set(&*store, "/r/a/y", &"x".repeat(1000)).await;
    }
    assert_eq!(
        *bench
            .watch(&store, "/r/a/", Revision::INITIAL)
            .event()
            .await,
        want
    );
}
