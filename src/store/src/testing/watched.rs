//! A watch as the suite reads it: with a deadline, and with its own checks of order.

use std::sync::Arc;
use std::time::Duration;

use base::Clock;
use futures::StreamExt;

use crate::{Error, Event, Revision, WatchItem, WatchStream};

pub(crate) struct Watched {
    stream: WatchStream,
    clock: Clock,
    deadline: Duration,
    /// Nothing at or below it may follow.
    position: Revision,
}

impl Watched {
    pub(crate) fn new(stream: WatchStream, deadline: Duration) -> Self {
        Self {
            stream,
            clock: Clock::system(),
            deadline,
            position: Revision::ZERO,
        }
    }

    pub(crate) async fn item(&mut self) -> Result<WatchItem, Error> {
        let item = self.clock.timeout(self.deadline, self.stream.next()).await;
        let item = item
            .expect("an item before the deadline")
            .expect("no end without an error")?;
        match &item {
            WatchItem::Event(event) => {
                assert!(
                    event.modified > self.position,
                    "{event:?} after {}",
                    self.position
                );
                self.position = event.modified;
            }
            WatchItem::Progress(revision) => {
                assert!(
                    *revision >= self.position,
                    "{revision} after {}",
                    self.position
                );
                self.position = *revision;
            }
        }
        Ok(item)
    }

    /// The next event; progress in between is checked and skipped.
    pub(crate) async fn event(&mut self) -> Arc<Event> {
        loop {
            if let WatchItem::Event(event) = self.item().await.expect("no error") {
                return event;
            }
        }
    }

    /// The next `count` events, as text.
    pub(crate) async fn events(&mut self, count: usize) -> Vec<String> {
        let mut events = Vec::new();
        while events.len() < count {
            events.push(line(&*self.event().await));
        }
        events
    }

    /// The events up to progress at `revision` or later.
    pub(crate) async fn until(&mut self, revision: Revision) -> Vec<String> {
        let mut events = Vec::new();
        loop {
            match self.item().await.expect("no error") {
                WatchItem::Event(event) => events.push(line(&event)),
                WatchItem::Progress(at) if at >= revision => return events,
                WatchItem::Progress(_) => {}
            }
        }
    }

    /// The error that ends the watch; events before it are skipped.
    pub(crate) async fn error(&mut self) -> Error {
        loop {
            if let Err(error) = self.item().await {
                let end = self.clock.timeout(self.deadline, self.stream.next()).await;
                assert!(
                    end.expect("ends in time").is_none(),
                    "a watch ends after its error"
                );
                return error;
            }
        }
    }
}

/// `revision key=value`, `revision -key` for a deletion; what it was before in brackets.
pub(crate) fn line(event: &Event) -> String {
    let prev = event.prev.as_ref().map_or(String::new(), |prev| {
        assert_eq!(prev.key, event.key);
        assert_eq!(
            prev.created, event.created,
            "a key's life has one beginning"
        );
        format!(
            " [{} {}]",
            prev.modified,
            String::from_utf8_lossy(&prev.value)
        )
    });
    match &event.value {
        Some(value) => {
            format!(
                "{} {}={}{prev}",
                event.modified,
                event.key,
                String::from_utf8_lossy(value)
            )
        }
        None => format!("{} -{}{prev}", event.modified, event.key),
    }
}
