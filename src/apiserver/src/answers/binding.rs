//! `POST bindings`: the older way to say what `pods/<name>/binding` says.

use apimachinery::StatusError;
use axum::body::Body;
use http::Response;
use registry::Target;
use resources::{Hook, Resource, Subresource};

use super::read;
use crate::answer;
use crate::dispatch::Call;

pub(super) async fn create(call: Call<'_>) -> Result<Response<Body>, StatusError> {
    let (binding, mut options) = read(&call)?;
    let bound = resources::served().find_map(|row| Some((row, binding_of(row)?)));
    let (bound, subresource) = bound.ok_or_else(StatusError::no_such_resource)?;
    options.subresource = subresource;
    let target = Target {
        namespace: &call.path.namespace,
        name: binding.name(),
    };
    call.writer_of(bound.into())
        .bind(target, &binding, &options)
        .await?;
    Ok(answer::created())
}

/// The subresource of the kind that Bindings are about, in which the same is done.
fn binding_of(row: &Resource) -> Option<&'static str> {
    row.subresources
        .iter()
        .find_map(|subresource| match subresource {
            Subresource::Create { name, hook, .. } => (*hook == Hook::Binding).then_some(*name),
            _ => None,
        })
}
