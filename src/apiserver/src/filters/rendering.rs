//! The last step of an answer: JSON as YAML, or with line breaks, for clients that ask for it.
//!
//! Handlers answer JSON. This is the one place that turns it into another text, so that every
//! object, list, Table and Status can be had in it.

use axum::body::Body;
use bytes::{BufMut, Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Response, Uri, header};
use http_body_util::BodyExt;

use crate::negotiate;
use crate::request_info::{RequestInfo, is_true, query};

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

/// What a request asks for. A watch's lines stay as they are.
pub(crate) fn wanted(info: &RequestInfo, uri: &Uri, headers: &HeaderMap) -> Text {
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

/// The answer in the text that was asked for.
pub(crate) async fn render(response: Response<Body>, text: Text) -> Response<Body> {
    if text == Text::Json || !is_plain_json(response.headers()) {
        return response;
    }
    let (mut head, body) = response.into_parts();
    let body = match body.collect().await {
        Ok(body) => body.to_bytes(),
        // Handlers make bodies from memory: there is nothing that could break off.
        Err(_) => return Response::from_parts(head, Body::empty()),
    };
    let (body, media) = match text {
        Text::Yaml => match serde_json::from_slice(&body) {
            Ok(value) => (schema::yaml::encode(&value).into(), "application/yaml"),
            Err(_) => (body, "application/json"),
        },
        Text::Json | Text::PrettyJson => (pretty(&body), "application/json"),
    };
    head.headers
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
    Response::from_parts(head, Body::from(body))
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
