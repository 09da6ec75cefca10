//! The release binary and a real kubectl, from an empty machine to an empty machine.
//!
//! `scripts/test-cluster.sh [PART-OF-A-NAME]...` runs this. The scenarios share one server and run
//! one after the other, each on what it makes and removes itself; the last ones look for what is
//! left. Every one starts with nothing in the cluster but a Ready node. The checks for leaks and
//! for changed containers each have a control among the scenarios, a planted defect they must see.

mod harness;
mod scenarios;

use std::fs::File;
use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use anyhow::{Result, bail};
use base::Clock;

use harness::cluster::{Cluster, clear};
use harness::server::{Places, last_lines};
use harness::{machine, mask};

/// Short, because the paths of sockets below it are limited to 107 bytes.
const ROOT: &str = "/tmp/rk3s-test";

type Scenario = fn(&mut Cluster) -> Result<()>;

fn main() -> Result<ExitCode> {
    machine::enter()?;
    mask::check();
    // Cargo's own flags for test programs, such as --nocapture, mean nothing here.
    let wanted: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| !word.starts_with('-'))
        .collect();
    let chosen: Vec<&(&str, Scenario)> = scenarios::ALL
        .iter()
        .filter(|(name, _)| wanted.is_empty() || wanted.iter().any(|part| name.contains(part)))
        .collect();
    if chosen.is_empty() {
        bail!("no scenario's name has a part {wanted:?}");
    }
    let version = machine::output(
        &machine::real_kubectl()?.display().to_string(),
        &["version", "--client"],
    )?;
    say(&format!("\nkubectl: {}", version.replace('\n', ", ")));
    say(&format!("running {} tests", chosen.len()));
    run(&chosen)
}

fn run(chosen: &[&(&str, Scenario)]) -> Result<ExitCode> {
    let clock = Clock::system();
    let started = clock.monotonic();
    // Two runs on one machine would end each other's servers: the second waits. Closing unlocks.
    let turn = File::create(format!("{ROOT}.lock"))?;
    turn.lock()?;
    let mut cluster = Cluster::start(ROOT)?;
    let mut failed = Vec::new();
    for (name, scenario) in chosen {
        let began = clock.monotonic();
        let outcome = catch_unwind(AssertUnwindSafe(|| scenario(&mut cluster)));
        let outcome = match outcome {
            Ok(outcome) => outcome,
            // The panic's words were printed when it happened.
            Err(_) => Err(anyhow::anyhow!("panicked")),
        };
        let took = (clock.monotonic() - began).as_secs_f32();
        match outcome {
            Ok(()) => say(&format!("test {name} ... ok ({took:.1} s)")),
            Err(error) => {
                say(&format!("test {name} ... FAILED ({took:.1} s)\n{error:?}"));
                say(&last_lines(&cluster.places.log(), 10));
                failed.push(*name);
                // What it left would make the next one fail as well.
                recover(&mut cluster)?;
            }
        }
    }
    drop(cluster);
    clear(&Places::new(ROOT))?;
    let passed = chosen.len() - failed.len();
    let verdict = if failed.is_empty() { "ok" } else { "FAILED" };
    let took = (clock.monotonic() - started).as_secs_f32();
    say(&format!(
        "\ntest result: {verdict}. {passed} passed; {} failed; 0 ignored; 0 measured; {} filtered \
         out; finished in {took:.2}s",
        failed.len(),
        scenarios::ALL.len() - chosen.len(),
    ));
    if failed.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    say(&format!("failed: {}", failed.join(", ")));
    Ok(ExitCode::FAILURE)
}

/// A new machine for the scenarios after a failed one. The failed server's log is kept.
fn recover(cluster: &mut Cluster) -> Result<()> {
    let log = cluster.places.log();
    let kept = "/tmp/rk3s-test-failed.log";
    // Only a help for a person who looks.
    let _kept = std::fs::copy(log, kept);
    // Best effort: what it cannot remove, `clear` does.
    let _cleaned = cluster.clean_node();
    *cluster = Cluster::start(ROOT)?;
    Ok(())
}

fn say(text: &str) {
    // A closed standard output leaves nobody to tell.
    let _ = writeln!(io::stdout(), "{text}");
}
