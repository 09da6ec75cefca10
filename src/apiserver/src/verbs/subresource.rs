//! POST to a subresource whose body is another kind: a write hook carries it out.

use apimachinery::{Details, GroupVersionKind, Status, StatusError};
use axum::body::Body;
use http::{Response, StatusCode};
use registry::WriteOptions;
use resources::Hook;

use super::body;
use crate::dispatch::Call;
use crate::{answer, options, request_info};

pub(crate) async fn create(
    call: Call<'_>,
    kind: &GroupVersionKind,
    hook: Hook,
) -> Result<Response<Body>, StatusError> {
    let object = body::decode(&call, kind, options::field_validation(call.uri)?)?;
    registry::check_target(kind, &object, call.target())?;
    let dry_run = options::dry_run(call.uri)?;
    let parts = &call.state.parts;
    match hook {
        Hook::Binding => {
            let options = WriteOptions {
                dry_run,
                field_manager: request_info::query(call.uri, "fieldManager"),
                subresource: call.subresource(),
            };
            parts
                .registry
                .bind(
                    call.row,
                    call.cx,
                    call.target(),
                    &object,
                    &options,
                    &*parts.admission,
                )
                .await?;
        }
        Hook::Eviction => {
            parts
                .registry
                .evict(
                    call.row,
                    call.cx,
                    call.target(),
                    &object,
                    dry_run,
                    &*parts.admission,
                )
                .await?;
        }
        other => {
            return Err(StatusError::internal(format!(
                "{other:?} is no subresource's hook"
            )));
        }
    }
    let mut status = Status::success(Details::default());
    (status.code, status.details) = (201, None);
    Ok(answer::json(StatusCode::CREATED, &status))
}
