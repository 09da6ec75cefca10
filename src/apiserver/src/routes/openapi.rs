//! `/openapi/v2` and `/openapi/v3`, made from the table and the schema facts when first asked for.

use apimachinery::StatusError;
use axum::body::Body;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use resources::{Resource, Served};
use schema::Facts;
use schema::openapi::{Document, Documents, ServedResource, ServedSubresource};

use crate::{State, answer, discovery, negotiate};

/// The protobuf form's media type, with dots: the `@` of the request is no media type to Go.
const PROTOBUF: &str = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";
/// What Go clients put into Accept.
const PROTOBUF_ASKED: [&str; 2] = [
    PROTOBUF,
    "application/com.github.proto-openapi.spec.v2@v1.0+protobuf",
];

/// The documents of everything the table serves.
pub(crate) fn documents() -> Documents {
    Documents::new(
        Facts::builtin(),
        resources::served().flat_map(served).collect(),
    )
}

fn served(row: &'static Resource) -> impl Iterator<Item = ServedResource> {
    row.versions.iter().map(move |version| {
        let subresources = row.subresources.iter().map(|subresource| {
            let facts = discovery::subresource_facts(row, version.name, subresource);
            ServedSubresource {
                name: subresource.name().to_owned(),
                gvk: facts.kind,
                verbs: facts.verbs.into_iter().map(Into::into).collect(),
            }
        });
        ServedResource {
            gvk: Served { row, version }.gvk(),
            plural: row.plural.to_owned(),
            namespaced: row.namespaced(),
            verbs: row
                .verbs
                .iter()
                .map(|verb| verb.as_str().to_owned())
                .collect(),
            returns_deleted: row.returns_deleted,
            subresources: subresources.collect(),
        }
    })
}

pub(crate) fn v2(state: &State, headers: &HeaderMap) -> Result<Response<Body>, StatusError> {
    if PROTOBUF_ASKED
        .iter()
        .any(|media| negotiate::accepts(headers, media))
    {
        return Ok(document(state.documents.v2_protobuf(), headers, PROTOBUF));
    }
    Ok(document(
        state.documents.v2_json(),
        headers,
        "application/json",
    ))
}

pub(crate) fn v3_index(state: &State) -> Result<Response<Body>, StatusError> {
    Ok(answer::json(StatusCode::OK, &state.documents.v3_index()))
}

pub(crate) fn v3(
    state: &State,
    path: &str,
    headers: &HeaderMap,
) -> Result<Response<Body>, StatusError> {
    let found = state
        .documents
        .v3(path)
        .ok_or_else(StatusError::no_such_resource)?;
    Ok(document(found, headers, "application/json"))
}

/// A document, or only the word that the client has it already.
fn document(document: &Document, headers: &HeaderMap, media: &'static str) -> Response<Body> {
    let etag = format!("\"{}\"", document.etag);
    let known = headers
        .get(header::IF_NONE_MATCH)
        .and_then(|value| value.to_str().ok());
    let mut response = if known.is_some_and(|known| known.contains(&etag)) {
        answer::json_bytes(StatusCode::NOT_MODIFIED, "")
    } else if answer::accepts_gzip(headers) {
        let mut response = answer::json_bytes(StatusCode::OK, document.gzip());
        let gzip = HeaderValue::from_static("gzip");
        response
            .headers_mut()
            .insert(header::CONTENT_ENCODING, gzip);
        response
    } else {
        answer::json_bytes(StatusCode::OK, document.bytes())
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
    headers.insert(
        header::VARY,
        HeaderValue::from_static("Accept-Encoding, Accept"),
    );
    if let Ok(etag) = HeaderValue::from_str(&etag) {
        headers.insert(header::ETAG, etag);
    }
    response
}
