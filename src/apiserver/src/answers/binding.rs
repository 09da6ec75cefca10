//! `POST bindings`: the older way to say what `pods/<name>/binding` says.

use apimachinery::{Details, Status, StatusError};
use axum::body::Body;
use http::{Response, StatusCode};
use registry::Target;

use resources::{Hook, Resource, Subresource};

use super::read;
use crate::answer;
use crate::dispatch::Call;

pub(super) async fn create(call: Call<'_>) -> Result<Response<Body>, StatusError> {
    let (binding, options) = read(&call)?;
    let bound = resources::served().find(is_bound);
    let bound = bound.ok_or_else(StatusError::no_such_resource)?;
    let target = Target {
        namespace: &call.path.namespace,
        name: binding.name(),
    };
    call.writer_of(bound.into())
        .bind(target, &binding, &options)
        .await?;
    let mut status = Status::success(Details::default());
    (status.code, status.details) = (201, None);
    Ok(answer::json(StatusCode::CREATED, &status))
}

/// The kind that Bindings are about, in whose own subresource the same is done.
fn is_bound(row: &&'static Resource) -> bool {
    row.subresources
        .iter()
        .any(|subresource| match subresource {
            Subresource::Create { hook, .. } => *hook == Hook::Binding,
            _ => false,
        })
}
