//! Answers: bytes with their headers, and the one mapping of an error to a response.

use apimachinery::{Details, Status, StatusError};
use axum::body::Body;
use bytes::Bytes;
use futures::stream::{self, Stream, StreamExt, TryStreamExt};
use http::{HeaderValue, Response, StatusCode, header};
use serde::Serialize;

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

/// What a POST answers that has made something of another kind than it sent.
pub fn created() -> Response<Body> {
    let mut status = Status::success(Details::default());
    (status.code, status.details) = (201, None);
    json(StatusCode::CREATED, &status)
}

/// A plain text.
pub fn text(code: StatusCode, body: impl Into<Bytes>) -> Response<Body> {
    let mut response = json_bytes(code, body);
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, plain);
    response
}

/// A plain text that browsers must take for one, as Go's `http.Error` writes it.
pub fn line(code: StatusCode, body: impl Into<Bytes>) -> Response<Body> {
    let mut response = text(code, body);
    let nosniff = HeaderValue::from_static("nosniff");
    response
        .headers_mut()
        .insert(header::X_CONTENT_TYPE_OPTIONS, nosniff);
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

/// A JSON text in chunks, sent as the client takes them. A text of one chunk is sent whole.
///
/// # Errors
/// What keeps the first chunk from being made. Later it breaks the answer off.
pub async fn streamed(
    chunks: impl Stream<Item = Result<Bytes, StatusError>> + Send + 'static,
) -> Result<Response<Body>, StatusError> {
    let mut chunks = chunks.boxed();
    let first = chunks.try_next().await?.unwrap_or_default();
    let Some(second) = chunks.try_next().await? else {
        return Ok(json_bytes(StatusCode::OK, first));
    };
    let chunks = stream::iter([Ok(first), Ok(second)]).chain(chunks);
    let response = json_bytes(StatusCode::OK, Bytes::new());
    Ok(response.map(|_| Body::from_stream(chunks)))
}
