//! The last step of an answer: JSON as YAML, or with line breaks, for clients that ask for it.
//!
//! Handlers answer JSON. This is the one place that turns it into another text, so that every
//! object, list, Table and Status can be had in it.

use std::sync::Arc;

use apimachinery::StatusError;
use axum::body::Body;
use bytes::{BufMut, Bytes, BytesMut};
use futures::stream::{self, StreamExt};
use http::response::Parts as Head;
use http::{HeaderMap, HeaderValue, Response, Uri, header};
use http_body_util::BodyExt;
use tokio::sync::Semaphore;

use crate::request_info::{RequestInfo, is_true, query};
use crate::{answer, negotiate};

/// What the client reads best.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Text {
    /// As it is.
    Json,
    /// With line breaks and indents.
    PrettyJson,
    Yaml,
}

/// Clients behind which sits a person; they get line breaks unless they say otherwise.
const PEOPLE: [&str; 3] = ["curl", "Wget", "Mozilla/5.0"];

/// What a request asks for. A watch's lines stay as they are; what the server says of itself always
/// has line breaks.
pub(crate) fn wanted(info: &RequestInfo, uri: &Uri, headers: &HeaderMap) -> Text {
    if matches!(info.path.trim_end_matches('/'), "" | "/version") {
        return Text::PrettyJson;
    }
    if info.is_long_running() || !is_of_the_api(&info.path) {
        return Text::Json;
    }
    if negotiate::prefers_yaml(headers) {
        return Text::Yaml;
    }
    let agent = headers
        .get(header::USER_AGENT)
        .map_or(&[][..], |agent| agent.as_bytes());
    let pretty = match query(uri, "pretty").as_str() {
        "" => PEOPLE.iter().any(|name| agent.starts_with(name.as_bytes())),
        said => is_true(said),
    };
    if pretty { Text::PrettyJson } else { Text::Json }
}

fn is_of_the_api(path: &str) -> bool {
    path == "/api" || path == "/apis" || path.starts_with("/api/") || path.starts_with("/apis/")
}

/// Texts from this size on are made one at a time, and where they hold up no other request.
const LARGE: usize = 1 << 20;
/// Longer ones are not made: JSON stays as it is, YAML is refused.
const LONGEST: usize = 16 << 20;

/// Who makes a large text. A turn ends with the text, and is no client's to keep: the text is sent
/// after it.
pub(crate) struct Turns(Arc<Semaphore>);

impl Default for Turns {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(1)))
    }
}

/// The answer in the text that was asked for, or the Status of what its body breaks off with. The
/// caller bounds the time: a large answer waits for its turn, and for the store.
pub(crate) async fn render(turns: &Turns, response: Response<Body>, text: Text) -> Response<Body> {
    if text == Text::Json || !is_plain_json(response.headers()) {
        return response;
    }
    let (mut head, mut body) = response.into_parts();
    let mut json = BytesMut::new();
    let mut turn = None;
    while let Some(frame) = body.frame().await {
        match frame.map(http_body::Frame::into_data) {
            Ok(Ok(data)) => json.extend_from_slice(&data),
            // Trailers say nothing that JSON holds.
            Ok(Err(_)) => {}
            Err(error) => return answer::error(&status(error)),
        }
        if json.len() > LONGEST {
            return too_long(head, json.freeze(), body, text);
        }
        if json.len() > LARGE && turn.is_none() {
            turn = turns.0.clone().acquire_owned().await.ok();
        }
    }
    let json = json.freeze();
    let made = if let Some(turn) = turn {
        // Nobody may wait any more for what is being written: it keeps its turn all the same.
        let writing = move || {
            let _turn = turn;
            write(json, text)
        };
        match tokio::task::spawn_blocking(writing).await {
            Ok(made) => made,
            Err(error) => return answer::error(&StatusError::internal(error)),
        }
    } else {
        write(json, text)
    };
    let (body, media) = made;
    head.headers
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
    Response::from_parts(head, Body::from(body))
}

fn write(json: Bytes, text: Text) -> (Bytes, &'static str) {
    match text {
        Text::Yaml => match serde_json::from_slice(&json) {
            Ok(value) => (schema::yaml::encode(&value).into(), "application/yaml"),
            Err(_) => (json, "application/json"),
        },
        Text::Json | Text::PrettyJson => (pretty(&json), "application/json"),
    }
}

/// What is too long to be rewritten: `begun` and the rest of it, as it is, or a refusal.
fn too_long(head: Head, begun: Bytes, rest: Body, text: Text) -> Response<Body> {
    if text == Text::Yaml {
        let mut error = StatusError::not_acceptable(&[]);
        error.0.message = format!(
            "answers of more than {LONGEST} bytes are not written as application/yaml: ask for \
             application/json, or for parts with limit="
        );
        return answer::error(&error);
    }
    let begun = stream::once(std::future::ready(Ok::<_, axum::Error>(begun)));
    Response::from_parts(
        head,
        Body::from_stream(begun.chain(rest.into_data_stream())),
    )
}

/// Why a body breaks off. Each layer of bodies has put its error into one of its own.
fn status(error: axum::Error) -> StatusError {
    let mut inner = error.into_inner();
    loop {
        inner = match inner.downcast::<axum::Error>() {
            Ok(wrapped) => wrapped.into_inner(),
            Err(inner) => {
                let known = inner.downcast::<StatusError>();
                return known.map_or_else(StatusError::internal, |known| *known);
            }
        };
    }
}

fn is_plain_json(headers: &HeaderMap) -> bool {
    let json = headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|media| media.as_bytes().starts_with(b"application/json"));
    json && !headers.contains_key(header::CONTENT_ENCODING)
}

/// JSON with an indent of two, as Go's `json.Indent`. Nothing is parsed: numbers keep their
/// digits and keys their order.
fn pretty(json: &[u8]) -> Bytes {
    let mut out = BytesMut::with_capacity(json.len() * 2);
    let (mut depth, mut in_string, mut escaped, mut empty) = (0_usize, false, false, false);
    for &byte in json {
        if in_string {
            out.put_u8(byte);
            in_string = escaped || byte != b'"';
            escaped = byte == b'\\' && !escaped;
            continue;
        }
        if matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
            continue;
        }
        let closes = matches!(byte, b'}' | b']');
        if closes {
            depth = depth.saturating_sub(1);
        }
        if empty != closes {
            // The first of a container, or the end of one that is not empty.
            line(&mut out, depth);
        }
        empty = false;
        match byte {
            b'{' | b'[' => {
                out.put_u8(byte);
                depth += 1;
                empty = true;
            }
            b',' => {
                out.put_u8(byte);
                line(&mut out, depth);
            }
            b':' => out.put_slice(b": "),
            _ => {
                out.put_u8(byte);
                in_string = byte == b'"';
            }
        }
    }
    out.put_u8(b'\n');
    out.freeze()
}

fn line(out: &mut BytesMut, depth: usize) {
    out.put_u8(b'\n');
    out.put_bytes(b' ', 2 * depth);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(chunks: Vec<Result<Bytes, StatusError>>) -> Response<Body> {
        let body = Body::from_stream(stream::iter(chunks));
        answer::json_bytes(http::StatusCode::OK, Bytes::new()).map(|_| body)
    }

    async fn whole(response: Response<Body>) -> (u16, Bytes) {
        let (head, body) = response.into_parts();
        let body = body.collect().await.expect("a whole body");
        (head.status.as_u16(), body.to_bytes())
    }

    #[tokio::test]
    async fn a_body_that_breaks_off_is_the_status_of_why() {
        for text in [Text::PrettyJson, Text::Yaml] {
            let chunks = vec![Ok("[1".into()), Err(StatusError::expired("too old"))];
            let rendered = render(&Turns::default(), json(chunks), text).await;
            let (code, body) = whole(rendered).await;
            let body = String::from_utf8_lossy(&body);
            assert_eq!(code, 410, "{body}");
            assert!(body.contains("too old"), "{body}");
        }
    }

    #[tokio::test]
    async fn texts_are_rewritten_up_to_a_length() {
        let list = |size| {
            let item = Bytes::from(format!("\"{}\"", "x".repeat(size - 4)));
            json(vec![Ok("[".into()), Ok(item), Ok("]".into())])
        };
        // Text, size, code, size of what comes.
        let rows = [
            (Text::PrettyJson, 100, 200, 105),
            (Text::PrettyJson, LARGE + 2, 200, LARGE + 7),
            (Text::PrettyJson, LONGEST + 2, 200, LONGEST + 2),
            (Text::Yaml, LARGE + 2, 200, LARGE + 1),
            (Text::Yaml, LONGEST + 2, 406, 0),
        ];
        for (text, size, expected, length) in rows {
            let (code, body) = whole(render(&Turns::default(), list(size), text).await).await;
            assert_eq!(code, expected, "{text:?} {size}");
            if expected == 200 {
                assert_eq!(body.len(), length, "{text:?} {size}");
            }
        }
    }

    #[test]
    fn pretty_json_is_gos() {
        let rows = [
            ("{}", "{}\n"),
            ("[]", "[]\n"),
            ("1.50", "1.50\n"),
            (
                r#"{"b":[1,{"a":"x,\"{y\\"}],"c":{},"d":[]}"#,
                "{\n  \"b\": [\n    1,\n    {\n      \"a\": \"x,\\\"{y\\\\\"\n    }\n  ],\n  \
                 \"c\": {},\n  \"d\": []\n}\n",
            ),
        ];
        for (json, expected) in rows {
            let shown = pretty(json.as_bytes());
            assert_eq!(std::str::from_utf8(&shown), Ok(expected));
        }
    }
}
