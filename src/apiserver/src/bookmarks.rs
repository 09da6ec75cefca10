//! One timer for the bookmarks of all watches. It runs only while a watch wants them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base::Clock;
use registry::Registry;

/// How often a watch says how far it has seen (upstream's bookmark frequency).
pub(crate) const EVERY: Duration = Duration::from_secs(60);

/// Who wants bookmarks.
#[derive(Clone, Default)]
pub(crate) struct Bookmarks(Arc<Mutex<Wanted>>);

#[derive(Default)]
struct Wanted {
    watches: usize,
    ticking: bool,
}

/// One watch's wish; ends with it.
pub(crate) struct Interest(Bookmarks);

impl Drop for Interest {
    fn drop(&mut self) {
        self.0.lock().watches -= 1;
    }
}

impl Bookmarks {
    /// Joins the watches that want bookmarks, and starts the timer for the first.
    pub fn join(&self, registry: &Registry, clock: &Clock) -> Interest {
        let mut wanted = self.lock();
        wanted.watches += 1;
        if !std::mem::replace(&mut wanted.ticking, true) {
            let (bookmarks, registry, clock) = (self.clone(), registry.clone(), clock.clone());
            base::tasks::spawn("bookmarks", async move {
                bookmarks.tick(&registry, &clock).await;
            });
        }
        Interest(self.clone())
    }

    async fn tick(&self, registry: &Registry, clock: &Clock) {
        loop {
            clock.sleep(EVERY).await;
            let mut wanted = self.lock();
            if wanted.watches == 0 {
                wanted.ticking = false;
                return;
            }
            drop(wanted);
            registry.request_bookmarks();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Wanted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
