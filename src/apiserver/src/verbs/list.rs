//! GET of a collection.

use apimachinery::{Encoded, StatusError};
use axum::body::Body;
use bytes::{BufMut, BytesMut};
use http::{Response, StatusCode};
use registry::ListResult;
use serde_json::{Map, Value, json};

use crate::dispatch::Call;
use crate::negotiate::Form;
use crate::table::{self, IncludeObject};
use crate::{answer, negotiate, options, request_info};

pub(crate) async fn handle(call: Call<'_>) -> Result<Response<Body>, StatusError> {
    let form = negotiate::form(call.headers)?;
    let options = options::list(call.row, call.uri)?;
    let registry = &call.state.parts.registry;
    let listed = registry.list(call.row, call.namespace(), &options).await?;
    let metadata = list_metadata(&listed);
    match form {
        Form::Object => {
            let (kind, version) = (
                format!("{}List", call.row.kind),
                call.served.gvk().group_version(),
            );
            let shown = listed
                .items
                .iter()
                .map(|item| registry::show(call.served, item));
            let shown: Vec<_> = shown.collect::<Result<_, _>>()?;
            let body = list_body(&kind, &version.to_string(), &metadata, &shown);
            Ok(answer::compressed(call.headers, body.freeze()))
        }
        Form::Metadata => {
            let partial = |item: &Encoded| {
                item.to_object()
                    .map(table::partial)
                    .map_err(StatusError::internal)
            };
            let items: Vec<Value> = listed.items.iter().map(partial).collect::<Result<_, _>>()?;
            let list = json!({
                "kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1",
                "metadata": metadata, "items": items,
            });
            Ok(answer::json(StatusCode::OK, &list))
        }
        Form::Table => {
            let include = request_info::query(call.uri, "includeObject");
            let include = IncludeObject::parse(&include)?;
            let now = call.state.parts.clock.wall();
            let table = table::table(call.served, &listed.items, metadata.into(), include, now)?;
            Ok(answer::json(StatusCode::OK, &table))
        }
    }
}

fn list_metadata(listed: &ListResult) -> Map<String, Value> {
    let mut metadata = Map::new();
    metadata.insert("resourceVersion".into(), listed.revision.to_string().into());
    if let Some(token) = &listed.continue_token {
        metadata.insert("continue".into(), token.as_str().into());
        if let Some(remaining) = listed.remaining {
            metadata.insert("remainingItemCount".into(), remaining.into());
        }
    }
    metadata
}

/// Stored bytes joined into a list; no object is parsed.
pub fn list_body(
    kind: &str,
    api_version: &str,
    metadata: &Map<String, Value>,
    items: &[Encoded],
) -> BytesMut {
    let bytes: usize = items.iter().map(|item| item.json().len() + 48).sum();
    let mut body = BytesMut::with_capacity(bytes + 256);
    let head = json!({"apiVersion": api_version, "kind": kind, "metadata": metadata}).to_string();
    let head = head
        .strip_suffix('}')
        .expect("a JSON object ends with a brace");
    body.put_slice(head.as_bytes());
    body.put_slice(b",\"items\":[");
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            body.put_u8(b',');
        }
        item.write_to(&mut body);
    }
    body.put_slice(b"]}\n");
    body
}
