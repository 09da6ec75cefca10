//! Memory per key, each measured in a process of its own so that nothing else is in it.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use base::Clock;
use store::{Options, SledStore};

use crate::load::{self, Target};
use crate::table::Table;

/// Resident memory of a process in bytes.
pub fn resident(process: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).expect("it runs");
    let mut lines = status.lines();
    let line = lines.find(|line| line.starts_with("VmRSS"));
    let kilobytes = line.and_then(|line| line.split_whitespace().nth(1));
    kilobytes
        .and_then(|text| text.parse::<u64>().ok())
        .expect("always there")
        * 1024
}

/// Without room for values: what is left is what keys cost.
fn without_values() -> Options {
    Options {
        ring_bytes: 0,
        cache_bytes: 0,
        ..Options::new(Clock::system())
    }
}

/// The child: says by how many bytes filling or opening a store made it grow, or how large it is
/// with an empty one.
pub async fn measure(directory: &Path, keys: u64, how: &str) {
    let empty = SledStore::open(&directory.join("empty"), without_values()).expect("opens");
    let before = resident("self");
    drop(empty);
    if how == "empty" {
        return println!("{before}");
    }
    let store = SledStore::open(&directory.join("memory"), without_values()).expect("opens");
    let store = Arc::new(store);
    if how == "fill" {
        load::fill(&Target::Store(store.clone()), keys).await;
    }
    println!("{}", resident("self").saturating_sub(before));
}

/// What a child says.
fn child(root: &Path, keys: u64, how: &str) -> u64 {
    let this = std::env::current_exe().expect("this program");
    let output = Command::new(this)
        .args(["memory", &root.to_string_lossy(), &keys.to_string(), how])
        .output()
        .expect("the child runs");
    let text = String::from_utf8_lossy(&output.stdout);
    text.trim().parse().expect("the child's figure")
}

/// Adds the rows of one size. `etcd` is its size when empty, and when filled.
///
/// Ours is the process with the store in it. What it holds of values is counted as well, but for
/// the cache and the rings, which have their own budgets and are off: records on the way from the
/// log to sled (2 MiB and one batch), sled's pages (about 8 MiB with values of 200 bytes, more with
/// large ones), and what the allocator keeps of them.
pub fn rows(root: &Path, keys: u64, etcd: Option<(u64, u64)>, table: &mut Table) {
    let mut empty = vec![mebibytes(child(root, keys, "empty"))];
    empty.extend(etcd.map(|(empty, _)| mebibytes(empty)));
    table.row("memory of an empty store", "MiB", &empty);
    for (how, name) in [("fill", "after filling"), ("open", "after opening")] {
        let mut values = vec![whole(child(root, keys, how) / keys)];
        let theirs = etcd.map(|(empty, filled)| filled.saturating_sub(empty) / keys);
        values.extend(theirs.filter(|_| how == "fill").map(whole));
        table.row(
            &format!("memory beside values, {keys} keys, {name}"),
            "B/key",
            &values,
        );
    }
}

fn mebibytes(bytes: u64) -> f64 {
    whole(bytes >> 10) / 1024.0
}

fn whole(number: u64) -> f64 {
    f64::from(u32::try_from(number).expect("far from four thousand million"))
}
