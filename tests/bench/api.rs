//! The API's figures: the release binary over TLS, beside a reference measured in the same run.
//!
//! `scripts/bench-api.sh [PART-OF-A-ROW]...` runs this in a network namespace of its own. Writes
//! stand beside etcd on the same disk, reads and watches beside a bare axum server that has the
//! same TLS and sends the same bytes. The driver shares the machine with what it measures, so the
//! references tell what the machine gives and not what a server could.

mod echo;
mod etcd;
mod lists;
mod load;
mod objects;
mod process;
mod rates;
mod table;
mod watches;
mod wire;

use std::path::PathBuf;

use anyhow::{Context, Result};
use base::Clock;

use process::Process;
use table::Table;
use wire::Target;

/// What every row needs.
struct Bench {
    clock: Clock,
    server: Process,
    api: Target,
    echo: Target,
    etcd: String,
}

#[tokio::main(flavor = "multi_thread")]
async fn main() -> Result<()> {
    let mut words = std::env::args().skip(1).filter(|word| word != "--bench");
    let chosen: Vec<String> = match words.next().as_deref() {
        // The reference is a process of its own, as the server is.
        Some("echo") => return echo::run(&directory()?.join("echo")).await,
        Some(word) => std::iter::once(word.to_owned()).chain(words).collect(),
        None => Vec::new(),
    };
    let wants = |row: &str| chosen.is_empty() || chosen.iter().any(|part| row.contains(part));
    let clock = Clock::system();
    let directory = directory()?;
    // Both end with this process's scope, however it ends.
    let etcd = etcd::start(&directory, &clock).await?;
    let reference = process::echo(&directory)?;
    let server = process::rk3s(&directory)?;
    let bench = Bench {
        api: Target::await_ready(&directory.join("rk3s.yaml"), &clock).await?,
        echo: Target::await_ready(&directory.join("echo/rk3s.yaml"), &clock).await?,
        clock,
        server,
        etcd: etcd::ADDRESS.to_owned(),
    };
    let mut table = Table::default();
    if wants("list of 10000") || wants("memory") {
        lists::measure(&bench, &mut table).await?;
    }
    if wants("watch") {
        watches::measure(&bench, &mut table).await?;
    }
    for verb in rates::VERBS {
        if wants(verb.name) {
            rates::measure(&bench, verb, &mut table).await?;
        }
    }
    table.print();
    drop((etcd, reference));
    Ok(())
}

/// Where the servers keep their files: on the disk that is measured.
fn directory() -> Result<PathBuf> {
    let directory = std::env::var_os("RK3S_BENCH_DIR");
    directory
        .map(PathBuf::from)
        .context("RK3S_BENCH_DIR is not set: run scripts/bench-api.sh")
}
