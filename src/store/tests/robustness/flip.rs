//! Damage to the files while the store is closed: refused, or recovered to a true prefix, never
//! served as if it were data.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::sync::Arc;

use futures::{FutureExt, StreamExt};
use store::{Event, Expect, KeyValue, Limit, Op, Revision, SledStore, Store, WatchItem};

use crate::crash::{options, value};
use crate::rng::{self, Rng};

/// How a store answered after the damage.
#[derive(Debug, Default)]
struct Figures {
    /// Wrong answers.
    silent: usize,
    refused: usize,
    read_errors: usize,
    prefixes: usize,
    unharmed: usize,
}

/// Writes a store to damage; its whole history.
async fn original(directory: &Path) -> Vec<Arc<Event>> {
    let store = SledStore::open(directory, options()).expect("opens");
    for number in 0..400 {
        let id = format!("0.{number}");
        let key = format!("/r/a/{}", number % 37);
        let (key, expect) = (key.as_str().into(), Expect::Any);
        let op = match number % 5 {
            4 => Op::Delete { key, expect },
            _ => Op::Put {
                key,
                value: value(&id).into(),
                expect,
                ttl: None,
            },
        };
        store
            .txn(vec![op], base::TraceId::NONE)
            .await
            .expect("goes through");
    }
    events(&store).await.expect("undamaged")
}

pub async fn events(store: &SledStore) -> Result<Vec<Arc<Event>>, store::Error> {
    let mut watch = store.watch("", Revision::INITIAL)?;
    let mut events = Vec::new();
    loop {
        match watch.next().await.expect("no end without an error")? {
            WatchItem::Event(event) => events.push(event),
            WatchItem::Progress(_) => return Ok(events),
        }
    }
}

pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("created");
    for entry in fs::read_dir(from).expect("readable") {
        let entry = entry.expect("readable");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("known").is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("copied");
        }
    }
}

/// Harms one of sled's files; what was done.
fn damage(directory: &Path, rng: &mut Rng) -> String {
    let (sled, wal) = (directory.join("sled"), directory.join("wal"));
    let mut files: Vec<_> = [&sled, &wal]
        .into_iter()
        .flat_map(|directory| fs::read_dir(directory).expect("readable"))
        .map(|entry| entry.expect("readable").path())
        .filter(|path| path.is_file() && fs::metadata(path).expect("there").len() > 0)
        .collect();
    files.extend(
        [directory.join("acknowledged")]
            .into_iter()
            .filter(|path| path.exists()),
    );
    files.sort();
    // Mostly the files that hold the data.
    let path = if rng.one_in(2) {
        files[rng.below(files.len())].clone()
    } else {
        sled.join("db")
    };
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(&path)
        .expect("opens");
    let len = usize::try_from(file.metadata().expect("there").len()).expect("small");
    let at = rng.below(len);
    let name = path
        .file_name()
        .expect("a file")
        .to_string_lossy()
        .into_owned();
    match rng.below(4) {
        0 => {
            file.set_len(at as u64).expect("cut");
            format!("{name} cut to {at}")
        }
        1 => {
            let sector = at / 512 * 512;
            file.write_all_at(&vec![0; (len - sector).min(512)], sector as u64)
                .expect("written");
            format!("{name} zeroed at {sector}")
        }
        _ => {
            let mut byte = [0];
            file.read_exact_at(&mut byte, at as u64).expect("read");
            byte[0] ^= 1 << rng.below(8);
            file.write_all_at(&byte, at as u64).expect("written");
            format!("{name} bit flipped at {at}")
        }
    }
}

/// The state after some events.
fn replay(events: &[Arc<Event>]) -> Vec<KeyValue> {
    let mut state = BTreeMap::new();
    for event in events {
        match &event.value {
            Some(value) => {
                let (created, modified) = (event.created, event.modified);
                let (key, value) = (event.key.clone(), value.clone());
                state.insert(
                    event.key.clone(),
                    KeyValue {
                        key,
                        value,
                        created,
                        modified,
                    },
                );
            }
            None => drop(state.remove(&event.key)),
        }
    }
    state.into_values().collect()
}

async fn examine(directory: &Path, original: &[Arc<Event>], what: &str, figures: &mut Figures) {
    let store = match SledStore::open(directory, options()) {
        Ok(store) => store,
        Err(error) => {
            let words = error.to_string();
            assert!(
                words.contains(&*directory.to_string_lossy()),
                "{words} names the place"
            );
            figures.refused += 1;
            return;
        }
    };
    let upto = usize::try_from(store.revision().0).expect("small") - 1;
    // A revision from nowhere is a wrong answer too.
    let prefix = original.get(..upto).unwrap_or_default();
    let history = events(&store).await.map(|found| found == prefix);
    let state = store
        .list("", None, None, Limit::NONE)
        .await
        .map(|page| page.items == replay(prefix));
    match (history, state) {
        (Ok(false), _) | (_, Ok(false)) => {
            println!("{what}: served");
            figures.silent += 1;
        }
        (Err(_named), _) | (_, Err(_named)) => figures.read_errors += 1,
        _ if upto == original.len() => figures.unharmed += 1,
        _ => figures.prefixes += 1,
    }
}

/// The control: a history that differs in one value counts as served.
#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_value_is_noticed() {
    let root = tempfile::tempdir().expect("a directory");
    let mut forged = original(root.path()).await;
    let mut event = Event::clone(&forged[7]);
    event.value = Some("forged".into());
    forged[7] = Arc::new(event);
    let mut figures = Figures::default();
    examine(root.path(), &forged, "control", &mut figures).await;
    assert_eq!((figures.silent, figures.unharmed), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn damage_is_never_served() {
    let seed = rng::seed();
    let flips = rng::number("FLIPS").unwrap_or(100);
    println!("seed={seed}");
    let mut rng = Rng::new(seed);
    let root = tempfile::tempdir().expect("a directory");
    let origin = root.path().join("origin");
    let original = original(&origin).await;
    let mut figures = Figures::default();
    let mut panics = Vec::new();
    for number in 0..flips {
        let directory = root.path().join(format!("copy-{number}"));
        copy(&origin, &directory);
        if rng.one_in(4) {
            // As after a crash: nothing says how far the log went.
            fs::remove_file(directory.join("acknowledged")).expect("removable");
        }
        let what = damage(&directory, &mut rng);
        let examined = examine(&directory, &original, &what, &mut figures);
        if AssertUnwindSafe(examined).catch_unwind().await.is_err() {
            panics.push(what);
        }
        fs::remove_dir_all(&directory).expect("removable");
    }
    println!(
        "silent={} panics={} of {flips} flips, {figures:?}, seed={seed}",
        figures.silent,
        panics.len()
    );
    assert_eq!((figures.silent, panics.len()), (0, 0), "{panics:#?}");
}
