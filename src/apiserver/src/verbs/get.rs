//! GET of one object.

use apimachinery::StatusError;
use axum::body::Body;
use http::{Response, StatusCode};

use super::answer_object;
use crate::dispatch::Call;

pub(crate) async fn handle(call: Call<'_>) -> Result<Response<Body>, StatusError> {
    let object = call
        .state
        .parts
        .registry
        .get(call.row, call.target())
        .await?;
    answer_object(&call, StatusCode::OK, &object)
}
