//! Expectations, conflicts, and several operations at once.

use super::{Bench, Factory, check, commit, delete, put, set, state, text};
use crate::{Error, Expect, Limit, Op, Revision, Store};

/// The outcome of a transaction as text.
async fn outcome(store: &dyn Store, ops: Vec<Op>) -> String {
    match commit(store, ops).await {
        Ok(revision) => format!("{revision}"),
        Err(Error::Conflict { op, current }) => {
            let revision = current
                .as_ref()
                .map_or(Revision::ZERO, |found| found.modified);
            format!("conflict at {op}: {} {revision}", text(current.as_ref()))
        }
        Err(error) => panic!("{error}"),
    }
}

pub(super) async fn expectations_hold_or_name_the_conflict<F: Factory>(bench: &Bench<'_, F>) {
    let store = bench.store();
    set(&*store, "there", "2").await;
    let (absent, any) = (Expect::Absent, Expect::Any);
    let at = |revision| Expect::At(Revision(revision));
    let table: Vec<(Vec<Op>, &str)> = vec![
        (vec![put("there", "x", absent)], "conflict at 0: 2 2"),
        (vec![put("there", "x", at(1))], "conflict at 0: 2 2"),
        (vec![put("there", "x", at(9))], "conflict at 0: 2 2"),
        (vec![put("gone", "x", at(2))], "conflict at 0: - 0"),
        (vec![delete("gone", at(2))], "conflict at 0: - 0"),
        (vec![delete("there", absent)], "conflict at 0: 2 2"),
        (vec![check("there", absent)], "conflict at 0: 2 2"),
        (vec![check("gone", at(2))], "conflict at 0: - 0"),
        (
            vec![put("new", "x", absent), check("there", at(3))],
            "conflict at 1: 2 2",
        ),
        (
            vec![put("there", "x", any), put("there", "y", at(2))],
            "conflict at 1: x 3",
        ),
        (vec![check("there", at(2)), check("gone", absent)], "2"),
        (vec![delete("gone", absent)], "2"),
        (vec![put("there", "3", at(2))], "3"),
        (vec![put("gone", "4", absent)], "4"),
        (vec![delete("gone", at(4))], "5"),
        (vec![put("gone", "6", absent)], "6"),
        (
            vec![
                check("there", at(3)),
                put("a", "7", any),
                check("a", any),
                put("b", "8", any),
            ],
            "8",
        ),
    ];
    for (ops, want) in table {
        let shown = format!("{ops:?}");
        assert_eq!(outcome(&*store, ops).await, want, "{shown}");
    }
    let want = ["a=7", "b=8", "gone=6", "there=3"];
    assert_eq!(state(&*store, "", None).await.expect("readable"), want);
}

pub(super) async fn takes_consecutive_revisions<F: Factory>(bench: &Bench<'_, F>) {
    let store = bench.store();
    let mut watched = bench.watch(&store, "", Revision::ZERO);
    let ops = vec![
        put("a", "1", Expect::Absent),
        check("b", Expect::Absent),
        put("b", "1", Expect::Any),
        delete("c", Expect::Any),
        put("a", "2", Expect::Any),
        delete("b", Expect::Any),
    ];
    assert_eq!(outcome(&*store, ops).await, "5");
    let want = ["2 a=1", "3 b=1", "4 a=2 [2 1]", "5 -b [3 1]"];
    assert_eq!(watched.events(4).await, want);
}

pub(super) async fn sees_its_own_operations<F: Factory>(bench: &Bench<'_, F>) {
    let store = bench.store();
    let ops = vec![
        put("a", "1", Expect::Absent),
        check("a", Expect::At(Revision(2))),
        delete("a", Expect::At(Revision(2))),
        check("a", Expect::Absent),
        put("a", "2", Expect::Absent),
    ];
    assert_eq!(outcome(&*store, ops).await, "4");
    let found = store
        .get("a", None)
        .await
        .expect("readable")
        .expect("there");
    assert_eq!((found.created, found.modified), (Revision(4), Revision(4)));
}

/// Two keys that every transaction keeps equal are never seen apart.
pub(super) async fn is_visible_at_once<F: Factory>(bench: &Bench<'_, F>) {
    let store = bench.store();
    let writer = {
        let store = store.clone();
        tokio::spawn(async move {
            for round in 0..150 {
                let value = format!("{round}");
                let pair = ["p/left", "p/right"].map(|key| put(key, value.clone(), Expect::Any));
                commit(&*store, pair.into()).await.expect("goes through");
            }
        })
    };
    while !writer.is_finished() {
        let page = store
            .list("p/", None, None, Limit::NONE)
            .await
            .expect("readable");
        let values: Vec<_> = page.items.iter().map(|item| text(Some(item))).collect();
        match &values[..] {
            [] => assert_eq!(page.revision, Revision::INITIAL),
            [left, right] => {
                assert_eq!(left, right, "at {}", page.revision);
                assert_eq!(
                    page.revision, page.items[1].modified,
                    "the transaction's last"
                );
            }
            _ => panic!("half a transaction: {values:?}"),
        }
        tokio::task::yield_now().await;
    }
    writer.await.expect("the writer ends well");
}
