//! Kills a process that writes, at random and at fail points, and compares what is found
//! afterwards with what the process had acknowledged and seen.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use base::{Clock, TraceId};
use futures::StreamExt;
use futures::future::join_all;
use store::{Event, Expect, KeyValue, Limit, Op, Options, Revision, SledStore, Store, WatchItem};

use crate::rng::{self, Rng};

/// The child's store directory; without it the child's test has nothing to do.
pub const DIRECTORY: &str = "RK3S_STORE_CRASH_DIRECTORY";
pub const WRITERS: u64 = 8;
/// Where a write, or what follows it, can fail.
pub const POINTS: [&str; 9] = [
    "store::before-write",
    "store::before-sync",
    "store::before-publish",
    "store::before-resolve",
    "store::before-compact",
    "store::after-compact",
    "store::before-remove",
    "store::before-apply",
    "store::before-apply-sync",
];

pub fn options() -> Options {
    Options {
        ring_bytes: 64 << 10,
        cache_bytes: 64 << 10,
        wal_bytes: 512 << 10,
        ..Options::new(Clock::system())
    }
}

/// The value that `id` writes: its name, then as many bytes as the name says.
pub fn value(id: &str) -> Vec<u8> {
    let sum: usize = id.bytes().map(usize::from).sum();
    let len = match sum {
        // Longer than a segment of the log, than a block, and neither.
        _ if sum.is_multiple_of(101) => 200_000,
        _ if sum.is_multiple_of(23) => 9000,
        _ => sum % 700,
    };
    let mut value = format!("{id} ").into_bytes();
    value.resize(value.len() + len, b'x');
    value
}

/// The id in a value, which must be whole.
pub fn id_of(bytes: &[u8]) -> String {
    let text = std::str::from_utf8(bytes).expect("ours");
    let id = text.split(' ').next().expect("never empty");
    assert!(
        value(id) == bytes,
        "the value of {id} is not what was written"
    );
    id.to_owned()
}

/// Reports to the parent. A line is one write to a pipe, so it arrives whole or not at all.
pub fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    // The parent going away ends this process soon enough.
    drop(out.write_all(format!("{line}\n").as_bytes()));
}

async fn write_for_ever(store: &SledStore, round: &str, writer: u64, counter: &AtomicU64) {
    loop {
        let number = counter.fetch_add(1, Ordering::Relaxed);
        let id = format!("{round}.{number}");
        let own = format!("/r/own/{writer}");
        let shared = format!("/r/shared/{}", number % 40);
        let mut ops: Vec<Op> = vec![put(&own, &id)];
        match number % 7 {
            0..=2 => ops.push(put(&shared, &id)),
            3 => ops.push(Op::Delete {
                key: shared.as_str().into(),
                expect: Expect::Any,
            }),
            _ => {}
        }
        say(&format!("try {id}"));
        match store.txn(ops, TraceId::NONE).await {
            Ok(last) => say(&format!("ack {id} {last} {own}")),
            Err(error) => {
                say(&format!("refused {id} {error}"));
                // Nothing more is to be learned from this writer.
                return futures::future::pending().await;
            }
        }
        if let Some(found) = store.get(&shared, None).await.expect("readable") {
            say(&format!(
                "saw {} {} {}",
                id_of(&found.value),
                found.modified,
                found.key
            ));
        }
    }
}

pub fn put(key: &str, id: &str) -> Op {
    Op::Put {
        key: key.into(),
        value: value(id).into(),
        expect: Expect::Any,
        ttl: None,
    }
}

/// The process that is killed. Run by the test below, with `DIRECTORY` set.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child_writes_until_killed() {
    let Some(directory) = std::env::var_os(DIRECTORY) else {
        return;
    };
    let round = std::env::var("ROUND").expect("the parent names the round");
    let store = SledStore::open(Path::new(&directory), options()).expect("the child opens");
    let opened_at = store.revision();
    let counter = AtomicU64::new(0);
    let writers = (0..WRITERS).map(|writer| write_for_ever(&store, &round, writer, &counter));
    // The parent has checked everything before this round, so that may be compacted.
    let compactions = async {
        let mut watch = store.watch("/r/own/", opened_at).expect("the watch starts");
        while let Some(item) = watch.next().await {
            if let Ok(WatchItem::Event(event)) = item
                && event.modified.0 % 40 == 0
            {
                let oldest = Revision(opened_at.0.min(event.modified.0 - 20));
                store.compact(oldest).await.expect("compacts");
            }
        }
    };
    futures::future::join(join_all(writers), compactions).await;
}

/// What the child said.
#[derive(Default)]
pub struct Report {
    /// Whether a refused write is part of the test.
    pub failures_expected: bool,
    pub tried: HashSet<String>,
    /// Id, last revision of its transaction, its first key.
    pub acknowledged: Vec<(String, Revision, String)>,
    /// Id, revision, key.
    pub seen: Vec<(String, Revision, String)>,
}

impl Report {
    pub fn hear(&mut self, line: &str) -> bool {
        let mut words = line.split(' ');
        let mut word = || words.next().unwrap_or_default().to_owned();
        // The test harness puts its own words before the first line.
        let verb = word();
        match verb.as_str() {
            "try" => drop(self.tried.insert(word())),
            "ack" => self.acknowledged.push((word(), revision(&word()), word())),
            "saw" => self.seen.push((word(), revision(&word()), word())),
            "refused" if self.failures_expected => {}
            "refused" => panic!("a write was refused: {line}"),
            _ => return false,
        }
        verb == "ack"
    }

    /// Hears all that a child prints; `act` ends it at so many acknowledgements. How many came.
    pub fn listen(
        &mut self,
        child: &mut Child,
        acks: usize,
        act: impl FnOnce(&mut Child),
    ) -> usize {
        let mut act = Some(act);
        let mut heard = 0;
        let out = BufReader::new(child.stdout.take().expect("piped"));
        for line in out.lines() {
            heard += usize::from(self.hear(&line.expect("text")));
            if heard == acks
                && let Some(act) = act.take()
            {
                act(child);
            }
        }
        heard
    }
}

fn revision(word: &str) -> Revision {
    Revision(word.parse().expect("a revision"))
}

/// Starts one of this binary's tests as a process.
pub fn spawn(test: &str, directory: &Path, round: usize, failpoints: &str) -> Child {
    let this = std::env::current_exe().expect("this test's own binary");
    Command::new(this)
        .args(["--exact", test, "--nocapture"])
        .env(DIRECTORY, directory)
        .env("ROUND", round.to_string())
        .env("RK3S_FAILPOINTS", failpoints)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the child starts")
}

/// Runs a child until it is killed, by itself at a fail point or by us after `acks`.
fn run_and_kill(directory: &Path, round: usize, rng: &mut Rng) -> Report {
    let failpoints = match rng.below(3) {
        0 => String::new(),
        _ => format!(
            "{}=exit({})",
            POINTS[rng.below(POINTS.len())],
            1 + rng.below(30)
        ),
    };
    let acks = 20 + rng.below(400);
    let child = "crash::child_writes_until_killed";
    let mut child = spawn(child, directory, round, &failpoints);
    let mut report = Report::default();
    report.listen(&mut child, acks, |child| child.kill().expect("killable"));
    let status = child.wait().expect("waitable");
    assert!(!status.success(), "the child ends by being killed only");
    report
}

/// All that was ever found on disk.
#[derive(Default)]
pub struct Model {
    events: BTreeMap<Revision, Arc<Event>>,
    tried: HashSet<String>,
    pub lost: usize,
    pub phantom: usize,
    pub acknowledged: usize,
    /// How often a store did not open.
    refused: usize,
}

impl Model {
    /// Opens what a disaster has left and compares it; `false` when it does not open.
    pub async fn reopen(&mut self, directory: &Path, report: Report) -> bool {
        match SledStore::open(directory, options()) {
            Ok(store) => self.compare(&store, report).await,
            Err(error) => {
                println!("{error}");
                self.refused += 1;
                return false;
            }
        }
        true
    }

    /// Says what was found, and demands that nothing is wrong.
    pub fn conclude(&self, disasters: &str, seed: u64) {
        let (lost, phantom, refused) = (self.lost, self.phantom, self.refused);
        let torn = self.torn();
        println!(
            "lost={lost} phantom={phantom} torn={torn} refused_open={refused} of {} acked, \
             {disasters}, seed={seed}",
            self.acknowledged
        );
        assert_eq!((lost, phantom, torn, refused), (0, 0, 0, 0));
    }

    /// Compares a reopened store with what the killed process said, and with earlier rounds.
    pub async fn compare(&mut self, store: &SledStore, report: Report) {
        let verified = self
            .events
            .keys()
            .last()
            .copied()
            .unwrap_or(Revision::INITIAL);
        self.tried.extend(report.tried);
        let mut watch = store.watch("", verified).expect("history is there");
        let mut expected = verified;
        while let Some(item) = watch.next().await {
            match item.expect("no error") {
                WatchItem::Progress(_) => break,
                WatchItem::Event(event) => {
                    expected = expected.next();
                    assert_eq!(event.modified, expected, "no hole in the revisions");
                    self.add(event);
                }
            }
        }
        assert_eq!(
            store.revision(),
            expected,
            "the store ends with its last event"
        );
        let written = self
            .events
            .values()
            .filter_map(|event| event.value.as_ref());
        self.phantom = written
            .filter(|value| !self.tried.contains(&id_of(value)))
            .count();
        self.acknowledged += report.acknowledged.len();
        for (id, last, key) in &report.acknowledged {
            // The transaction's first change is at its last revision or the one before.
            let there = [last.0, last.0 - 1].map(|at| self.holds(Revision(at), key, id));
            self.lost += usize::from(!there.contains(&true));
        }
        for (id, at, key) in &report.seen {
            self.lost += usize::from(!self.holds(*at, key, id));
        }
        self.compare_state(store).await;
    }

    /// The store begins anew; the figures go on.
    pub fn start_over(&mut self) {
        self.events.clear();
    }

    /// Adds what a watch has shown.
    pub fn add(&mut self, event: Arc<Event>) {
        self.events.insert(event.modified, event);
    }

    fn holds(&self, at: Revision, key: &str, id: &str) -> bool {
        self.events.get(&at).is_some_and(|event| {
            let written = event.value.as_ref().map(|value| id_of(value));
            &*event.key == key && written.as_deref() == Some(id)
        })
    }

    async fn compare_state(&self, store: &SledStore) {
        let mut state: BTreeMap<&str, KeyValue> = BTreeMap::new();
        for event in self.events.values() {
            assert_eq!(
                event.prev.as_ref(),
                state.get(&*event.key),
                "{}",
                event.modified
            );
            match &event.value {
                Some(value) => {
                    let (created, modified) = (event.created, event.modified);
                    let (key, value) = (event.key.clone(), value.clone());
                    state.insert(
                        &event.key,
                        KeyValue {
                            key,
                            value,
                            created,
                            modified,
                        },
                    );
                }
                None => drop(state.remove(&*event.key)),
            }
        }
        let page = store
            .list("", None, None, Limit::NONE)
            .await
            .expect("readable");
        assert!(
            page.items.iter().eq(state.values()),
            "the state is that of its events"
        );
    }

    /// Both changes of a transaction are there, or neither.
    pub fn torn(&self) -> usize {
        let mut changes: HashMap<String, usize> = HashMap::new();
        for event in self.events.values() {
            if let Some(value) = &event.value {
                *changes.entry(id_of(value)).or_default() += 1;
            }
        }
        let whole = |id: &str| {
            let number: u64 = id.split('.').nth(1).expect("ours").parse().expect("ours");
            if number % 7 <= 2 { 2 } else { 1 }
        };
        changes
            .iter()
            .filter(|(id, count)| **count != whole(id))
            .count()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_writers_lose_nothing() {
    let seed = rng::seed();
    let kills = usize::try_from(rng::number("KILLS").unwrap_or(20)).expect("a count");
    println!("seed={seed}");
    let mut rng = Rng::new(seed);
    let root = tempfile::tempdir().expect("a directory");
    let directory = root.path().join("store");
    let mut model = Model::default();
    for round in 0..kills {
        let report = run_and_kill(&directory, round, &mut rng);
        if !model.reopen(&directory, report).await {
            break;
        }
    }
    model.conclude(&format!("{kills} kills"), seed);
}

/// The control: an acknowledgement too many is lost, a value nobody tried a phantom.
#[tokio::test(flavor = "multi_thread")]
async fn the_comparison_sees_losses_and_phantoms() {
    let root = tempfile::tempdir().expect("a directory");
    let store = SledStore::open(root.path(), options()).expect("opens");
    let mut report = Report::default();
    for id in ["0.4", "0.11"] {
        let last = store
            .txn(vec![put("/r/own/0", id)], TraceId::NONE)
            .await
            .expect("goes through");
        report
            .acknowledged
            .push((id.to_owned(), last, "/r/own/0".to_owned()));
    }
    report.tried.insert("0.4".to_owned());
    report
        .acknowledged
        .push(("0.18".to_owned(), Revision(4), "/r/own/0".to_owned()));
    let mut model = Model::default();
    model.compare(&store, report).await;
    assert_eq!((model.lost, model.phantom, model.acknowledged), (1, 1, 3));
}
