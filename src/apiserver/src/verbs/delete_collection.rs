//! DELETE of a collection.

use apimachinery::StatusError;
use axum::body::Body;
use http::Response;

use super::list::answer_list;
use crate::dispatch::Call;
use crate::options;
use crate::shape::Shape;

pub(crate) async fn handle(call: Call<'_>) -> Result<Response<Body>, StatusError> {
    let shape = Shape::of(&call)?;
    let list = options::list(call.row, call.uri)?;
    let options = options::delete(&call)?;
    let writer = call.writer();
    let deleted = writer.delete_collection(call.namespace(), &list, &options);
    answer_list(shape, deleted.await?.into()).await
}
