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
use http::{Response, StatusCode};
use serde_json::json;

use crate::dispatch::Call;
use crate::negotiate::Form;
use crate::table::{self, IncludeObject};
use crate::{answer, negotiate, request_info};

/// One object in the form that the client accepts.
fn answer_object(
    call: &Call<'_>,
    code: StatusCode,
    object: &Encoded,
) -> Result<Response<Body>, StatusError> {
    match negotiate::form(call.headers)? {
        Form::Object => Ok(answer::object(code, &registry::show(call.served, object)?)),
        Form::Metadata => {
            let object = object.to_object().map_err(StatusError::internal)?;
            Ok(answer::json(code, &table::partial(object)))
        }
        Form::Table => {
            let include = request_info::query(call.uri, "includeObject");
            let include = IncludeObject::parse(&include)?;
            let metadata = json!({"resourceVersion": object.revision().to_string()});
            let now = call.state.parts.clock.wall();
            let items = std::slice::from_ref(object);
            Ok(answer::json(
                code,
                &table::table(call.served, items, metadata, include, now)?,
            ))
        }
    }
}
