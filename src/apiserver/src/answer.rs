//! Answers: bytes with their headers, and the one mapping of an error to a response.

use std::io::Write;

use apimachinery::{Encoded, StatusError};
use axum::body::Body;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use serde::Serialize;

/// Answers at least this long are compressed for clients that accept it (upstream's
/// `APIResponseCompression`).
const COMPRESS_FROM: usize = 128 * 1024;

/// A JSON text.
pub fn json_bytes(code: StatusCode, body: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::new(Body::from(body.into()));
    *response.status_mut() = code;
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

/// A value as JSON.
pub fn json(code: StatusCode, value: &impl Serialize) -> Response<Body> {
    let body = serde_json::to_vec(value).expect("values of string keys always print");
    json_bytes(code, body)
}

/// A stored object.
pub fn object(code: StatusCode, object: &Encoded) -> Response<Body> {
    json_bytes(code, object.to_bytes())
}

/// A plain text.
pub fn text(code: StatusCode, body: impl Into<Bytes>) -> Response<Body> {
    let mut response = json_bytes(code, body);
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, plain);
    response
}

/// A refusal or failure.
pub fn error(error: &StatusError) -> Response<Body> {
    let code = StatusCode::from_u16(error.code()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = json(code, &error.0);
    let retry = error
        .0
        .details
        .as_ref()
        .map_or(0, |details| details.retry_after_seconds);
    if retry > 0 {
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, retry.into());
    }
    response
}

/// Whether the client unpacks gzip.
pub fn accepts_gzip(request: &HeaderMap) -> bool {
    let accepts = request
        .get(header::ACCEPT_ENCODING)
        .and_then(|v| v.to_str().ok());
    accepts.is_some_and(|v| v.split(',').any(|e| e.trim().starts_with("gzip")))
}

/// The same bytes, compressed when they are many and the client accepts gzip.
pub fn compressed(request: &HeaderMap, body: Bytes) -> Response<Body> {
    if !accepts_gzip(request) || body.len() < COMPRESS_FROM {
        return json_bytes(StatusCode::OK, body);
    }
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 8), Compression::fast());
    let packed = encoder.write_all(&body).and_then(|()| encoder.finish());
    let mut response = json_bytes(
        StatusCode::OK,
        packed.expect("writing to a vector cannot fail"),
    );
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    headers.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    response
}
