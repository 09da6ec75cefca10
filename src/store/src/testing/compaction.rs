//! What a compaction takes, and what it must leave.

use std::time::Duration;

use base::{Clock, Shutdown};
use jiff::Timestamp;

use super::{Bench, Factory, remove, set, small, state};
use crate::{Error, Revision, Store};

/// a=1 (2), b=1 (3), a=2 (4), b deleted (5), a=3 (6), b=2 (7).
async fn write_six(store: &dyn Store) {
    set(store, "a", "1").await;
    set(store, "b", "1").await;
    set(store, "a", "2").await;
    remove(store, "b").await;
    set(store, "a", "3").await;
    set(store, "b", "2").await;
}

const EVENTS: [&str; 6] = [
    "2 a=1",
    "3 b=1",
    "4 a=2 [2 1]",
    "5 -b [3 1]",
    "6 a=3 [4 2]",
    "7 b=2",
];

pub(super) async fn keeps_states_from_its_revision_on<F: Factory>(bench: &Bench<'_, F>) {
    let states: [&[&str]; 7] = [
        &[],
        &["a=1"],
        &["a=1", "b=1"],
        &["a=2", "b=1"],
        &["a=2"],
        &["a=3"],
        &["a=3", "b=2"],
    ];
    for at in 2..=7 {
        let store = bench.store();
        write_six(&*store).await;
        store.compact(Revision(at)).await.expect("compacts");
        for (revision, want) in (1..).map(Revision).zip(states) {
            let got = state(&*store, "", Some(revision)).await;
            if revision < Revision(at) {
                let error = got.expect_err("compacted");
                let oldest = Revision(at);
                assert!(
                    matches!(error, Error::Compacted { oldest: o } if o == oldest),
                    "{error}"
                );
                assert!(store.get("a", Some(revision)).await.is_err());
            } else {
                assert_eq!(got.expect("readable"), want, "{revision} compacted at {at}");
            }
        }
        assert_eq!(state(&*store, "", None).await.expect("readable"), states[6]);
        assert_eq!(set(&*store, "c", "x").await, Revision(8));
    }
}

pub(super) async fn edges_of_watches<F: Factory>(bench: &Bench<'_, F>) {
    for at in 2..=7_u64 {
        let store = bench.store();
        write_six(&*store).await;
        store.compact(Revision(at)).await.expect("compacts");
        // Compacting again, at or before, changes nothing.
        store.compact(Revision(at)).await.expect("nothing to do");
        store
            .compact(Revision(at - 1))
            .await
            .expect("nothing to do");
        let error = store.compact(Revision(8)).await.expect_err("in the future");
        assert!(
            matches!(
                error,
                Error::FutureRevision {
                    current: Revision(7)
                }
            ),
            "{error}"
        );
        for after in 0..=7_u64 {
            if after < at {
                let error = store.watch("", Revision(after)).err().expect("compacted");
                assert!(matches!(error, Error::Compacted { oldest } if oldest == Revision(at)));
            } else {
                let mut watched = bench.watch(&store, "", Revision(after));
                let skip = usize::try_from(after - 1).expect("small");
                assert_eq!(watched.until(Revision(7)).await, &EVENTS[skip..], "{after}");
            }
        }
    }
}

/// A watch that was open either goes on without a gap or says that it cannot.
pub(super) async fn open_watches<F: Factory>(bench: &Bench<'_, F>) {
    let store = bench.store();
    let mut current = bench.watch(&store, "", Revision::INITIAL);
    let mut behind = bench.watch(&store, "", Revision::INITIAL);
    write_six(&*store).await;
    for round in 0..100 {
        set(&*store, "noise", &format!("{round}{}", "x".repeat(200))).await;
    }
    assert_eq!(current.events(106).await[..6], EVENTS);
    let at = store.revision();
    store.compact(at).await.expect("compacts");
    let error = behind.error().await;
    assert!(
        matches!(error, Error::Compacted { oldest } if oldest == at),
        "{error}"
    );
    assert_eq!(
        current.until(at).await,
        Vec::<String>::new(),
        "a compaction asks for progress"
    );
    let next = set(&*store, "a", "4").await;
    assert_eq!(current.events(1).await, [format!("{next} a=4 [6 3]")]);
}

pub(super) async fn happens_when_history_is_old_enough<F: Factory>(bench: &Bench<'_, F>) {
    let (clock, hands) = Clock::manual(Timestamp::UNIX_EPOCH);
    let history = Duration::from_secs(300);
    let store = bench.factory.create(small(clock));
    let shutdown = Shutdown::new();
    let work = async {
        let mut watched = bench.watch(&store, "", Revision::INITIAL);
        assert_eq!(watched.until(Revision::INITIAL).await, Vec::<String>::new());
        write_six(&store).await;
        assert_eq!(watched.events(6).await, EVENTS);
        settle().await;
        hands.advance(history - Duration::from_secs(1));
        settle().await;
        assert!(
            state(&store, "", Some(Revision(2))).await.is_ok(),
            "history is young"
        );
        hands.advance(history);
        // The compaction announces itself.
        watched.until(Revision(7)).await;
        let at = loop {
            match state(&store, "", Some(Revision(2))).await {
                Err(Error::Compacted { oldest }) => break oldest,
                _ => tokio::task::yield_now().await,
            }
        };
        assert!(at <= Revision(7), "{at}");
        shutdown.stop();
    };
    let both = futures::future::join(store.upkeep(shutdown.clone()), work);
    bench.in_time(both).await;
}

/// Lets other tasks run until they wait.
pub(super) async fn settle() {
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
}
