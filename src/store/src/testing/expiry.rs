//! Keys with a time to live.

use std::time::Duration;

use base::clock::Hands;
use base::{Clock, Shutdown};
use jiff::Timestamp;

use super::compaction::settle;
#[cfg(test)]
use super::remove;
use super::{Bench, Factory, Watched, commit, set, small, state};
#[cfg(test)]
use crate::upkeep::Tended;
use crate::{Expect, Op, Options, Revision, Store};

const HOUR: Duration = Duration::from_secs(3600);

fn put_for(key: &str, ttl: Duration) -> Op {
    Op::Put {
        key: key.into(),
        value: "x".into(),
        expect: Expect::Any,
        ttl: Some(ttl),
    }
}

async fn set_for(store: &dyn Store, key: &str, ttl: Duration) -> Revision {
    let op = put_for(key, ttl);
    commit(store, vec![op]).await.expect("goes through")
}

fn manual() -> (Options, Hands) {
    let (clock, hands) = Clock::manual(Timestamp::UNIX_EPOCH);
    // Compaction stays out of the way.
    (
        Options {
            history: HOUR * 1000,
            ..small(clock)
        },
        hands,
    )
}

/// Runs `work` beside the store's upkeep.
async fn tended<F: Factory>(
    bench: &Bench<'_, F>,
    store: &F::Store,
    work: impl Future<Output = ()>,
) {
    let shutdown = Shutdown::new();
    let upkeep = store.upkeep(shutdown.clone());
    let work = async {
        work.await;
        shutdown.stop();
    };
    bench.in_time(futures::future::join(upkeep, work)).await;
}

fn watch<F: Factory>(bench: &Bench<'_, F>, store: &F::Store) -> Watched {
    bench.watch(store, "", store.revision())
}

pub(super) async fn at_its_time_and_not_before<F: Factory>(bench: &Bench<'_, F>) {
    let (options, hands) = manual();
    let store = bench.factory.create(options);
    tended(bench, &store, async {
        let mut watched = watch(bench, &store);
        set_for(&store, "hour", HOUR).await;
        set_for(&store, "minute", HOUR / 60).await;
        set_for(&store, "renewed", HOUR / 60).await;
        set_for(&store, "kept", HOUR / 60).await;
        set_for(&store, "renewed", HOUR * 2).await;
        set(&store, "kept", "y").await;
        watched.events(6).await;
        settle().await;
        hands.advance(HOUR / 60 - Duration::from_millis(1));
        settle().await;
        let live = state(&store, "", None).await.expect("readable");
        assert_eq!(live, ["hour=x", "kept=y", "minute=x", "renewed=x"]);
        hands.advance(Duration::from_millis(1));
        assert_eq!(watched.events(1).await, ["8 -minute [3 x]"]);
        hands.advance(HOUR);
        assert_eq!(watched.events(1).await, ["9 -hour [2 x]"]);
        hands.advance(HOUR);
        assert_eq!(watched.events(1).await, ["10 -renewed [6 x]"]);
        hands.advance(HOUR * 100);
        settle().await;
        assert_eq!(state(&store, "", None).await.expect("readable"), ["kept=y"]);
    })
    .await;
}

pub(super) async fn ignores_jumps_of_the_wall_clock<F: Factory>(bench: &Bench<'_, F>) {
    let (options, hands) = manual();
    let store = bench.factory.create(options);
    tended(bench, &store, async {
        let mut watched = watch(bench, &store);
        set_for(&store, "a", HOUR).await;
        watched.events(1).await;
        for jump in [10.0 * 365.0 * 86400.0, -20.0 * 365.0 * 86400.0] {
            hands.shift_wall(jump);
            hands.advance(Duration::from_secs(1));
            settle().await;
            assert_eq!(state(&store, "", None).await.expect("readable"), ["a=x"]);
        }
        hands.advance(HOUR);
        assert_eq!(watched.events(1).await, ["3 -a [2 x]"]);
    })
    .await;
}

pub(super) async fn survives_reopening<F: Factory>(bench: &Bench<'_, F>) {
    let (options, hands) = manual();
    let store = bench.factory.create(options.clone());
    set_for(&store, "a", HOUR).await;
    set_for(&store, "b", HOUR * 3).await;
    hands.advance(HOUR * 2);
    let store = bench.factory.reopen(store, options);
    tended(bench, &store, async {
        let mut watched = bench.watch(&store, "", Revision(3));
        assert_eq!(
            watched.events(1).await,
            ["4 -a [2 x]"],
            "expired while closed"
        );
        hands.advance(HOUR);
        assert_eq!(watched.events(1).await, ["5 -b [3 x]"]);
    })
    .await;
}

/// However often a key is written, its last time is the only one that is kept.
#[cfg(test)]
pub(crate) async fn waits_for_no_value_that_is_gone<F: Factory>(factory: &F)
where
    F::Store: Tended,
{
    let (options, _hands) = manual();
    let store = factory.create(options.clone());
    let waits = |store: &F::Store, hours: Option<u32>, what: &str| {
        assert_eq!(
            store.next_expiry(),
            hours.map(|hours| HOUR * hours),
            "{what}"
        );
    };
    for hours in [1, 9, 4] {
        set_for(&store, "a", HOUR * hours).await;
        waits(&store, Some(hours), "set again");
    }
    set_for(&store, "b", HOUR).await;
    waits(&store, Some(1), "the earliest");
    set(&store, "b", "y").await;
    waits(&store, Some(4), "for ever now");
    let both = vec![put_for("c", HOUR * 2), put_for("c", HOUR * 5)];
    commit(&store, both).await.expect("goes through");
    waits(&store, Some(4), "twice at once");
    let store = factory.reopen(store, options);
    waits(&store, Some(4), "opened again");
    remove(&store, "a").await;
    waits(&store, Some(5), "deleted");
    set(&store, "a", "y").await;
    remove(&store, "c").await;
    waits(&store, None, "nothing left");
}
