//! DELETE of one object.

use apimachinery::{Details, Encoded, Status, StatusError};
use axum::body::Body;
use http::{Response, StatusCode};
use registry::Deleted;
use resources::Resource;

use super::answer_object;
use crate::dispatch::Call;
use crate::{answer, options};

pub(crate) async fn handle(call: Call<'_>) -> Result<Response<Body>, StatusError> {
    let options = options::delete(call.uri, &call.body)?;
    let parts = &call.state.parts;
    let deleted = parts
        .registry
        .delete(
            call.row,
            call.cx,
            call.target(),
            &options,
            &*parts.admission,
        )
        .await?;
    match deleted {
        Deleted::Pending(object) => answer_object(&call, StatusCode::OK, &object),
        Deleted::Gone(object) => Ok(answer::json(StatusCode::OK, &success(call.row, &object)?)),
    }
}

fn success(row: &Resource, object: &Encoded) -> Result<Status, StatusError> {
    let head = object.head().map_err(StatusError::internal)?;
    Ok(Status::success(Details {
        name: head.metadata.name.into_owned(),
        group: row.group.to_owned(),
        kind: row.plural.to_owned(),
        uid: head.metadata.uid.into_owned(),
        ..Details::default()
    }))
}
