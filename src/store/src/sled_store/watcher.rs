//! A watch: a position in history that pulls what follows it, from the ring or from disk.
//!
//! Nothing is queued for a watch, so a reader that stands still costs nothing but its own place.

use std::collections::VecDeque;
use std::sync::Arc;

use futures::stream::{self, StreamExt};
use tokio::sync::watch;

use super::read::{self, Portion};
use super::ring::Recent;
use super::shared::{Nudge, Shared};
use crate::{Error, Revision, WatchItem, WatchStream};

/// How many events are taken out of a ring at a time.
const TAKEN: usize = 256;

struct Watcher {
    shared: Arc<Shared>,
    prefix: String,
    /// Everything up to here is yielded or in `buffer`.
    position: Revision,
    buffer: VecDeque<WatchItem>,
    bell: watch::Receiver<()>,
    nudge: watch::Receiver<Nudge>,
    /// Progress is owed as soon as the watch has caught up.
    owes_progress: bool,
    finished: bool,
}

/// What lies after a position.
enum Ahead {
    /// It is in memory.
    Recent(Recent, Revision),
    /// Part of it is on disk only.
    History(Revision),
}

/// Starts a watch.
pub(crate) fn start(
    shared: &Arc<Shared>,
    prefix: &str,
    after: Revision,
) -> Result<WatchStream, Error> {
    let nudge = shared.nudge.subscribe();
    if nudge.borrow().closed {
        return Err(Error::Closed);
    }
    let mut state = shared.write();
    state.readable(Some(after))?;
    let watcher = Watcher {
        shared: shared.clone(),
        prefix: prefix.to_owned(),
        position: after,
        buffer: VecDeque::new(),
        bell: state.rings.subscribe(prefix),
        nudge,
        owes_progress: true,
        finished: false,
    };
    Ok(stream::unfold(watcher, Watcher::next).boxed())
}

impl Watcher {
    async fn next(mut self) -> Option<(Result<WatchItem, Error>, Self)> {
        loop {
            if let Some(item) = self.buffer.pop_front() {
                return Some((Ok(item), self));
            }
            if self.finished {
                return None;
            }
            match self.advance().await {
                Ok(()) => {}
                Err(error) => {
                    self.finished = true;
                    return Some((Err(error), self));
                }
            }
        }
    }

    /// Fills the buffer, or moves on, or waits when there is nothing ahead.
    async fn advance(&mut self) -> Result<(), Error> {
        // Heard before looking, so that what happens while looking rings again.
        self.bell.borrow_and_update();
        self.hear_nudge()?;
        match self.look_ahead()? {
            Ahead::Recent(recent, revision) => {
                self.take(recent, revision);
                if self.buffer.is_empty() {
                    self.wait().await?;
                }
            }
            Ahead::History(upto) => {
                let (prefix, after) = (self.prefix.clone(), self.position);
                let Portion { events, upto } = read::blocking(&self.shared, move |shared| {
                    read::history(shared, &prefix, after, upto)
                })
                .await?;
                self.buffer.extend(events.into_iter().map(WatchItem::Event));
                self.position = upto;
            }
        }
        Ok(())
    }

    fn hear_nudge(&mut self) -> Result<(), Error> {
        if self.nudge.has_changed().map_err(|_| Error::Closed)? {
            self.owes_progress = true;
        }
        if self.nudge.borrow_and_update().closed {
            return Err(Error::Closed);
        }
        Ok(())
    }

    fn look_ahead(&self) -> Result<Ahead, Error> {
        let state = self.shared.read();
        match state.rings.after(&self.prefix, self.position, TAKEN) {
            Some(recent) => Ok(Ahead::Recent(recent, state.revision)),
            None if self.position < state.compacted => Err(Error::Compacted {
                oldest: state.compacted,
            }),
            None => Ok(Ahead::History(state.revision)),
        }
    }

    fn take(&mut self, recent: Recent, revision: Revision) {
        match recent.events.last() {
            Some(last) if recent.more => self.position = last.modified,
            _ => self.position = revision,
        }
        self.buffer
            .extend(recent.events.into_iter().map(WatchItem::Event));
        if !recent.more && self.owes_progress {
            self.owes_progress = false;
            self.buffer.push_back(WatchItem::Progress(revision));
        }
    }

    async fn wait(&mut self) -> Result<(), Error> {
        let rung = tokio::select! {
            rung = self.bell.changed() => rung,
            nudged = self.nudge.changed() => {
                self.owes_progress = true;
                nudged
            }
        };
        rung.map_err(|_| Error::Closed)
    }
}
