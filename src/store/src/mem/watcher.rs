//! A watch of a store in memory.

use std::ops::Bound;
use std::sync::Arc;

use tokio::sync::watch;

use super::Shared;
use crate::{Error, Revision, WatchItem};

/// A watch: the position it has yielded everything up to, and what it knows of the bell.
pub(super) struct Watcher {
    pub(super) shared: Arc<Shared>,
    pub(super) bell: watch::Receiver<u64>,
    pub(super) prefix: String,
    pub(super) position: Revision,
    /// The count of progress requests answered; `None` before the first answer.
    pub(super) answered: Option<u64>,
    pub(super) finished: bool,
}

impl Watcher {
    pub(super) async fn next(mut self) -> Option<(Result<WatchItem, Error>, Self)> {
        loop {
            if self.finished {
                return None;
            }
            self.bell.borrow_and_update();
            match self.poll() {
                Ok(Some(item)) => return Some((Ok(item), self)),
                Ok(None) => {}
                Err(error) => {
                    self.finished = true;
                    return Some((Err(error), self));
                }
            }
            if self.bell.changed().await.is_err() {
                self.finished = true;
                return Some((Err(Error::Closed), self));
            }
        }
    }

    fn poll(&mut self) -> Result<Option<WatchItem>, Error> {
        let state = self.shared.lock();
        if self.position < state.compacted {
            return Err(Error::Compacted {
                oldest: state.compacted,
            });
        }
        let mut later = state
            .log
            .range((Bound::Excluded(self.position), Bound::Unbounded));
        if let Some((revision, event)) = later.find(|(_, e)| e.key.starts_with(&self.prefix)) {
            self.position = *revision;
            return Ok(Some(WatchItem::Event(event.clone())));
        }
        self.position = state.revision;
        let asked = state.progress_requests;
        if self.answered != Some(asked) {
            self.answered = Some(asked);
            return Ok(Some(WatchItem::Progress(self.position)));
        }
        Ok(None)
    }
}
