//! Supervised tasks: a panic in one is logged and counted, and harms nothing else.

use std::any::Any;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use futures::FutureExt;
use tokio::task::{AbortHandle, JoinHandle};
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

/// Tasks that are to run for as long as the process does. Clones share the list.
#[derive(Clone, Debug, Default)]
pub struct Roster(Arc<Mutex<Vec<(&'static str, AbortHandle)>>>);

impl Roster {
    /// As [`spawn`], of a task that belongs to the list.
    pub fn spawn<F>(&self, name: &'static str, future: F) -> JoinHandle<Option<F::Output>>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let task = spawn(name, future);
        let mut tasks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tasks.push((name, task.abort_handle()));
        task
    }

    /// Whether all of them run.
    ///
    /// # Errors
    /// `not started`, or the name of the first that has ended.
    pub fn check(&self) -> Result<(), String> {
        let tasks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if tasks.is_empty() {
            return Err("not started".to_owned());
        }
        let ended = tasks.iter().find(|(_, task)| task.is_finished());
        ended.map_or(Ok(()), |(name, _)| Err(format!("{name} has ended")))
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

    #[tokio::test]
    async fn a_roster_tells_which_task_has_ended() {
        let roster = Roster::default();
        assert_eq!(roster.check(), Err("not started".to_owned()));
        let lasting = roster.spawn("lasting", std::future::pending::<()>());
        assert_eq!(roster.check(), Ok(()));
        let short = roster.spawn("short", async {});
        assert_eq!(short.await.expect("not aborted"), Some(()));
        assert_eq!(roster.clone().check(), Err("short has ended".to_owned()));
        lasting.abort();
    }
}
