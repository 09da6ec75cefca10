//! rk3s: Kubernetes on one machine, in one binary.
//!
//! This file chooses the command; `server` opens and wires the crates, `options` is the one table
//! of flags. The shim comes first: it must run before anything starts a thread.

mod bootstrap;
mod certificate;
mod clean;
mod components;
mod flags;
mod gate;
mod kubelets;
mod lookups;
mod node;
mod options;
mod rbac;
mod reads;
mod server;
mod snapshot;
mod snapshot_socket;
mod sources;
mod token_tracking;

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use clap::Command;

fn main() -> ExitCode {
    let args: Vec<OsString> = std::env::args_os().collect();
    let called_as = args.first().and_then(|path| Path::new(path).file_name());
    if called_as.is_some_and(|name| name == "kubectl") {
        return kubectl::main(args.into_iter().skip(1));
    }
    match args.get(1).and_then(|command| command.to_str()) {
        Some("shim") => runtime::shim::main(&args[2..]),
        Some("kubectl") => kubectl::main(args.into_iter().skip(2)),
        _ => command(args),
    }
}

fn cli() -> Command {
    Command::new("rk3s")
        .about("Kubernetes on one machine, in one binary")
        .version(env!("CARGO_PKG_VERSION"))
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(options::arguments(
            Command::new("server").about("Run the control plane and this node"),
        ))
        .subcommand(options::arguments(Command::new("clean-node").about(
            "Stop all pods of this node and remove what they left; the data stays",
        )))
        .subcommand(snapshot::cli())
        .subcommand(certificate::cli())
        .subcommand(Command::new("kubectl").about("Control the cluster (rk3s kubectl --help)"))
}

fn command(args: Vec<OsString>) -> ExitCode {
    runtime::allocator::give_back_soon();
    let matches = cli().get_matches_from(args);
    let outcome = match matches.subcommand() {
        Some(("server", matches)) => run(matches, server::run),
        Some(("clean-node", matches)) => run(matches, clean::run),
        Some(("snapshot", matches)) => match matches.subcommand() {
            Some((_, inner)) => run(inner, |options| snapshot::run(matches.clone(), options)),
            None => Ok(()),
        },
        Some(("certificate", matches)) => match matches.subcommand() {
            Some((_, inner)) => run(inner, |options| certificate::run(matches.clone(), options)),
            None => Ok(()),
        },
        // Handled before clap, which does not know kubectl's arguments.
        _ => Ok(()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody is left to tell when standard error is closed.
            let _ = writeln!(io::stderr(), "rk3s: {}", with_causes(&error));
            ExitCode::FAILURE
        }
    }
}

/// Resolves the options and runs a command on a tokio runtime.
fn run<F>(
    matches: &clap::ArgMatches,
    command: impl FnOnce(options::Options) -> F,
) -> anyhow::Result<()>
where
    F: Future<Output = anyhow::Result<()>>,
{
    let options = options::Options::resolve(matches, |name| std::env::var(name).ok())?;
    base::logging::start(options.is_true("debug"));
    for key in &options.unknown_keys {
        tracing::warn!(
            key,
            "the configuration file names an option that does not exist"
        );
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(command(options))
}

/// An error and its causes in one line. Errors that show their cause themselves are not repeated.
fn with_causes(error: &anyhow::Error) -> String {
    let mut text = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !text.contains(&cause) {
            text.push_str(": ");
            text.push_str(&cause);
        }
    }
    text
}
