//! GET of one object.

use apimachinery::StatusError;
use axum::body::Body;
use http::{Response, StatusCode};

use super::answer_object;
use crate::dispatch::Call;
use crate::options;

pub(crate) async fn handle(call: Call<'_>) -> Result<Response<Body>, StatusError> {
    let registry = &call.state.parts.registry;
    options::reached(registry, call.uri)?;
    let object = registry.get(call.row, call.target()).await?;
    answer_object(&call, StatusCode::OK, &object)
}
