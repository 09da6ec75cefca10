//! POST to a collection.

use apimachinery::StatusError;
use axum::body::Body;
use http::{Response, StatusCode};
use registry::Target;

use super::{answer_object, body};
use crate::dispatch::Call;
use crate::options;

pub(crate) async fn handle(call: Call<'_>) -> Result<Response<Body>, StatusError> {
    let (options, validation) = options::write(call.uri, "CreateOptions", "")?;
    let object = body::decode(&call, &call.served.gvk(), validation)?;
    let namespace = call.target().namespace;
    registry::check_target(
        &call.served.gvk(),
        &object,
        Target {
            namespace,
            name: "",
        },
    )?;
    let created = call.writer().create(namespace, object, &options).await?;
    answer_object(&call, StatusCode::CREATED, &created)
}
