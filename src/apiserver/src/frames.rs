//! A watch's events as lines of JSON, in the form the client accepts.

use std::time::Duration;

use apimachinery::{Encoded, Object, StatusError};
use base::Clock;
use bytes::{BufMut, Bytes, BytesMut};
use client::WatchEvent;
use resources::Served;
use serde_json::{Value, json};

use crate::bookmarks;
use crate::negotiate::Form;
use crate::table::{self, IncludeObject};

/// Ticks come a little early or late; a bookmark is due when it is nearly a tick since the last.
const JITTER: Duration = Duration::from_secs(5);

/// What one client gets for each event.
pub(crate) struct Frames {
    served: Served,
    form: Form,
    include: IncludeObject,
    clock: Clock,
    columns_sent: bool,
    bookmarks: Bookmarks,
}

/// Which bookmarks the client gets.
#[derive(Clone, Copy, Debug)]
enum Bookmarks {
    None,
    /// It waits for the one that ends the initial events.
    Initial,
    /// The next, and then those that are due.
    Next,
    /// Those that are due after the last one, or after the beginning.
    Since(Duration),
}

impl Frames {
    pub fn new(served: Served, form: Form, include: IncludeObject, clock: Clock) -> Self {
        Self {
            served,
            form,
            include,
            clock,
            columns_sent: false,
            bookmarks: Bookmarks::None,
        }
    }

    /// For a client that asked for bookmarks; `initial` if it asked for the state first.
    pub fn send_bookmarks(&mut self, initial: bool) {
        self.bookmarks = if initial {
            Bookmarks::Initial
        } else {
            Bookmarks::Since(self.clock.monotonic())
        };
    }

    /// The next bookmark is the last, and always due.
    pub fn let_next_bookmark_through(&mut self) {
        if matches!(self.bookmarks, Bookmarks::Since(_)) {
            self.bookmarks = Bookmarks::Next;
        }
    }

    /// `None` for a bookmark that this client does not get.
    pub fn event(&mut self, event: WatchEvent) -> Result<Option<Bytes>, StatusError> {
        Ok(match event {
            WatchEvent::Added(object) => Some(self.change("ADDED", &object)?),
            WatchEvent::Modified(object) => Some(self.change("MODIFIED", &object)?),
            WatchEvent::Deleted(object) => Some(self.change("DELETED", &object)?),
            WatchEvent::Bookmark(revision) => self.bookmark(revision),
        })
    }

    /// The last line of a watch that failed.
    pub fn error(error: &StatusError) -> Bytes {
        line("ERROR", &json!(error.0).to_string())
    }

    fn change(&mut self, kind: &str, object: &Encoded) -> Result<Bytes, StatusError> {
        let decode = || object.to_object().map_err(StatusError::internal);
        match self.form {
            Form::Object => {
                let object = registry::show(self.served, object)?;
                let mut frame = BytesMut::with_capacity(object.json().len() + 96);
                frame.put_slice(format!("{{\"type\":\"{kind}\",\"object\":").as_bytes());
                object.write_to(&mut frame);
                frame.put_slice(b"}\n");
                Ok(frame.freeze())
            }
            Form::Metadata => Ok(line(kind, &table::partial(decode()?).to_string())),
            Form::Table => {
                let metadata = json!({"resourceVersion": object.revision().to_string()});
                let items = std::slice::from_ref(object);
                let now = self.clock.wall();
                let mut table = table::table(self.served, items, metadata, self.include, now)?;
                if std::mem::replace(&mut self.columns_sent, true) {
                    table["columnDefinitions"] = Value::Null;
                }
                Ok(line(kind, &table.to_string()))
            }
        }
    }

    /// An empty object that says how far the client has seen.
    fn bookmark(&mut self, revision: u64) -> Option<Bytes> {
        let now = self.clock.monotonic();
        let last = std::mem::replace(&mut self.bookmarks, Bookmarks::Since(now));
        match last {
            Bookmarks::Initial | Bookmarks::Next => {}
            Bookmarks::Since(last) if now - last + JITTER >= bookmarks::EVERY => {}
            Bookmarks::None | Bookmarks::Since(_) => {
                self.bookmarks = last;
                return None;
            }
        }
        let mut bookmark = Object::default();
        bookmark.set_gvk(&self.served.gvk());
        bookmark.set_meta("resourceVersion", &revision.to_string());
        if matches!(last, Bookmarks::Initial) {
            let end = json!({"k8s.io/initial-events-end": "true"});
            bookmark.metadata_mut().insert("annotations".into(), end);
        }
        let text = match self.form {
            Form::Object => bookmark.into_value().to_string(),
            Form::Metadata => table::partial(bookmark).to_string(),
            Form::Table => {
                let metadata = bookmark.metadata().cloned().unwrap_or_default();
                json!({"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": metadata,
                       "columnDefinitions": null, "rows": []})
                .to_string()
            }
        };
        Some(line("BOOKMARK", &text))
    }
}

fn line(kind: &str, object: &str) -> Bytes {
    format!("{{\"type\":\"{kind}\",\"object\":{object}}}\n").into()
}
