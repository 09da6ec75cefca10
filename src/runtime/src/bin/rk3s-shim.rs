//! The shim as a program of its own, for this crate's tests and benchmark.

use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<_> = std::env::args_os().skip(1).collect();
    runtime::shim::main(&args)
}
