//! The suite must turn red for a store that breaks a promise: these stores each break one.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use base::{Shutdown, TraceId};
use futures::{FutureExt, StreamExt, future, stream};
use store::testing::{Factory, run_within};
use store::{
    BoxFuture, Error, KeyValue, Limit, MemStore, Op, Options, Page, Revision, Store, WatchItem,
    WatchStream,
};

/// What is wrong with a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Defect {
    None,
    /// Every watch loses its fifth event.
    DropsAnEvent,
    /// Every watch yields its fifth event twice.
    RepeatsAnEvent,
    /// Watches start one revision late.
    StartsLate,
    /// Progress is announced one revision ahead.
    BoastsOfProgress,
    /// Reads at an old revision answer the current state.
    ForgetsHistory,
    /// Expectations of the second and later operations are not looked at.
    ChecksOnlyTheFirst,
    /// A transaction is committed operation by operation.
    CommitsPiecemeal,
    /// A reopened store is empty.
    LosesAll,
    /// Keys with a ttl live for ever.
    IgnoresTtl,
    /// A compaction is acknowledged and not done.
    IgnoresCompaction,
    /// The second page of a list starts with the last key of the first.
    PagesOverlap,
    /// Pages have as many keys as they may, whatever those weigh.
    OverloadsPages,
    /// A page that was full before its last key passes for the last page.
    EndsWithAFullPage,
}

pub struct Saboteur {
    inner: Arc<MemStore>,
    defect: Defect,
}

impl Saboteur {
    pub fn new(store: MemStore, defect: Defect) -> Self {
        Self {
            inner: Arc::new(store),
            defect,
        }
    }

    fn is(&self, defect: Defect) -> bool {
        self.defect == defect
    }
}

impl Store for Saboteur {
    fn revision(&self) -> Revision {
        self.inner.revision()
    }

    fn get<'a>(
        &'a self,
        key: &'a str,
        at: Option<Revision>,
    ) -> BoxFuture<'a, Result<Option<KeyValue>, Error>> {
        let at = at.filter(|_| !self.is(Defect::ForgetsHistory));
        self.inner.get(key, at)
    }

    fn list<'a>(
        &'a self,
        prefix: &'a str,
        from: Option<&'a str>,
        at: Option<Revision>,
        limit: Limit,
    ) -> BoxFuture<'a, Result<Page, Error>> {
        if self.is(Defect::PagesOverlap)
            && let Some(from) = from
        {
            let before = from[..from.len() - 1].to_owned();
            return async move { self.inner.list(prefix, Some(&before), at, limit).await }.boxed();
        }
        let heavy = Limit::keys(limit.keys);
        match self.defect {
            Defect::OverloadsPages => self.inner.list(prefix, from, at, heavy),
            Defect::EndsWithAFullPage => async move {
                let mut page = self.inner.list(prefix, from, at, limit).await?;
                if page.items.len() < limit.keys {
                    (page.more, page.remaining) = (false, Some(0));
                }
                Ok(page)
            }
            .boxed(),
            _ => self.inner.list(prefix, from, at, limit),
        }
    }

    fn txn<'a>(
        &'a self,
        mut ops: Vec<Op>,
        trace: TraceId,
    ) -> BoxFuture<'a, Result<Revision, Error>> {
        let later = ops.iter_mut().skip(1);
        match self.defect {
            Defect::ChecksOnlyTheFirst => later.for_each(trust),
            Defect::IgnoresTtl => ops.iter_mut().for_each(keep),
            Defect::CommitsPiecemeal => {
                return async move {
                    for op in ops {
                        self.inner.txn(vec![op], trace).await?;
                        tokio::task::yield_now().await;
                    }
                    Ok(self.inner.revision())
                }
                .boxed();
            }
            _ => {}
        }
        self.inner.txn(ops, trace)
    }

    fn watch(&self, prefix: &str, after: Revision) -> Result<WatchStream, Error> {
        let late = self.is(Defect::StartsLate) && after < self.revision();
        let after = if late { after.next() } else { after };
        let watch = self.inner.watch(prefix, after)?;
        let defect = self.defect;
        let mut events = 0;
        let items = watch.flat_map(move |item| {
            if matches!(item, Ok(WatchItem::Event(_))) {
                events += 1;
            }
            let fifth = events == 5 && matches!(item, Ok(WatchItem::Event(_)));
            stream::iter(match (defect, item) {
                (Defect::DropsAnEvent, _) if fifth => vec![],
                (Defect::RepeatsAnEvent, item) if fifth => vec![item.clone(), item],
                (Defect::BoastsOfProgress, Ok(WatchItem::Progress(at))) => {
                    vec![Ok(WatchItem::Progress(at.next()))]
                }
                (_, item) => vec![item],
            })
        });
        Ok(items.boxed())
    }

    fn request_progress(&self) {
        self.inner.request_progress();
    }

    fn compact(&self, at: Revision) -> BoxFuture<'_, Result<(), Error>> {
        if self.is(Defect::IgnoresCompaction) {
            return future::ready(Ok(())).boxed();
        }
        self.inner.compact(at)
    }

    fn upkeep(&self, shutdown: Shutdown) -> BoxFuture<'_, ()> {
        self.inner.upkeep(shutdown)
    }
}

fn trust(op: &mut Op) {
    match op {
        Op::Put { expect, .. } | Op::Delete { expect, .. } | Op::Check { expect, .. } => {
            *expect = store::Expect::Any;
        }
    }
}

fn keep(op: &mut Op) {
    if let Op::Put { ttl, .. } = op {
        *ttl = None;
    }
}

impl Factory for Defect {
    type Store = Saboteur;

    fn create(&self, options: Options) -> Saboteur {
        Saboteur::new(MemStore::new(options), *self)
    }

    fn reopen(&self, store: Saboteur, options: Options) -> Saboteur {
        if *self == Defect::LosesAll {
            return self.create(options);
        }
        let inner = Arc::into_inner(store.inner).expect("nobody else holds it");
        Saboteur::new(inner.reopened(options), *self)
    }
}

/// Whether the suite passes.
async fn green(defect: Defect) -> bool {
    let suite = run_within(&defect, Duration::from_secs(2));
    AssertUnwindSafe(suite).catch_unwind().await.is_ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_suite_catches_every_saboteur() {
    let saboteurs = [
        Defect::DropsAnEvent,
        Defect::RepeatsAnEvent,
        Defect::StartsLate,
        Defect::BoastsOfProgress,
        Defect::ForgetsHistory,
        Defect::ChecksOnlyTheFirst,
        Defect::CommitsPiecemeal,
        Defect::LosesAll,
        Defect::IgnoresTtl,
        Defect::IgnoresCompaction,
        Defect::PagesOverlap,
        Defect::OverloadsPages,
        Defect::EndsWithAFullPage,
    ];
    assert!(green(Defect::None).await, "the wrapper itself is sound");
    let mut missed = Vec::new();
    for defect in saboteurs {
        if green(defect).await {
            missed.push(defect);
        }
    }
    println!("missed={} of {} saboteurs", missed.len(), saboteurs.len());
    assert!(missed.is_empty(), "{missed:?}");
}
