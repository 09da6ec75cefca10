//! The suite every store passes. [`run_all`] is the entry point; it panics at the first promise
//! that is broken, and names the case.

mod compaction;
mod concurrency;
mod crud;
mod expiry;
mod layered;
mod listing;
mod reopening;
mod transactions;
mod watched;
mod watching;

use std::sync::Arc;
use std::time::Duration;

use base::{Clock, TraceId};
use bytes::Bytes;
use futures::FutureExt;

use crate::{Error, Expect, KeyValue, Limit, Op, Options, Revision, Store};

#[cfg(test)]
pub(crate) use self::expiry::waits_for_no_value_that_is_gone;
pub use self::layered::{Layer, Layered, Slow};
pub(crate) use self::watched::Watched;

/// How the suite makes the stores it tests.
pub trait Factory: Sync {
    /// The implementation.
    type Store: Store + 'static;

    /// A store nobody has written to.
    fn create(&self, options: Options) -> Self::Store;

    /// Closes a store and opens it again.
    fn reopen(&self, store: Self::Store, options: Options) -> Self::Store;
}

/// One case of the suite.
type Case<'a> = (&'static str, futures::future::LocalBoxFuture<'a, ()>);

/// Runs every case. Needs a multi-threaded runtime.
///
/// # Panics
/// When the store breaks a promise.
pub async fn run_all<F: Factory>(factory: &F) {
    run_within(factory, Duration::from_secs(60)).await;
}

/// [`run_all`] with another limit for anything awaited, which otherwise counts as lost.
///
/// # Panics
/// When the store breaks a promise.
pub async fn run_within<F: Factory>(factory: &F, deadline: Duration) {
    let bench = Bench { factory, deadline };
    for (name, case) in cases(&bench) {
        eprintln!("case {name}");
        case.await;
    }
}

macro_rules! cases {
    ($bench:expr; $($module:ident: $($case:ident),+;)+) => {
        vec![$($(
            (
                concat!(stringify!($module), "::", stringify!($case)),
                $module::$case($bench).boxed_local(),
            ),
        )+)+]
    };
}

fn cases<'a, F: Factory>(bench: &'a Bench<'a, F>) -> Vec<Case<'a>> {
    cases![bench;
        crud: reads_what_was_written, every_state_stays_readable, refuses_nonsense;
        transactions: expectations_hold_or_name_the_conflict, takes_consecutive_revisions,
            is_visible_at_once, sees_its_own_operations;
        listing: pages_are_one_state, counts_and_bounds, pages_end_when_they_are_full;
        watching: from_every_revision, live_in_order, slow_reader_catches_up_from_history,
            one_kind_does_not_evict_another, progress_is_true, carries_traces_and_long_values;
        compaction: keeps_states_from_its_revision_on, edges_of_watches, open_watches,
            happens_when_history_is_old_enough;
        expiry: at_its_time_and_not_before, ignores_jumps_of_the_wall_clock,
            survives_reopening;
        reopening: keeps_revisions_and_history, ends_watches;
        concurrency: counters_lose_nothing, reads_see_acknowledged_writes,
            watches_agree_with_history;
    ]
}

/// What a case works with.
pub(crate) struct Bench<'a, F> {
    pub factory: &'a F,
    deadline: Duration,
}

impl<F: Factory> Bench<'_, F> {
    /// A store with rings and caches so small that the tests get past them.
    pub(crate) fn store(&self) -> Arc<F::Store> {
        Arc::new(self.factory.create(small(Clock::system())))
    }

    /// Everything after `after` that starts with `prefix`.
    pub(crate) fn watch(&self, store: &F::Store, prefix: &str, after: Revision) -> Watched {
        let stream = store.watch(prefix, after).expect("the watch starts");
        Watched::new(stream, self.deadline)
    }

    /// The output of a future that must not take for ever.
    pub(crate) async fn in_time<T>(&self, future: impl Future<Output = T>) -> T {
        Clock::system()
            .timeout(self.deadline, future)
            .await
            .expect("done before the deadline")
    }
}

/// Options under which a test's few events overflow every buffer.
pub(crate) fn small(clock: Clock) -> Options {
    Options {
        ring_bytes: 8 << 10,
        cache_bytes: 8 << 10,
        wal_bytes: 256 << 10,
        ..Options::new(clock)
    }
}

pub(crate) fn put(key: &str, value: impl Into<Bytes>, expect: Expect) -> Op {
    Op::Put {
        key: key.into(),
        value: value.into(),
        expect,
        ttl: None,
    }
}

pub(crate) fn delete(key: &str, expect: Expect) -> Op {
    Op::Delete {
        key: key.into(),
        expect,
    }
}

pub(crate) fn check(key: &str, expect: Expect) -> Op {
    Op::Check {
        key: key.into(),
        expect,
    }
}

/// Commits operations without a trace.
pub(crate) async fn commit(store: &dyn Store, ops: Vec<Op>) -> Result<Revision, Error> {
    store.txn(ops, TraceId::NONE).await
}

/// Puts a value that must go through.
pub(crate) async fn set(store: &dyn Store, key: &str, value: &str) -> Revision {
    let op = put(key, value.to_owned(), Expect::Any);
    commit(store, vec![op])
        .await
        .expect("an unconditional put goes through")
}

/// Deletes a key, which must go through.
pub(crate) async fn remove(store: &dyn Store, key: &str) -> Revision {
    commit(store, vec![delete(key, Expect::Any)])
        .await
        .expect("an unconditional delete")
}

/// A key's value as text, or `-`.
pub(crate) fn text(found: Option<&KeyValue>) -> String {
    found.map_or_else(
        || "-".to_owned(),
        |found| String::from_utf8_lossy(&found.value).into_owned(),
    )
}

/// `key=value` of everything under a prefix.
pub(crate) async fn state(
    store: &dyn Store,
    prefix: &str,
    at: Option<Revision>,
) -> Result<Vec<String>, Error> {
    let page = store.list(prefix, None, at, Limit::NONE).await?;
    Ok(page
        .items
        .iter()
        .map(|item| format!("{}={}", item.key, text(Some(item))))
        .collect())
}
