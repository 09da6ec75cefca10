//! What a closed store finds when it is opened again.

use std::sync::Arc;

use base::Clock;

use super::{Bench, Factory, commit, put, remove, set, small, state};
use crate::{Error, Expect, Revision, Store};

pub(super) async fn keeps_revisions_and_history<F: Factory>(bench: &Bench<'_, F>) {
    let mut store = bench.factory.create(small(Clock::system()));
    let mut states = vec![(Revision::INITIAL, vec![])];
    let mut oldest = Revision::ZERO;
    for round in 0..4_usize {
        for step in 0..20_usize {
            let key = format!("/r/a/{}", (step * 7 + round) % 9);
            if step % 6 == 5 {
                remove(&store, &key).await;
            } else {
                let long = "x".repeat(step * 700);
                let pair = [key, "/r/b/last".to_owned()];
                let ops = pair.map(|key| put(&key, format!("{step} {long}"), Expect::Any));
                commit(&store, ops.into()).await.expect("goes through");
            }
            states.push((
                store.revision(),
                state(&store, "", None).await.expect("readable"),
            ));
        }
        if round > 0 {
            oldest = states[states.len() - 12].0;
            store.compact(oldest).await.expect("compacts");
        }
        let before = store.revision();
        let lines = bench.watch(&store, "", oldest).until(before).await;
        store = bench.factory.reopen(store, small(Clock::system()));
        assert_eq!(store.revision(), before);
        assert_eq!(bench.watch(&store, "", oldest).until(before).await, lines);
        for (revision, want) in &states {
            let got = state(&store, "", Some(*revision)).await;
            if *revision < oldest {
                assert!(matches!(got, Err(Error::Compacted { oldest: at }) if at == oldest));
            } else {
                assert_eq!(&got.expect("readable"), want, "{revision}");
            }
        }
    }
    // The newest change gone by compaction must not free its revision.
    let gone = remove(&store, "/r/b/last").await;
    store.compact(gone).await.expect("compacts");
    let store = bench.factory.reopen(store, small(Clock::system()));
    assert_eq!(store.revision(), gone);
    assert_eq!(set(&store, "/r/b/last", "new").await, gone.next());
}

pub(super) async fn ends_watches<F: Factory>(bench: &Bench<'_, F>) {
    let store = bench.store();
    let mut watched = bench.watch(&store, "", Revision::INITIAL);
    set(&*store, "a", "1").await;
    assert_eq!(watched.events(1).await, ["2 a=1"]);
    let store = Arc::into_inner(store).expect("the only handle");
    let store = bench.factory.reopen(store, small(Clock::system()));
    let error = watched.error().await;
    assert!(matches!(error, Error::Closed), "{error}");
    assert_eq!(
        bench.watch(&store, "", Revision::INITIAL).events(1).await,
        ["2 a=1"]
    );
}
