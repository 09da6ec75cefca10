//! `/openapi/v2` and `/openapi/v3`, made from the table and the schema facts when first asked for.

use apimachinery::StatusError;
use axum::body::Body;
use http::{HeaderMap, HeaderValue, Response, StatusCode, Uri, header};
use jiff::{SignedDuration, Timestamp};
use resources::{Resource, Served};
use schema::Facts;
use schema::openapi::{Document, Documents, ServedResource, ServedSubresource};

use crate::filters::compression;
use crate::{State, answer, discovery, negotiate, request_info};

const JSON: &str = "application/json";
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
    accepts_json(headers)?;
    Ok(document(state.documents.v2_json(), headers, JSON))
}

pub(crate) fn v3_index(state: &State) -> Result<Response<Body>, StatusError> {
    Ok(answer::json(StatusCode::OK, &state.documents.v3_index()))
}

/// A group version's document. Asked for by the hash of the index it may be kept for ever, since
/// another content has another hash; by an old hash the client is sent to the new one.
pub(crate) fn v3(
    state: &State,
    path: &str,
    (uri, headers): (&Uri, &HeaderMap),
) -> Result<Response<Body>, StatusError> {
    let missing = StatusError::no_such_resource;
    let current = state.documents.v3_hash(path).ok_or_else(missing)?;
    accepts_json(headers)?;
    let asked = request_info::queries(uri, "hash").next();
    if asked.as_ref().is_some_and(|asked| *asked != current) {
        return Ok(moved(&format!("/openapi/v3/{path}?hash={current}")));
    }
    let found = state.documents.v3(path).ok_or_else(missing)?;
    let mut response = document(found, headers, JSON);
    if asked.is_some() {
        keep(&mut response, state.parts.clock.wall());
    }
    Ok(response)
}

fn accepts_json(headers: &HeaderMap) -> Result<(), StatusError> {
    let json = ["", "*/*", "application/*", JSON];
    if json.iter().any(|media| negotiate::names(headers, media)) {
        return Ok(());
    }
    Err(StatusError::not_acceptable(&[JSON]))
}

fn moved(to: &str) -> Response<Body> {
    let mut response = answer::text(StatusCode::MOVED_PERMANENTLY, String::new());
    if let Ok(to) = HeaderValue::from_str(to) {
        response.headers_mut().insert(header::LOCATION, to);
    }
    response
}

/// Lets clients keep an answer for a year.
fn keep(response: &mut Response<Body>, now: Timestamp) {
    let expires = now + SignedDuration::from_hours(365 * 24);
    let expires = expires.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    let headers = response.headers_mut();
    let immutable = HeaderValue::from_static("public, immutable");
    headers.insert(header::CACHE_CONTROL, immutable);
    if let Ok(expires) = HeaderValue::from_str(&expires) {
        headers.insert(header::EXPIRES, expires);
    }
}

/// A document, or only the word that the client has it already.
fn document(document: &Document, headers: &HeaderMap, media: &'static str) -> Response<Body> {
    let etag = format!("\"{}\"", document.etag);
    let known = headers
        .get(header::IF_NONE_MATCH)
        .and_then(|value| value.to_str().ok());
    let mut response = if known.is_some_and(|known| known.contains(&etag)) {
        answer::json_bytes(StatusCode::NOT_MODIFIED, "")
    } else if compression::accepted(headers) {
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
