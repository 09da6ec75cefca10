//! GET, PUT and PATCH of `/scale`.

use apimachinery::{GroupVersionKind, Object, StatusError};
use axum::body::Body;
use http::{Response, StatusCode};
use registry::{WriteOptions, scale};
use resources::autoscaling::SCALE_COLUMNS;
use serde_json::Value;

use super::body;
use super::patch::Patch;
use crate::dispatch::Call;
use crate::negotiate::Form;
use crate::shape::Shape;
use crate::{answer, options, table};

/// What the subresource takes and gives, of whichever kind it is.
pub(crate) const SCALE: GroupVersionKind = GroupVersionKind::new("autoscaling", "v1", "Scale");

pub(crate) async fn handle(call: Call<'_>, verb: &str) -> Result<Response<Body>, StatusError> {
    let registry = &call.state.parts.registry;
    let object = match verb {
        "get" => {
            options::reached(registry, call.uri)?;
            registry.get(call.row, call.target()).await?
        }
        "update" => {
            let (options, validation) = options::write(call.uri, "UpdateOptions", "scale")?;
            let wanted = body::decode(&call, &SCALE, validation)?;
            registry::check_target(&SCALE, &wanted, call.target())?;
            let change = |old: &Object| scale::write(call.row, old, &wanted);
            write(&call, &change, &options).await?
        }
        "patch" => {
            let patch = Patch::read(&call)?;
            let (options, validation) = options::write(call.uri, "PatchOptions", "scale")?;
            let change = |old: &Object| {
                let current = scale::read(call.row, old)?;
                let wanted = patch.apply(&call, &SCALE, &current, validation)?;
                scale::write(call.row, old, &wanted)
            };
            write(&call, &change, &options).await?
        }
        _ => return Err(StatusError::method_not_allowed()),
    };
    let object = object.to_object().map_err(StatusError::internal)?;
    let shown = shown(&call, scale::read(call.row, &object)?)?;
    Ok(answer::json(StatusCode::OK, &shown))
}

/// In the form that the client accepts.
fn shown(call: &Call<'_>, scale: Object) -> Result<Value, StatusError> {
    let shape = Shape::of(call)?;
    Ok(match shape.form {
        Form::Object => scale.into_value(),
        Form::Metadata => table::metadata_of(&scale),
        Form::Table => table::of(SCALE_COLUMNS, scale, shape.include, shape.clock.wall()),
    })
}

async fn write(
    call: &Call<'_>,
    change: &registry::Change<'_>,
    options: &WriteOptions,
) -> Result<apimachinery::Encoded, StatusError> {
    call.writer().update(call.target(), change, options).await
}
