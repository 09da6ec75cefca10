//! Single writes and reads.

use super::{Bench, Factory, commit, delete, put, remove, set, state, text};
use crate::{Error, Expect, Limit, Revision, Store};

pub(super) async fn reads_what_was_written<F: Factory>(bench: &Bench<'_, F>) {
    let store = bench.store();
    assert_eq!(store.revision(), Revision::INITIAL);
    assert_eq!(store.get("/r/a/x", None).await.expect("readable"), None);
    assert_eq!(set(&*store, "/r/a/x", "one").await, Revision(2));
    assert_eq!(set(&*store, "/r/a/x", "two").await, Revision(3));
    let found = store
        .get("/r/a/x", None)
        .await
        .expect("readable")
        .expect("there");
    assert_eq!((&*found.key, &*found.value), ("/r/a/x", &b"two"[..]));
    assert_eq!((found.created, found.modified), (Revision(2), Revision(3)));
    assert_eq!(remove(&*store, "/r/a/x").await, Revision(4));
    assert_eq!(store.get("/r/a/x", None).await.expect("readable"), None);
    assert_eq!(set(&*store, "/r/a/x", "again").await, Revision(5));
    let found = store
        .get("/r/a/x", None)
        .await
        .expect("readable")
        .expect("there");
    assert_eq!((found.created, found.modified), (Revision(5), Revision(5)));
    assert_eq!(set(&*store, "/r/a/x", "").await, Revision(6));
    let found = store
        .get("/r/a/x", None)
        .await
        .expect("readable")
        .expect("there");
    assert_eq!(&*found.value, b"", "an empty value is a value");
    assert_eq!(
        set(&*store, "/r/a/x", "").await,
        Revision(7),
        "a put without change is a change"
    );
}

pub(super) async fn every_state_stays_readable<F: Factory>(bench: &Bench<'_, F>) {
    let store = bench.store();
    let mut history: Vec<(Revision, Vec<String>)> = vec![(Revision::INITIAL, vec![])];
    for step in 0..60_u32 {
        let key = format!("/r/a/{}", step % 7);
        let revision = if step % 5 == 4 && store.get(&key, None).await.expect("read").is_some() {
            remove(&*store, &key).await
        } else {
            set(&*store, &key, &format!("value {step} {}", "x".repeat(300))).await
        };
        history.push((revision, state(&*store, "", None).await.expect("readable")));
    }
    for (revision, want) in &history {
        assert_eq!(
            &state(&*store, "", Some(*revision)).await.expect("readable"),
            want
        );
        for key in 0..7 {
            let key = format!("/r/a/{key}");
            let found = store.get(&key, Some(*revision)).await.expect("readable");
            let line = found
                .as_ref()
                .map(|found| format!("{key}={}", text(Some(found))));
            let want = want
                .iter()
                .find(|line| line.starts_with(&format!("{key}=")));
            assert_eq!(line.as_ref(), want, "{key} at {revision}");
        }
    }
    let future = store.revision().next();
    let error = store
        .get("/r/a/0", Some(future))
        .await
        .expect_err("in the future");
    assert!(matches!(error, Error::FutureRevision { current } if current.next() == future));
    let error = store
        .list("", None, Some(future), Limit::NONE)
        .await
        .expect_err("in the future");
    assert!(matches!(error, Error::FutureRevision { .. }));
}

pub(super) async fn refuses_nonsense<F: Factory>(bench: &Bench<'_, F>) {
    let store = bench.store();
    let error = commit(&*store, vec![put("", "x", Expect::Any)])
        .await
        .expect_err("no key");
    assert!(matches!(error, Error::Invalid(_)), "{error}");
    // Deleting what is not there is no change.
    let same = commit(&*store, vec![delete("/r/a/x", Expect::Any)])
        .await
        .expect("nothing to do");
    assert_eq!(same, Revision::INITIAL);
    let same = commit(&*store, vec![]).await.expect("nothing to do");
    assert_eq!(
        (same, store.revision()),
        (Revision::INITIAL, Revision::INITIAL)
    );
}
