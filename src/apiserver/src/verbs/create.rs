//! POST to a collection.

use apimachinery::StatusError;
use axum::body::Body;
use http::{Response, StatusCode};
use registry::{Target, WriteOptions};

use super::{answer_object, body};
use crate::dispatch::Call;
use crate::{options, request_info};

pub(crate) async fn handle(call: Call<'_>) -> Result<Response<Body>, StatusError> {
    if !call.path.name.is_empty() {
        return Err(StatusError::method_not_allowed());
    }
    let namespace = if call.row.namespaced() {
        call.path.namespace.as_str()
    } else {
        ""
    };
    if call.row.namespaced() && namespace.is_empty() {
        let text = "an empty namespace may not be set during creation";
        return Err(StatusError::bad_request(text));
    }
    let validation = options::field_validation(call.uri)?;
    let object = body::decode(&call, &call.row.gvk(), validation)?;
    registry::check_target(
        &call.row.gvk(),
        &object,
        Target {
            namespace,
            name: "",
        },
    )?;
    let options = WriteOptions {
        dry_run: options::dry_run(call.uri)?,
        field_manager: request_info::query(call.uri, "fieldManager"),
        subresource: "",
    };
    let parts = &call.state.parts;
    let created = parts
        .registry
        .create(
            call.row,
            call.cx,
            namespace,
            object,
            &options,
            &*parts.admission,
        )
        .await?;
    answer_object(&call, StatusCode::CREATED, &created)
}
