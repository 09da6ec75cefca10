//! The handlers: one file per verb, none per kind.

pub mod body;
pub mod create;
pub mod delete;
pub mod delete_collection;
pub mod get;
pub mod list;
pub mod patch;
pub mod scale;
pub mod subresource;
pub mod update;
pub mod watch;

use apimachinery::{Encoded, StatusError};
use axum::body::Body;
use bytes::BytesMut;
use http::{Response, StatusCode};

use crate::answer;
use crate::dispatch::Call;
use crate::shape::Shape;

/// One object in the form that the client accepts.
fn answer_object(
    call: &Call<'_>,
    code: StatusCode,
    object: &Encoded,
) -> Result<Response<Body>, StatusError> {
    let mut body = BytesMut::with_capacity(object.json().len() + 64);
    Shape::of(call)?.write_object(object, &mut body)?;
    Ok(answer::json_bytes(code, body.freeze()))
}
