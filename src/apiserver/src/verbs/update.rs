//! PUT of one object.

use apimachinery::{Object, StatusError};
use axum::body::Body;
use http::{Response, StatusCode};
use registry::WriteOptions;

use super::{answer_object, body};
use crate::dispatch::Call;
use crate::{options, request_info};

pub(crate) async fn handle(call: Call<'_>) -> Result<Response<Body>, StatusError> {
    let validation = options::field_validation(call.uri)?;
    let object = body::decode(&call, &call.row.gvk(), validation)?;
    if object.name().is_empty() {
        let text = "name must be provided";
        return Err(StatusError::bad_request(text));
    }
    registry::check_target(&call.row.gvk(), &object, call.target())?;
    let options = WriteOptions {
        dry_run: options::dry_run(call.uri)?,
        field_manager: request_info::query(call.uri, "fieldManager"),
        subresource: call.subresource(),
    };
    let parts = &call.state.parts;
    let change = |_: &Object| Ok(object.clone());
    let updated = parts
        .registry
        .update(
            call.row,
            call.cx,
            call.target(),
            &change,
            &options,
            &*parts.admission,
        )
        .await;
    match updated {
        Err(error) if error.is_not_found() && may_create(&call, &object) => {
            let namespace = call.target().namespace;
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
        updated => answer_object(&call, StatusCode::OK, &updated?),
    }
}

/// Some kinds are created by a PUT, unless it names a version or a uid of an older object.
fn may_create(call: &Call<'_>, object: &Object) -> bool {
    call.row.create_on_update
        && call.path.subresource.is_empty()
        && object.resource_version().is_empty()
        && object.uid().is_empty()
}
