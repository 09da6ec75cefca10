//! A watch's events as lines of JSON, in the form the client accepts.
//!
//! A line is made once for all watches that send it ([`SharedLines`]).

mod shared;

use std::time::Duration;

use apimachinery::{Encoded, Object, StatusError};
use bytes::{BufMut, Bytes, BytesMut};
use client::WatchEvent;
use serde_json::{Map, json};

use crate::bookmarks;
use crate::negotiate::Form;
use crate::shape::Shape;
use crate::table;

pub(crate) use shared::{Line, SharedLines};

/// Ticks come a little early or late; a bookmark is due when it is nearly a tick since the last.
const JITTER: Duration = Duration::from_secs(5);

/// What one client gets for each event.
pub(crate) struct Frames {
    shape: Shape,
    shared: SharedLines,
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
    pub fn new(shape: Shape, shared: SharedLines) -> Self {
        Self {
            shape,
            shared,
            columns_sent: false,
            bookmarks: Bookmarks::None,
        }
    }

    /// For a client that asked for bookmarks; `initial` if it asked for the state first.
    pub fn send_bookmarks(&mut self, initial: bool) {
        self.bookmarks = if initial {
            Bookmarks::Initial
        } else {
            Bookmarks::Since(self.shape.clock.monotonic())
        };
    }

    /// The next bookmark is the last, and always due.
    pub fn let_next_bookmark_through(&mut self) {
        if matches!(self.bookmarks, Bookmarks::Since(_)) {
            self.bookmarks = Bookmarks::Next;
        }
    }

    /// `None` for a bookmark that this client does not get.
    pub fn event(&mut self, event: &WatchEvent) -> Result<Option<Bytes>, StatusError> {
        Ok(match event {
            WatchEvent::Added(object) => Some(self.change("ADDED", object)?),
            WatchEvent::Modified(object) => Some(self.change("MODIFIED", object)?),
            WatchEvent::Deleted(object) => Some(self.change("DELETED", object)?),
            WatchEvent::Bookmark(revision) => self.bookmark(*revision),
        })
    }

    /// The last line of a watch that failed.
    pub fn error(error: &StatusError) -> Bytes {
        line("ERROR", &json!(error.0).to_string())
    }

    fn change(&mut self, kind: &'static str, object: &Encoded) -> Result<Bytes, StatusError> {
        let with_columns = !std::mem::replace(&mut self.columns_sent, true);
        let shape = &self.shape;
        let key = Line::of(kind, object.revision(), shape, with_columns);
        self.shared
            .line(key, || write(kind, object, shape, with_columns))
    }

    /// An empty object that says how far the client has seen.
    fn bookmark(&mut self, revision: u64) -> Option<Bytes> {
        let now = self.shape.clock.monotonic();
        let last = std::mem::replace(&mut self.bookmarks, Bookmarks::Since(now));
        match last {
            Bookmarks::Initial | Bookmarks::Next => {}
            Bookmarks::Since(last) if now - last + JITTER >= bookmarks::EVERY => {}
            Bookmarks::None | Bookmarks::Since(_) => {
                self.bookmarks = last;
                return None;
            }
        }
        let mut metadata = Map::new();
        metadata.insert("resourceVersion".into(), revision.to_string().into());
        if matches!(last, Bookmarks::Initial) {
            let end = json!({"k8s.io/initial-events-end": "true"});
            metadata.insert("annotations".into(), end);
        }
        let object = match self.shape.form {
            Form::Object => {
                let mut object = Object::default();
                object.set_gvk(&self.shape.served.gvk());
                object.insert("metadata".into(), metadata.into());
                object.into_value()
            }
            Form::Metadata => table::with_type(metadata.into()),
            Form::Table => json!({"kind": "Table", "apiVersion": table::VERSION,
                "metadata": metadata, "columnDefinitions": null, "rows": []}),
        };
        Some(line("BOOKMARK", &object.to_string()))
    }
}

/// The line of a change. A Table names its columns in a watch's first line only.
fn write(
    kind: &str,
    object: &Encoded,
    shape: &Shape,
    with_columns: bool,
) -> Result<Bytes, StatusError> {
    let mut frame = BytesMut::with_capacity(object.json().len() + 96);
    frame.put_slice(format!("{{\"type\":\"{kind}\",\"object\":").as_bytes());
    if with_columns {
        shape.write_object(object, &mut frame)?;
    } else {
        shape.write_next(object, &mut frame)?;
    }
    frame.put_slice(b"}\n");
    Ok(frame.freeze())
}

fn line(kind: &str, object: &str) -> Bytes {
    format!("{{\"type\":\"{kind}\",\"object\":{object}}}\n").into()
}
