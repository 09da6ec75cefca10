//! DELETE of one object.

use apimachinery::{Encoded, StatusError};
use axum::body::Body;
use http::{Response, StatusCode};
use registry::Deleted;
use resources::Resource;
use serde_json::{Value, json};

use super::answer_object;
use crate::dispatch::Call;
use crate::{answer, options};

pub(crate) async fn handle(call: Call<'_>) -> Result<Response<Body>, StatusError> {
    let options = options::delete(&call)?;
    let deleted = call.writer().delete(call.target(), &options).await?;
    match deleted {
        Deleted::Pending(object) => {
            let code = if options.waits_for_dependents {
                StatusCode::ACCEPTED
            } else {
                StatusCode::OK
            };
            answer_object(&call, code, &object)
        }
        Deleted::Gone(object) if call.row.returns_deleted => {
            answer_object(&call, StatusCode::OK, &object)
        }
        Deleted::Gone(object) => Ok(answer::json(
            StatusCode::OK,
            &success(call.row.stored_row(), &object)?,
        )),
    }
}

/// What upstream says of an object that is gone; this Status alone carries no code.
fn success(row: &Resource, object: &Encoded) -> Result<Value, StatusError> {
    let head = object.head().map_err(StatusError::internal)?;
    let mut details = json!({
        "name": head.metadata.name, "kind": row.plural, "uid": head.metadata.uid,
    });
    if !row.group.is_empty() {
        details["group"] = row.group.into();
    }
    Ok(json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success",
        "details": details,
    }))
}
