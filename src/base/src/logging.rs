//! Set-up of the log: one line per event on standard error, level by flag or `RUST_LOG`.

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
