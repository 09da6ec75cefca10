//! Large objects, out of the way of other requests.

use std::future::{Future, poll_fn};
use std::pin::pin;

use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::Semaphore;

/// Texts of more bytes take longer to read, default, check and print than others should wait:
/// 256 KiB of JSON some ten milliseconds, 3 MiB mostly up to half a second, and some seconds when
/// they are a million empty containers.
const LARGE: usize = 256 * 1024;

/// As many are worked on at once: those million take a gigabyte while they are.
const AT_ONCE: usize = 2;

/// Whether work on a text of so many bytes waits for its turn.
pub(crate) fn is_large(bytes: usize) -> bool {
    bytes > LARGE
}

/// Whose turn it is to work on a large object.
pub(crate) struct Turns(Semaphore);

impl Default for Turns {
    fn default() -> Self {
        Self(Semaphore::new(AT_ONCE))
    }
}

tokio::task_local! {
    /// Set while the task has a turn: what it does within needs no other.
    static HAS_TURN: ();
}

impl Turns {
    /// Does `work`, which goes through a text of so many bytes. A large one waits for its turn,
    /// and while it is worked on, the other tasks of the same worker go on on another thread. A
    /// runtime of one thread has no other: there they wait.
    pub(crate) async fn work<F: Future>(&self, bytes: usize, work: F) -> F::Output {
        if !is_large(bytes) || HAS_TURN.try_with(|()| ()).is_ok() {
            return work.await;
        }
        let _turn = self.0.acquire().await.expect("never closed");
        let has_workers = Handle::try_current()
            .is_ok_and(|runtime| runtime.runtime_flavor() == RuntimeFlavor::MultiThread);
        let mut work = pin!(HAS_TURN.scope((), work));
        poll_fn(|task| {
            if has_workers {
                tokio::task::block_in_place(|| work.as_mut().poll(task))
            } else {
                work.as_mut().poll(task)
            }
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

    use super::*;

    #[tokio::test]
    async fn few_large_ones_are_worked_on_at_once() {
        for (bytes, expected) in [(LARGE, 5), (LARGE + 1, AT_ONCE)] {
            let turns = Arc::new(Turns::default());
            let (begun, go_on) = (Arc::new(AtomicUsize::new(0)), Arc::new(Semaphore::new(0)));
            let working: Vec<_> = (0..5)
                .map(|_| {
                    let (turns, begun, go_on) = (turns.clone(), begun.clone(), go_on.clone());
                    tokio::spawn(async move {
                        let inner = async {
                            begun.fetch_add(1, Relaxed);
                            drop(go_on.acquire().await.expect("never closed"));
                        };
                        // What is done within it has its turn already.
                        turns.work(bytes, turns.work(bytes, inner)).await;
                    })
                })
                .collect();
            // The only thread polls each once.
            for _ in 0..5 {
                tokio::task::yield_now().await;
            }
            assert_eq!(begun.load(Relaxed), expected);
            go_on.add_permits(1);
            for working in working {
                working.await.expect("no panic");
            }
            assert_eq!(begun.load(Relaxed), 5);
        }
    }
}
