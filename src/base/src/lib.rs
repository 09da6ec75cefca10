//! What every crate may stand on: time, randomness, shutdown, supervised tasks, durable files.
//!
//! Invariant: this is the only crate that asks the operating system for the time or for
//! randomness; everywhere else clippy's `disallowed-methods` refuses it, so that tests can move
//! both.
//!
//! It must not know Kubernetes, HTTP, or any other crate of this workspace.

pub mod backoff;
pub mod clock;
pub mod failpoint;
pub mod fsio;
pub mod logging;
pub mod metrics;
pub mod random;
pub mod shutdown;
pub mod tasks;
pub mod trace;

pub use backoff::Backoff;
pub use clock::Clock;
pub use shutdown::Shutdown;
pub use trace::TraceId;
