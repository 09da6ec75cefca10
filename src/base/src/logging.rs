//! Set-up of the log: one line per event on standard error, level by flag or `RUST_LOG`.

use rustix::event::{PollFd, PollFlags};
use tracing_subscriber::EnvFilter;

/// Starts logging for the process. `debug` lowers the default level from info to debug;
/// `RUST_LOG` overrides both.
pub fn start(debug: bool) {
    let default = if debug {
        "debug,hyper=info,h2=info,rustls=info,sled=info"
    } else {
        "info"
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    // A second call (tests share a process) keeps the first subscriber.
    let _already_set = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        .try_init();
}

/// Whether the log can be written to now. A pipe that nobody reads is full, and whoever logs
/// next stands still.
///
/// # Errors
/// Says what keeps the log from taking a line.
pub fn check() -> Result<(), String> {
    let stderr = std::io::stderr();
    let mut ready = [PollFd::new(&stderr, PollFlags::OUT)];
    let now = rustix::event::Timespec::default();
    match rustix::event::poll(&mut ready, Some(&now)) {
        Ok(0) => Err("standard error takes nothing: its reader stands still".to_owned()),
        Ok(_) if ready[0].revents().contains(PollFlags::OUT) => Ok(()),
        Ok(_) => Err("standard error is closed".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}
