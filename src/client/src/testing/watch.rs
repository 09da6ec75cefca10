//! Watches of the fake server.

use std::collections::VecDeque;

use apimachinery::{Encoded, GroupResource, Object, StatusError};
use base::TraceId;
use bytes::Bytes;
use futures::stream::{self, StreamExt};
use serde_json::{Value, json};
use tokio::sync::watch as channel;

use super::selection::Selection;
use super::state::Change;
use super::{FakeServer, News};
use crate::WatchOptions;
use crate::list_watch::{EventStream, WatchEvent};

pub(super) struct Watch {
    server: FakeServer,
    news: channel::Receiver<News>,
    epoch: u64,
    resource: GroupResource,
    namespace: String,
    selection: Selection,
    bookmarks: bool,
    /// Up to here the history has been read.
    position: u64,
    /// The revision of the last thing sent.
    sent: u64,
    waiting: VecDeque<WatchEvent>,
    /// Fell behind the history; the stream ends with this.
    over: bool,
}

impl Watch {
    pub(super) fn new(
        server: FakeServer,
        resource: GroupResource,
        namespace: &str,
        selection: Selection,
        options: &WatchOptions,
    ) -> Result<Self, StatusError> {
        let news = server.0.news.subscribe();
        let epoch = news.borrow().epoch;
        let mut watch = Self {
            server: server.clone(),
            news,
            epoch,
            resource,
            namespace: namespace.to_owned(),
            selection,
            bookmarks: options.bookmarks || options.send_initial_events,
            position: 0,
            sent: 0,
            waiting: VecDeque::new(),
            over: false,
        };
        let state = server.state();
        match options.resource_version {
            Some(after) if after > 0 && !options.send_initial_events => {
                if after < state.oldest {
                    return Err(too_old(after, state.oldest));
                }
                watch.position = after;
                watch.sent = after;
            }
            _ => {
                let all = state.all(watch.resource.clone(), &watch.namespace);
                let selected = all.filter(|object| watch.selection.matches(object));
                let initial: Vec<_> = selected.map(|o| WatchEvent::Added(encoded(o))).collect();
                watch.waiting.extend(initial);
                watch.position = state.revision;
            }
        }
        drop(state);
        Ok(watch)
    }

    pub(super) fn events(self) -> EventStream {
        stream::unfold(self, |mut watch| async move {
            let event = watch.next().await?;
            Some((event, watch))
        })
        .boxed()
    }

    async fn next(&mut self) -> Option<Result<WatchEvent, StatusError>> {
        loop {
            if self.over || self.news.borrow_and_update().epoch != self.epoch {
                return None;
            }
            if let Some(event) = self.waiting.pop_front() {
                self.sent = self.sent.max(event.revision());
                return Some(Ok(event));
            }
            if let Err(error) = self.read() {
                self.over = true;
                return Some(Err(error));
            }
            if !self.waiting.is_empty() {
                continue;
            }
            if self.bookmarks && self.position > self.sent {
                self.sent = self.position;
                return Some(Ok(WatchEvent::Bookmark(self.position)));
            }
            // The sender lives in the server, which this watch holds: it cannot be closed.
            self.news.changed().await.ok()?;
        }
    }

    /// Takes over what happened since.
    fn read(&mut self) -> Result<(), StatusError> {
        let state = self.server.state();
        if self.position < state.oldest {
            return Err(too_old(self.position, state.oldest));
        }
        let first = state
            .log
            .partition_point(|change| change.revision <= self.position);
        let changes = state.log[first..].iter();
        let events: Vec<_> = changes.filter_map(|change| self.event(change)).collect();
        self.position = state.revision;
        drop(state);
        self.waiting.extend(events);
        Ok(())
    }

    fn event(&self, change: &Change) -> Option<WatchEvent> {
        let here = |object: &&Object| {
            (self.namespace.is_empty() || object.namespace() == self.namespace)
                && self.selection.matches(object)
        };
        if change.resource != self.resource {
            return None;
        }
        let old = change.old.as_ref().filter(here);
        let new = change.new.as_ref().filter(here);
        let encode = |o: &Object| Encoded::from_object(o, change.revision, change.trace);
        match (old, new) {
            (None, None) => None,
            (None, Some(new)) => Some(WatchEvent::Added(encode(new))),
            (Some(_), Some(new)) => Some(WatchEvent::Modified(encode(new))),
            (Some(old), None) => Some(WatchEvent::Deleted(encode(old))),
        }
    }
}

fn too_old(asked: u64, oldest: u64) -> StatusError {
    StatusError::expired(format!("too old resource version: {asked} ({oldest})"))
}

/// An object of the state, at its own revision.
pub(super) fn encoded(object: &Object) -> Encoded {
    let revision = object.resource_version().parse().unwrap_or(0);
    Encoded::from_object(object, revision, TraceId::NONE)
}

/// An event as a line of a watch's body.
pub(super) fn frame(event: Result<WatchEvent, StatusError>) -> Bytes {
    let value = |kind: &str, object: &Encoded| {
        let object: Value = serde_json::from_slice(&object.to_bytes()).expect("encoded here");
        json!({"type": kind, "object": object})
    };
    let frame = match event {
        Ok(WatchEvent::Added(object)) => value("ADDED", &object),
        Ok(WatchEvent::Modified(object)) => value("MODIFIED", &object),
        Ok(WatchEvent::Deleted(object)) => value("DELETED", &object),
        Ok(WatchEvent::Bookmark(revision)) => json!({
            "type": "BOOKMARK",
            "object": {"metadata": {"resourceVersion": revision.to_string()}},
        }),
        Err(error) => json!({"type": "ERROR", "object": error.0}),
    };
    format!("{frame}\n").into()
}
