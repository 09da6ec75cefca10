//! Power cuts: what was acknowledged is there when the machine comes back.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::crash::{self, DIRECTORY, Model, Report, WRITERS};
use crate::loop_disk::LoopDisk;
use crate::rng::{self, Rng};

/// Runs the writers and cuts the power after some acknowledgements.
fn run_and_cut(disk: &LoopDisk, child: &str, round: usize, rng: &mut Rng) -> Report {
    let mut child = crash::spawn(child, &disk.mount_point().join("store"), round, "");
    let mut report = Report {
        failures_expected: true,
        ..Report::default()
    };
    let acks = 20 + rng.below(600);
    let heard = report.listen(&mut child, acks, |child| {
        disk.cut_power();
        child.kill().expect("killable");
    });
    child.wait().expect("waitable");
    assert!(heard >= acks, "the child wrote until the cut");
    disk.power_on();
    report
}

#[tokio::test(flavor = "multi_thread")]
async fn power_cuts_lose_nothing() {
    let seed = rng::seed();
    let cuts = usize::try_from(rng::number("CUTS").unwrap_or(20)).expect("a count");
    println!("seed={seed}");
    let mut rng = Rng::new(seed);
    let disk = LoopDisk::new("cut", 512);
    let directory = disk.mount_point().join("store");
    let mut model = Model::default();
    for round in 0..cuts {
        let report = run_and_cut(&disk, "crash::child_writes_until_killed", round, &mut rng);
        if !model.reopen(&directory, report).await {
            break;
        }
        // Half of the cuts hit a fresh store, half an aged one.
        if round % 10 == 4 {
            std::fs::remove_dir_all(&directory).expect("removable");
            model.start_over();
        }
    }
    model.conclude(&format!("{cuts} cuts"), seed);
}

/// What the control's process runs: sled as its documentation says, `flush` before each answer.
#[test]
fn child_trusts_bare_sled() {
    let Some(directory) = std::env::var_os(DIRECTORY) else {
        return;
    };
    let config = sled::Config::new()
        .path(Path::new(&directory))
        .flush_every_ms(None);
    let db = config.open().expect("the control opens");
    let counter = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..WRITERS {
            scope.spawn(|| {
                loop {
                    let id = format!("0.{}", counter.fetch_add(1, Ordering::Relaxed));
                    db.insert(&id, crash::value(&id)).expect("inserts");
                    if db.flush().is_ok() {
                        crash::say(&format!("ack {id} 0 {id}"));
                    }
                }
            });
        }
    });
}

/// The control: the same cuts must catch a store that does not sync.
#[test]
fn power_cuts_catch_a_missing_sync() {
    let mut rng = Rng::new(rng::seed());
    let disk = LoopDisk::new("cut-control", 256);
    let directory = disk.mount_point().join("store");
    let (mut lost, mut refused) = (0, 0);
    for round in 0..3 {
        let report = run_and_cut(&disk, "cut::child_trusts_bare_sled", round, &mut rng);
        match sled::open(&directory) {
            Ok(db) => {
                let there = |id: &str| db.get(id).is_ok_and(|found| found.is_some());
                lost += report
                    .acknowledged
                    .iter()
                    .filter(|(id, ..)| !there(id))
                    .count();
            }
            Err(_) => refused += 1,
        }
        std::fs::remove_dir_all(&directory).expect("removable");
    }
    println!("control: lost={lost} refused_open={refused} in 3 cuts of bare sled");
    assert!(lost + refused > 0, "the bench does not cut power");
}
