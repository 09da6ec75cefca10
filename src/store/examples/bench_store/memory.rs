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

/// The child: fills or opens a store and says by how many bytes it grew.
pub async fn measure(directory: &Path, keys: u64, how: &str) {
    let before = {
        let path = directory.join("empty");
        drop(SledStore::open(&path, without_values()).expect("opens"));
        resident("self")
    };
    let store = SledStore::open(&directory.join("memory"), without_values()).expect("opens");
    let target = Target::Store(Arc::new(store));
    if how == "fill" {
        load::fill(&target, keys).await;
    }
    println!("{}", resident("self").saturating_sub(before));
}

/// Adds the rows of one size. `etcd` is what etcd grew by, per key.
pub fn rows(root: &Path, keys: u64, etcd: Option<u64>, table: &mut Table) {
    for (how, name) in [("fill", "after filling"), ("open", "after opening")] {
        let this = std::env::current_exe().expect("this program");
        let output = Command::new(this)
            .args(["memory", &root.to_string_lossy(), &keys.to_string(), how])
            .output()
            .expect("the child runs");
        let text = String::from_utf8_lossy(&output.stdout);
        let grown: u64 = text.trim().parse().expect("the child's figure");
        let mut values = vec![whole(grown / keys)];
        values.extend(etcd.filter(|_| how == "fill").map(whole));
        table.row(
            &format!("memory beside values, {keys} keys, {name}"),
            "B/key",
            &values,
        );
    }
}

fn whole(number: u64) -> f64 {
    f64::from(u32::try_from(number).expect("a few hundred bytes"))
}
