//! Supervised tasks: a panic in one is logged and counted, and harms nothing else.

use std::any::Any;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU64, Ordering};

use futures::FutureExt;
use tokio::task::JoinHandle;
use tracing::{Instrument, error, info_span};

static PANICS: AtomicU64 = AtomicU64::new(0);

/// Panics caught at a task boundary since the process started.
pub fn panics() -> u64 {
    PANICS.load(Ordering::Relaxed)
}

/// Spawns `future` under `name`. A panic ends the task, is logged with its message, and gives
/// `None`.
pub fn spawn<F>(name: &'static str, future: F) -> JoinHandle<Option<F::Output>>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let guarded = catch(name, future);
    tokio::spawn(guarded.instrument(info_span!("task", name)))
}

/// Runs `future`; a panic in it is logged, counted and becomes `None`.
pub async fn catch<F: Future>(name: &str, future: F) -> Option<F::Output> {
    match AssertUnwindSafe(future).catch_unwind().await {
        Ok(output) => Some(output),
        Err(panic) => {
            PANICS.fetch_add(1, Ordering::Relaxed);
            error!(name, message = panic_message(&*panic), "caught a panic");
            None
        }
    }
}

fn panic_message(panic: &(dyn Any + Send)) -> &str {
    if let Some(text) = panic.downcast_ref::<&str>() {
        text
    } else if let Some(text) = panic.downcast_ref::<String>() {
        text
    } else {
        "a panic without a text"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_caught_and_counted() {
        let before = panics();
        let task = spawn("doomed", async { panic!("as planned") });
        assert_eq!(task.await.expect("not aborted"), None::<()>);
        assert_eq!(panics(), before + 1);
    }
}
