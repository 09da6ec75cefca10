//! Many writers and readers at once.

use std::collections::BTreeMap;

use futures::future::join_all;

use super::{Bench, Factory, commit, put, text};
use crate::{Error, Expect, Limit, Revision, Store};

const WRITERS: usize = 8;
const ROUNDS: usize = 40;

/// Adds one to a number under compare-and-set; the revision at which it went through.
async fn increment(store: &dyn Store, key: &str) -> Revision {
    loop {
        let found = store.get(key, None).await.expect("readable");
        let number: u64 = found
            .as_ref()
            .map_or(0, |found| text(Some(found)).parse().expect("ours"));
        let expect = found.map_or(Expect::Absent, |found| Expect::At(found.modified));
        match commit(store, vec![put(key, format!("{}", number + 1), expect)]).await {
            Ok(revision) => return revision,
            Err(Error::Conflict { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

pub(super) async fn counters_lose_nothing<F: Factory>(bench: &Bench<'_, F>) {
    let store = bench.store();
    let writers = (0..WRITERS).map(|_| {
        let store = store.clone();
        tokio::spawn(async move {
            for _ in 0..ROUNDS {
                increment(&*store, "counter").await;
            }
        })
    });
    for writer in bench.in_time(join_all(writers)).await {
        writer.expect("the writer ends well");
    }
    let found = store.get("counter", None).await.expect("readable");
    assert_eq!(text(found.as_ref()), (WRITERS * ROUNDS).to_string());
    assert_eq!(store.revision(), Revision(1 + (WRITERS * ROUNDS) as u64));
}

/// Revisions respect real time, and a read never misses what was acknowledged before it.
pub(super) async fn reads_see_acknowledged_writes<F: Factory>(bench: &Bench<'_, F>) {
    let store = bench.store();
    let writers = (0..WRITERS).map(|writer| {
        let store = store.clone();
        tokio::spawn(async move {
            let key = format!("/r/a/{writer}");
            for round in 0..ROUNDS {
                let before = store.revision();
                let ops = vec![put(&key, format!("{round}"), Expect::Any)];
                let revision = commit(&*store, ops).await.expect("goes through");
                assert!(
                    revision > before,
                    "{revision} was taken after {before} was seen"
                );
                assert!(store.revision() >= revision);
                let found = store
                    .get(&key, None)
                    .await
                    .expect("readable")
                    .expect("there");
                assert_eq!(
                    (text(Some(&found)), found.modified),
                    (format!("{round}"), revision)
                );
                let page = store
                    .list("/r/a/", None, None, Limit::NONE)
                    .await
                    .expect("readable");
                assert!(page.revision >= revision);
                assert!(page.items.contains(&found));
            }
        })
    });
    for writer in bench.in_time(join_all(writers)).await {
        writer.expect("the writer ends well");
    }
}

/// Everybody's acknowledged revisions, put in order, are exactly what watches show.
pub(super) async fn watches_agree_with_history<F: Factory>(bench: &Bench<'_, F>) {
    let store = bench.store();
    let watches: Vec<_> = (0..4)
        .map(|_| bench.watch(&store, "/r/", Revision::INITIAL))
        .collect();
    let writers = (0..WRITERS).map(|writer| {
        let store = store.clone();
        tokio::spawn(async move {
            let mut acknowledged = Vec::new();
            for round in 0..ROUNDS {
                let value = format!("{writer}.{round}");
                let keys = [format!("/r/a/{writer}"), format!("/r/b/{}", round % 3)];
                let ops = keys
                    .clone()
                    .map(|key| put(&key, value.clone(), Expect::Any));
                let last = commit(&*store, ops.into()).await.expect("goes through");
                for (key, back) in keys.into_iter().zip([1, 0]) {
                    acknowledged.push((Revision(last.0 - back), format!("{key}={value}")));
                }
            }
            acknowledged
        })
    });
    let mut model = BTreeMap::new();
    for writer in bench.in_time(join_all(writers)).await {
        for (revision, line) in writer.expect("the writer ends well") {
            assert_eq!(
                model.insert(revision, line),
                None,
                "{revision} was given out twice"
            );
        }
    }
    let want: Vec<_> = model
        .iter()
        .map(|(revision, line)| format!("{revision} {line}"))
        .collect();
    for mut watched in watches {
        let got = watched.events(want.len()).await;
        let got: Vec<_> = got
            .iter()
            .map(|line| line.split(" [").next().expect("never empty"))
            .collect();
        assert_eq!(got, want);
    }
}
