//! GET, PUT and PATCH of `/scale`.

use apimachinery::{GroupVersionKind, Object, StatusError};
use axum::body::Body;
use http::{Response, StatusCode};
use registry::{WriteOptions, scale};

use super::body;
use super::patch::Patch;
use crate::dispatch::Call;
use crate::{answer, options, request_info};

const SCALE: GroupVersionKind = GroupVersionKind::new("autoscaling", "v1", "Scale");

pub(crate) async fn handle(call: Call<'_>, verb: &str) -> Result<Response<Body>, StatusError> {
    let registry = &call.state.parts.registry;
    let object = match verb {
        "get" => registry.get(call.row, call.target()).await?,
        "update" => {
            let wanted = body::decode(&call, &SCALE, options::field_validation(call.uri)?)?;
            registry::check_target(&SCALE, &wanted, call.target())?;
            let change = |old: &Object| scale::write(call.row, old, &wanted);
            write(&call, &change).await?
        }
        "patch" => {
            let patch = Patch::read(&call)?;
            let validation = options::field_validation(call.uri)?;
            let change = |old: &Object| {
                let current = scale::read(call.row, old)?;
                let wanted = patch.apply(&call, &SCALE, &current, validation)?;
                scale::write(call.row, old, &wanted)
            };
            write(&call, &change).await?
        }
        _ => return Err(StatusError::method_not_allowed()),
    };
    let object = object.to_object().map_err(StatusError::internal)?;
    Ok(answer::json(
        StatusCode::OK,
        &scale::read(call.row, &object)?,
    ))
}

async fn write(
    call: &Call<'_>,
    change: &registry::Change<'_>,
) -> Result<apimachinery::Encoded, StatusError> {
    let options = WriteOptions {
        dry_run: options::dry_run(call.uri)?,
        field_manager: request_info::query(call.uri, "fieldManager"),
        subresource: "scale",
    };
    let parts = &call.state.parts;
    parts
        .registry
        .update(
            call.row,
            call.cx,
            call.target(),
            change,
            &options,
            &*parts.admission,
        )
        .await
}
