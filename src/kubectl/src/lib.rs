//! The embedded kubectl: the commands that a machine without a kubectl needs.
//!
//! Entry point: [`main`]. Invariant: what it prints, and with which code it ends, is what
//! kubectl 1.35 prints and ends with; a command or flag that is not there is refused by name.
//!
//! It must not know any kind beyond what `describe` shows, nor the server's crates: it talks to
//! any API server, and tables are the server's.

mod about;
mod apply;
mod commands;
mod config;
mod delete;
mod describe;
mod discovery;
mod duration;
mod flags;
mod get;
mod logs;
mod manifests;
mod output;
mod report;
mod scale;
mod session;
mod table;
mod tabwriter;
mod target;
#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::io;
use std::process::ExitCode;

use session::Session;

/// Runs kubectl with the arguments behind its name. Builds a runtime of its own.
pub fn main(args: impl Iterator<Item = OsString>) -> ExitCode {
    let args: Result<Vec<String>, OsString> = args.map(OsString::into_string).collect();
    let args = match args {
        Ok(args) => args,
        Err(arg) => return fail(&format!("error: argument {} is not UTF-8", arg.display())),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    match runtime {
        Ok(runtime) => runtime.block_on(run(&args)),
        Err(error) => fail(&format!("error: cannot start: {error}")),
    }
}

fn fail(text: &str) -> ExitCode {
    if !text.is_empty() {
        eprintln!("{text}");
    }
    ExitCode::FAILURE
}

async fn run(args: &[String]) -> ExitCode {
    let invocation = match commands::read(args) {
        Ok(commands::Asked::Run(invocation)) => invocation,
        Ok(commands::Asked::Help(text)) => {
            print!("{text}");
            return ExitCode::SUCCESS;
        }
        Err(text) => return fail(&text),
    };
    let parsed = &invocation.parsed;
    let mut session = Session::new(None, Box::new(io::stdout()), Box::new(io::stderr()));
    match config::connect(parsed) {
        Ok(connection) => {
            session.client = Some(connection.client);
            session.host = connection.host;
            session.namespace = connection.namespace;
        }
        // Told when a command needs the server.
        Err(error) => session.refusal = format!("{error:#}"),
    }
    if parsed.is_given("namespace") {
        parsed.text("namespace").clone_into(&mut session.namespace);
        session.namespace_given = true;
    }
    match (invocation.run)(&mut session, parsed).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&report::text(&error, &session.host)),
    }
}
