//! DELETE of a collection.

use apimachinery::StatusError;
use axum::body::Body;
use http::Response;
use serde_json::{Map, json};

use super::list::list_body;
use crate::dispatch::Call;
use crate::{answer, options};

pub(crate) async fn handle(call: Call<'_>) -> Result<Response<Body>, StatusError> {
    let list = options::list(call.row, call.uri)?;
    let options = options::delete(&call)?;
    let parts = &call.state.parts;
    let namespace = call.namespace();
    let deleted = call
        .writer()
        .delete_collection(namespace, &list, &options)
        .await?;
    let kind = format!("{}List", call.row.kind);
    let version = call.served.gvk().group_version().to_string();
    let revision = json!(parts.registry.revision().to_string());
    let metadata = Map::from_iter([("resourceVersion".to_owned(), revision)]);
    let shown = deleted.iter().map(|item| registry::show(call.served, item));
    let shown: Vec<_> = shown.collect::<Result<_, _>>()?;
    let body = list_body(&kind, &version, &metadata, &shown);
    Ok(answer::compressed(call.headers, body.freeze()))
}
