//! Sled and the write-ahead log of different times: the end of the log is lost and sled is ahead
//! of it, or sled is behind. What opens is a true prefix, and what is written then stays.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base::TraceId;
use store::{Event, Revision, SledStore, Store};

use crate::crash::{self, DIRECTORY, id_of, options, put};
use crate::flip::{copy, events};
use crate::rng::{self, Rng};

/// Stores of as many times.
const IMAGES: usize = 5;
/// Writes after the loss.
const AFTER: usize = 5;
const BLOCK: usize = 4096;

/// Writes one value after the other until it is killed, or says that it cannot.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child_writes_in_order() {
    let Some(directory) = std::env::var_os(DIRECTORY) else {
        return;
    };
    let round = std::env::var("ROUND").expect("the parent names the round");
    let Ok(store) = SledStore::open(Path::new(&directory), options()) else {
        return;
    };
    // The test harness puts its own words before the first line.
    crash::say("open");
    for number in 0.. {
        let (id, key) = (
            format!("{round}.{number}"),
            format!("/r/own/{}", number % 9),
        );
        match store.txn(vec![put(&key, &id)], TraceId::NONE).await {
            Ok(revision) => crash::say(&format!("ack {id} {revision}")),
            Err(_refused) => return,
        }
    }
}

/// What was acknowledged, by revision.
type Acknowledged = BTreeMap<Revision, String>;

/// Lets a child write until it has acknowledged so much.
fn write(directory: &Path, round: usize, acks: usize) -> Acknowledged {
    let mut child = crash::spawn("tail::child_writes_in_order", directory, round, "");
    let mut acknowledged = Acknowledged::new();
    let out = BufReader::new(child.stdout.take().expect("piped"));
    for line in out.lines() {
        let line = line.expect("text");
        if let ["ack", id, revision] = line.split(' ').collect::<Vec<_>>()[..] {
            let revision = Revision(revision.parse().expect("a revision"));
            acknowledged.insert(revision, id.to_owned());
            if acknowledged.len() == acks {
                child.kill().expect("killable");
            }
        }
    }
    child.wait().expect("waitable");
    acknowledged
}

/// A store as it was when its process was killed.
struct Image {
    path: PathBuf,
    /// The last revision acknowledged.
    last: Revision,
}

fn images(root: &Path, rng: &mut Rng) -> Vec<Image> {
    let origin = root.join("origin");
    let mut images = Vec::new();
    for round in 0..IMAGES {
        let acknowledged = write(&origin, round, 20 + rng.below(400));
        let path = root.join(format!("image-{round}"));
        copy(&origin, &path);
        let (last, _) = acknowledged.last_key_value().expect("it wrote");
        images.push(Image { path, last: *last });
    }
    images
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Figures {
    /// Acknowledged, and not there.
    lost: usize,
    /// Something else than what was written.
    silent: usize,
    refused: usize,
}

impl Figures {
    /// Compares a store with what had been written before the loss, of which `least` must be
    /// there, and what was acknowledged afterwards.
    fn compare(
        &mut self,
        found: &[Arc<Event>],
        history: &[Arc<Event>],
        least: Revision,
        after: &Acknowledged,
    ) {
        let (first, _) = after.first_key_value().expect("something was written");
        let kept = usize::try_from(first.0).expect("small") - 2;
        self.lost += usize::from(first.0 - 1 < least.0);
        let same = history.get(..kept).is_some() && history.get(..kept) == found.get(..kept);
        self.silent += usize::from(!same);
        for (revision, id) in after {
            let at = usize::try_from(revision.0).expect("small") - 2;
            let value = found.get(at).and_then(|event| event.value.as_ref());
            self.lost += usize::from(value.map(|value| id_of(value)).as_ref() != Some(id));
        }
    }
}

/// Opens, writes, dies and opens a directory.
async fn examine(
    directory: &Path,
    history: &[Arc<Event>],
    least: Revision,
    round: usize,
    figures: &mut Figures,
) {
    let after = write(directory, round, AFTER);
    let opened = SledStore::open(directory, options());
    if after.is_empty() {
        let words = opened.err().expect("refused as by the child").to_string();
        let place = directory.to_string_lossy();
        assert!(words.contains(&*place), "{words} names the place");
        figures.refused += 1;
        return;
    }
    let store = opened.expect("what was written to opens");
    let found = events(&store).await.expect("readable");
    figures.compare(&found, history, least, &after);
}

/// Zeroes the log from somewhere on, as if the disk had lost it.
fn lose_tail(directory: &Path, rng: &mut Rng) {
    let mut files: Vec<_> = fs::read_dir(directory.join("wal"))
        .expect("readable")
        .map(|entry| entry.expect("readable").path())
        .collect();
    files.sort();
    let file = &files[rng.below(files.len())];
    let file = OpenOptions::new().write(true).open(file).expect("opens");
    let len = usize::try_from(file.metadata().expect("there").len()).expect("small");
    let at = (2 + rng.below(len / BLOCK - 2)) * BLOCK;
    file.write_all_at(&vec![0; len - at], at as u64)
        .expect("written");
}

#[tokio::test(flavor = "multi_thread")]
async fn halves_of_other_times_lose_nothing_beneath() {
    let seed = rng::seed();
    println!("seed={seed}");
    let mut rng = Rng::new(seed);
    let root = tempfile::tempdir().expect("a directory");
    let images = images(root.path(), &mut rng);
    let whole = root.path().join("whole");
    copy(&images[IMAGES - 1].path, &whole);
    let store = SledStore::open(&whole, options()).expect("opens");
    let history = events(&store).await.expect("readable");
    drop(store);
    let mut figures = Figures::default();
    let mut cases = 0;
    for sled in 0..IMAGES {
        for wal in 0..IMAGES {
            let path = root.path().join("case");
            copy(&images[sled].path, &path);
            fs::remove_dir_all(path.join("wal")).expect("removable");
            copy(&images[wal].path.join("wal"), &path.join("wal"));
            // Noted at the last opening, of whichever came later; or lost as well.
            fs::copy(
                images[sled.max(wal)].path.join("acknowledged"),
                path.join("acknowledged"),
            )
            .expect("copied");
            if rng.one_in(2) {
                fs::remove_file(path.join("acknowledged")).expect("removable");
            }
            let mut least = images[wal].last;
            if sled == wal {
                lose_tail(&path, &mut rng);
                least = Revision::INITIAL;
            }
            cases += 1;
            examine(&path, &history, least, IMAGES + cases, &mut figures).await;
            fs::remove_dir_all(&path).expect("removable");
        }
    }
    let Figures {
        lost,
        silent,
        refused,
    } = figures;
    println!("lost={lost} silent={silent} of {cases} halves, {refused} refused, seed={seed}");
    // Half of them lack what lies between the two, or less than was noted as acknowledged is left.
    assert!(refused < cases * 3 / 4, "enough open");
    assert_eq!((lost, silent), (0, 0));
}

/// The control: a lost write and another history count.
#[tokio::test(flavor = "multi_thread")]
async fn the_comparison_notices() {
    let root = tempfile::tempdir().expect("a directory");
    let store = SledStore::open(root.path(), options()).expect("opens");
    for number in 0..6 {
        let op = put("/r/own/0", &format!("0.{number}"));
        store
            .txn(vec![op], TraceId::NONE)
            .await
            .expect("goes through");
    }
    let found = events(&store).await.expect("readable");
    let after = |id: &str| Acknowledged::from([(Revision(6), id.to_owned())]);
    let mut other = found.clone();
    other[1] = found[2].clone();
    let table = [
        (&found, Revision(5), "0.4", (0, 0)),
        (&found, Revision(5), "0.9", (1, 0)),
        (&found, Revision(6), "0.4", (1, 0)),
        (&other, Revision(5), "0.4", (0, 1)),
    ];
    for (history, least, id, want) in table {
        let mut figures = Figures::default();
        figures.compare(&found, history, least, &after(id));
        assert_eq!((figures.lost, figures.silent), want, "{least} {id}");
    }
    let mut figures = Figures::default();
    figures.compare(&found[..3], &found, Revision(5), &after("0.4"));
    assert_eq!(
        (figures.lost, figures.silent),
        (1, 1),
        "what ends too early"
    );
}
