//! A watch's body: one JSON event a line, however the bytes are cut.

use std::borrow::Cow;

use apimachinery::{Encoded, Status, StatusError};
use base::TraceId;
use bytes::{Buf, Bytes, BytesMut};
use futures::stream::{self, StreamExt};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::answer;
use crate::list_watch::{EventStream, WatchEvent};
use crate::transport::ByteStream;

/// No event is longer: objects end at 3 MiB, and managedFields are inside.
const MAX_LINE: usize = 16 * 1024 * 1024;

#[derive(Deserialize)]
struct Frame<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    object: &'a RawValue,
}

struct Reader {
    body: ByteStream,
    buffer: BytesMut,
    /// How much of the buffer is known to hold no line end.
    searched: usize,
    /// An error was given, or the body is over: nothing follows.
    done: bool,
}

/// The events of a body, up to and including the first error. A body that ends between lines
/// ends the stream; a watch that is over says no more.
pub(crate) fn events(body: ByteStream) -> EventStream {
    let reader = Reader {
        body,
        buffer: BytesMut::new(),
        searched: 0,
        done: false,
    };
    stream::unfold(reader, |mut reader| async move {
        let event = reader.next().await?;
        reader.done = event.is_err();
        Some((event, reader))
    })
    .boxed()
}

impl Reader {
    async fn next(&mut self) -> Option<Result<WatchEvent, StatusError>> {
        while !self.done {
            if let Some(line) = self.take_line() {
                if line.iter().all(u8::is_ascii_whitespace) {
                    continue;
                }
                return Some(event(&line));
            }
            if self.buffer.len() > MAX_LINE {
                return Some(Err(StatusError::internal(
                    "a watch event is longer than 16 MiB",
                )));
            }
            match self.body.next().await {
                Some(Ok(chunk)) => self.buffer.extend_from_slice(&chunk),
                Some(Err(error)) => {
                    return Some(Err(StatusError::service_unavailable(error.to_string())));
                }
                None => {
                    self.done = true;
                    let rest = self.buffer.split();
                    let cut_off = !rest.iter().all(u8::is_ascii_whitespace);
                    // Without its line end an event is whole only if it parses.
                    return cut_off.then(|| event(&rest));
                }
            }
        }
        None
    }

    fn take_line(&mut self) -> Option<BytesMut> {
        let found = self.buffer[self.searched..]
            .iter()
            .position(|b| *b == b'\n');
        let Some(at) = found else {
            self.searched = self.buffer.len();
            return None;
        };
        let line = self.buffer.split_to(self.searched + at);
        self.buffer.advance(1);
        self.searched = 0;
        Some(line)
    }
}

fn event(line: &[u8]) -> Result<WatchEvent, StatusError> {
    let frame: Frame<'_> = serde_json::from_slice(line).map_err(unreadable)?;
    if frame.kind == "ERROR" {
        let status: Status = serde_json::from_str(frame.object.get()).map_err(unreadable)?;
        return Err(StatusError(Box::new(status)));
    }
    let object = own(frame.object).map_err(unreadable)?;
    match &*frame.kind {
        "ADDED" => Ok(WatchEvent::Added(object)),
        "MODIFIED" => Ok(WatchEvent::Modified(object)),
        "DELETED" => Ok(WatchEvent::Deleted(object)),
        "BOOKMARK" => Ok(WatchEvent::Bookmark(object.revision())),
        other => Err(unreadable(format!("unknown event type {other:?}"))),
    }
}

/// Copies the object out of the buffer, so that a cache keeps its bytes and no others.
fn own(object: &RawValue) -> Result<Encoded, serde_json::Error> {
    answer::object(
        Bytes::copy_from_slice(object.get().as_bytes()),
        TraceId::NONE,
    )
}

fn unreadable(cause: impl std::fmt::Display) -> StatusError {
    StatusError::internal(format!("a watch event cannot be read: {cause}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::TransportError;

    const BODY: &str = concat!(
        r#"{"type":"ADDED","object":{"metadata":{"name":"a\nb","resourceVersion":"3"}}}"#,
        "\n\n",
        r#"{"type":"BOOKMARK","object":{"kind":"Pod","metadata":{"resourceVersion":"5"}}}"#,
        "\n",
        r#"{"type":"ERROR","object":{"kind":"Status","apiVersion":"v1","message":"old","reason":"Expired","code":410}}"#,
        "\n",
        r#"{"type":"ADDED","object":{"metadata":{"resourceVersion":"9"}}}"#,
    );

    async fn read(body: &str, size: usize) -> Vec<String> {
        let chunks = body.as_bytes().chunks(size);
        let chunks: Vec<_> = chunks
            .map(|c| Ok::<_, TransportError>(Bytes::copy_from_slice(c)))
            .collect();
        let events = events(stream::iter(chunks).boxed());
        let show = |event| match event {
            Ok(WatchEvent::Bookmark(revision)) => format!("bookmark {revision}"),
            Ok(event) => format!("event {}", WatchEvent::revision(&event)),
            Err(error) => format!("{} {error}", StatusError::reason(&error)),
        };
        events.map(show).collect().await
    }

    #[tokio::test]
    async fn any_cut_gives_the_same_events_and_an_error_is_the_last() {
        for size in 1..BODY.len() + 1 {
            assert_eq!(
                read(BODY, size).await,
                ["event 3", "bookmark 5", "Expired old"]
            );
        }
    }

    #[tokio::test]
    async fn half_a_line_is_an_error() {
        let text = &BODY[..40];
        let found = read(text, 7).await;
        assert_eq!(found.len(), 1);
        assert!(found[0].starts_with("InternalError"), "{found:?}");
    }
}
