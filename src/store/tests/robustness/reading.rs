//! Reads, lists and watches while the files are closed and opened again after a fault: nobody
//! notices.

use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use base::TraceId;
use base::failpoint::{self, Fault};
use futures::StreamExt;
use futures::future::join_all;
use store::testing::{Layer, Layered};
use store::{
    BoxFuture, Error, Event, KeyValue, Limit, MemStore, Options, Revision, SledStore, Store,
    WatchItem, WatchStream,
};

use crate::controls::{Defect, Saboteur};
use crate::crash::{id_of, options, put};

const POINTS: [&str; 5] = [
    "store::before-write",
    "store::before-sync",
    "store::before-publish",
    "store::before-apply",
    "store::before-apply-sync",
];
const KEYS: usize = 24;
const READERS: usize = 3;
const FAULTS: u64 = 10;

/// What readers know of the writes.
#[derive(Default)]
struct Known {
    /// The last acknowledged revision of each key.
    acknowledged: [AtomicU64; KEYS],
    /// The last revision of all before the first fault.
    filled: AtomicU64,
    done: AtomicBool,
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Figures {
    /// Reads that were refused.
    errors: usize,
    /// Answers older than what had been acknowledged, or of another time than asked for.
    stale: usize,
    /// Events missing, doubled or out of order in a watch.
    gaps: usize,
    reads: usize,
}

impl Figures {
    fn add(self, other: &Self) -> Self {
        Self {
            errors: self.errors + other.errors,
            stale: self.stale + other.stale,
            gaps: self.gaps + other.gaps,
            reads: self.reads + other.reads,
        }
    }

    /// The answer of a read, if there is one.
    fn note<T>(&mut self, answer: Result<T, Error>) -> Option<T> {
        self.reads += 1;
        match answer {
            Ok(answer) => Some(answer),
            Err(error) => {
                eprintln!("a read: {error}");
                self.errors += 1;
                None
            }
        }
    }

    fn check(&mut self, found: Option<&KeyValue>, from: u64, upto: u64) {
        let modified = found.map_or(0, |found| found.modified.0);
        self.stale += usize::from(modified < from || modified > upto);
        if let Some(found) = found {
            id_of(&found.value);
        }
    }
}

fn key(number: usize) -> String {
    format!("/r/own/{number:02}")
}

/// One of each read.
async fn read(store: &dyn Store, known: &Known, number: usize, figures: &mut Figures) {
    let filled = known.filled.load(Ordering::SeqCst);
    let from = known.acknowledged[number].load(Ordering::SeqCst);
    if let Some(found) = figures.note(store.get(&key(number), None).await) {
        figures.check(found.as_ref(), from, u64::MAX);
    }
    let old = store.get(&key(number), Some(Revision(filled))).await;
    if let Some(found) = figures.note(old) {
        figures.check(found.as_ref(), 1, filled);
    }
    let from: Vec<u64> = known
        .acknowledged
        .iter()
        .map(|at| at.load(Ordering::SeqCst))
        .collect();
    let page = store.list("/r/own/", None, None, Limit::NONE).await;
    if let Some(page) = figures.note(page) {
        for (number, from) in from.into_iter().enumerate() {
            figures.check(page.items.get(number), from, page.revision.0);
        }
    }
    let upto = store.revision();
    let after = match number {
        0 => Revision::INITIAL,
        _ => Revision(upto.0.saturating_sub(40)).max(Revision::INITIAL),
    };
    match store.watch("", after) {
        Ok(watch) => follow(watch, after, upto, figures).await,
        Err(error) => drop(figures.note::<()>(Err(error))),
    }
}

/// A watch after a revision up to another.
async fn follow(mut watch: WatchStream, after: Revision, upto: Revision, figures: &mut Figures) {
    let mut at = after;
    while at < upto {
        match figures.note(watch.next().await.expect("no end without an error")) {
            Some(WatchItem::Event(event)) => {
                let Event {
                    modified, value, ..
                } = &*event;
                figures.gaps += usize::from(*modified != at.next());
                at = *modified;
                id_of(value.as_deref().expect("nothing is deleted"));
            }
            Some(WatchItem::Progress(revision)) => {
                figures.gaps += usize::from(revision > at);
                at = at.max(revision);
            }
            None => return,
        }
    }
}

async fn read_until_done(store: &dyn Store, known: &Known, reader: usize) -> Figures {
    let mut figures = Figures::default();
    let mut number = reader;
    while !known.done.load(Ordering::SeqCst) {
        number = (number + 7) % KEYS;
        read(store, known, number, &mut figures).await;
        tokio::task::yield_now().await;
    }
    figures
}

async fn write(store: &SledStore, known: &Known, number: u64) -> bool {
    let at = usize::try_from(number).expect("small") % KEYS;
    let op = put(&key(at), &format!("0.{number}"));
    match store.txn(vec![op], TraceId::NONE).await {
        Ok(revision) => {
            known.acknowledged[at].fetch_max(revision.0, Ordering::SeqCst);
            true
        }
        Err(Error::Io { .. } | Error::ReadOnly { .. }) => false,
        Err(error) => panic!("{error}"),
    }
}

/// Writes with one fault after the other; how often the files were opened again.
async fn write_with_faults(store: &SledStore, known: &Known) -> usize {
    let mut numbers = KEYS as u64..;
    let mut next = || numbers.next().expect("endless");
    let mut reopened = 0;
    for fault in 0..FAULTS {
        let point = POINTS[usize::try_from(fault).expect("small") % POINTS.len()];
        failpoint::arm(point, Fault::Error, 1 + fault % 3);
        let mut healthy = true;
        // Sled hears of records a mebibyte at a time: long before this many.
        for _ in 0..600 {
            let done = write(store, known, next()).await;
            reopened += usize::from(done && !healthy);
            let healed = done && !healthy;
            healthy = done;
            if healed {
                break;
            }
        }
        // Once a second at most the store tries to recover.
        while !write(store, known, next()).await {
            tokio::task::yield_now().await;
        }
    }
    known.done.store(true, Ordering::SeqCst);
    reopened
}

/// In a process of its own, because fail points are the process'.
#[tokio::test(flavor = "multi_thread")]
async fn child_reads_while_files_are_reopened() {
    if std::env::var_os("RK3S_STORE_READS").is_none() {
        return;
    }
    let root = tempfile::tempdir().expect("a directory");
    let options = Options {
        // Everything is read from the files.
        ring_bytes: 0,
        cache_bytes: 0,
        ..options()
    };
    let store = SledStore::open(root.path(), options).expect("opens");
    let known = Known::default();
    for number in 0..KEYS as u64 {
        assert!(write(&store, &known, number).await);
    }
    known.filled.store(store.revision().0, Ordering::SeqCst);
    let readers = (0..READERS).map(|reader| read_until_done(&store, &known, reader));
    let both = futures::future::join(join_all(readers), write_with_faults(&store, &known));
    let (read, reopened) = both.await;
    let figures = read.iter().fold(Figures::default(), Figures::add);
    let Figures {
        errors,
        stale,
        gaps,
        reads,
    } = figures;
    println!("errors={errors} stale={stale} gaps={gaps} of {reads} reads, {reopened} reopenings");
    assert!(reopened >= POINTS.len(), "the faults were met");
    assert_eq!((errors, stale, gaps), (0, 0, 0));
}

#[test]
fn reads_go_on_while_files_are_reopened() {
    let this = std::env::current_exe().expect("this test's own binary");
    let child = "reading::child_reads_while_files_are_reopened";
    let output = Command::new(this)
        .args(["--exact", child, "--nocapture"])
        .env("RK3S_STORE_READS", "1")
        .output()
        .expect("the child runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let figure = text.lines().find(|line| line.contains("stale="));
    println!("{}", figure.unwrap_or(&text));
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}{words}");
}

/// What a reader must not meet.
struct Wrong {
    refuses: bool,
    lags: bool,
}

impl Layer for Wrong {
    fn get<'a>(
        &'a self,
        store: &'a MemStore,
        key: &'a str,
        at: Option<Revision>,
    ) -> BoxFuture<'a, Result<Option<KeyValue>, Error>> {
        if self.refuses {
            return Box::pin(std::future::ready(Err(Error::Closed)));
        }
        let before = Revision(store.revision().0 - 1);
        store.get(key, at.or(Some(before).filter(|_| self.lags)))
    }
}

/// The control: a refusal, an old answer and a lost event count.
#[tokio::test]
async fn the_readers_notice() {
    let table = [
        (false, false, Defect::None, (0, 0, 0)),
        (true, false, Defect::None, (2, 0, 0)),
        (false, true, Defect::None, (0, 1, 0)),
        (false, false, Defect::DropsAnEvent, (0, 0, 1)),
        (false, false, Defect::RepeatsAnEvent, (0, 0, 1)),
    ];
    for (refuses, lags, defect, want) in table {
        let known = Known::default();
        let store = MemStore::new(options());
        for (number, at) in (0..).zip(&known.acknowledged) {
            let op = put(&key(number), &format!("0.{number}"));
            let done = store.txn(vec![op], TraceId::NONE).await;
            at.store(done.expect("goes through").0, Ordering::SeqCst);
        }
        known.filled.store(store.revision().0, Ordering::SeqCst);
        let mut figures = Figures::default();
        let last = KEYS - 1;
        if defect == Defect::None {
            let layer = Wrong { refuses, lags };
            read(&Layered { store, layer }, &known, last, &mut figures).await;
        } else {
            read(&Saboteur::new(store, defect), &known, last, &mut figures).await;
        }
        let Figures {
            errors,
            stale,
            gaps,
            ..
        } = figures;
        assert_eq!((errors, stale, gaps), want, "{defect:?} {refuses} {lags}");
    }
}
