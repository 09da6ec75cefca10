//! The paths there are. A trailing slash changes nothing.

pub mod health;
pub mod issuer;
pub mod openapi;

use std::collections::BTreeSet;
use std::pin::pin;

use apimachinery::{RequestCx, StatusError};
use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode, Uri, header};
use serde_json::{Value, json};

use crate::request_info::RequestInfo;
use crate::{State, answer, discovery, dispatch, metrics, negotiate, version};

/// Answers an authorized request.
pub(crate) async fn route(
    state: &State,
    info: &RequestInfo,
    cx: &RequestCx,
    request: (&Uri, &HeaderMap, Bytes),
) -> Result<Response<Body>, StatusError> {
    if let Some(path) = &info.resource {
        let size = size_of_object(info, &request.2);
        // Large itself: copied from hand to hand it would cost a get a fifth of its rate.
        let answered = pin!(dispatch::dispatch(state, info, path, cx, request));
        return state.parts.registry.aside(size, answered).await;
    }
    if !matches!(info.verb.as_ref(), "get" | "head") {
        return Err(StatusError::method_not_allowed());
    }
    let (uri, headers, _) = request;
    if let Some((endpoint, name)) = health::endpoint(&info.path) {
        return health::answer(state, endpoint, name, uri).await;
    }
    match info.path.trim_end_matches('/') {
        "/metrics" => Ok(answer::text(StatusCode::OK, metrics::scrape(state).await?)),
        "/metrics/slis" => Ok(answer::text(StatusCode::OK, metrics::scrape_health(state))),
        _ => document(state, &info.path, (uri, headers)),
    }
}

/// The bytes of the object that a request brings. What lasts must not keep others waiting.
fn size_of_object(info: &RequestInfo, body: &Bytes) -> usize {
    match info.verb.as_ref() {
        "create" | "update" | "patch" if !info.is_long_running() => body.len(),
        _ => 0,
    }
}

/// Everything that is neither a resource nor a health check.
fn document(
    state: &State,
    path: &str,
    (uri, headers): (&Uri, &HeaderMap),
) -> Result<Response<Body>, StatusError> {
    let segments: Vec<&str> = path.split('/').filter(|s| !s.is_empty()).collect();
    match segments.as_slice() {
        [] => Ok(answer::json(StatusCode::OK, &root(state))),
        ["version"] => Ok(answer::json(StatusCode::OK, &version::document())),
        ["cacerts"] => Ok(answer::text(
            StatusCode::OK,
            state.parts.server_ca_pem.clone(),
        )),
        ["api"] => Ok(discovered(headers, true, discovery::api_versions)),
        ["apis"] => Ok(discovered(headers, false, discovery::api_group_list)),
        ["api", version] => found(discovery::api_resource_list("", version)),
        ["apis", group] => found(discovery::api_group(group)),
        ["apis", group, version] => found(discovery::api_resource_list(group, version)),
        [".well-known", "openid-configuration"] => Ok(issuer::configuration(state)),
        ["openid", "v1", "jwks"] => Ok(issuer::keys(state)),
        ["openapi", "v2"] => openapi::v2(state, headers),
        ["openapi", "v3"] => openapi::v3_index(state),
        ["openapi", "v3", rest @ ..] => openapi::v3(state, &rest.join("/"), (uri, headers)),
        _ => Err(StatusError::no_such_resource()),
    }
}

fn found(document: Option<Value>) -> Result<Response<Body>, StatusError> {
    let document = document.ok_or_else(StatusError::no_such_resource)?;
    Ok(answer::json(StatusCode::OK, &document))
}

/// The aggregated form for clients that ask for it, else the plain one.
fn discovered(headers: &HeaderMap, core: bool, plain: fn() -> Value) -> Response<Body> {
    let Some(version) = negotiate::aggregated_discovery(headers) else {
        return answer::json(StatusCode::OK, &plain());
    };
    let mut response = answer::json(StatusCode::OK, &discovery::aggregated(core, version));
    let media =
        format!("application/json;g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList");
    let media = HeaderValue::from_str(&media).expect("plain ASCII");
    response.headers_mut().insert(header::CONTENT_TYPE, media);
    response
        .headers_mut()
        .insert(header::VARY, HeaderValue::from_static("Accept"));
    response
}

/// What can be asked beside resources, sorted.
fn root(state: &State) -> Value {
    const DOCUMENTS: [&str; 10] = [
        "/.well-known/openid-configuration",
        "/api",
        "/apis",
        "/cacerts",
        "/metrics",
        "/metrics/slis",
        "/openapi/v2",
        "/openapi/v3",
        "/openid/v1/jwks",
        "/version",
    ];
    let mut paths: BTreeSet<String> = DOCUMENTS.map(str::to_owned).into();
    paths.extend(discovery::paths());
    paths.extend(health::paths(state));
    json!({"paths": paths})
}
