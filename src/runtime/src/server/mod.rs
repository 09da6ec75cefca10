//! The server's half: the `cri` traits, the index of sandboxes, and the calls to shims.

mod client;
mod container;
mod create;
mod events;
mod exec;
mod images;
mod launcher;
mod namespaces;
mod open;
mod operations;
mod record;
mod retire;
mod rootfs;
mod runtime;
mod sandbox;
mod service;
mod signal;

pub use images::Images;
pub use rootfs::RootfsProvider;
pub use runtime::{Runtime, RuntimeOptions};

use cri::Error;

/// An error of the host, with what was being done.
fn internal(doing: impl std::fmt::Display) -> impl FnOnce(std::io::Error) -> Error {
    move |error| Error::Internal(format!("{doing}: {error}"))
}

/// Runs blocking work away from the tasks' threads.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> cri::Result<T> + Send + 'static,
) -> cri::Result<T> {
    let joined = tokio::task::spawn_blocking(work).await;
    joined.unwrap_or_else(|error| Err(Error::Internal(format!("blocking work: {error}"))))
}
