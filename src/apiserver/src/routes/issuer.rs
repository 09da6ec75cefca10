//! Where others learn to verify service-account tokens: OIDC discovery.

use axum::body::Body;
use http::{HeaderValue, Response, StatusCode, header};
use serde_json::Value;

use crate::{State, answer};

/// `/.well-known/openid-configuration`.
pub(crate) fn configuration(state: &State) -> Response<Body> {
    let document = state.parts.tokens.discovery(&state.parts.jwks_uri);
    public(&document, "application/json")
}

/// `/openid/v1/jwks`.
pub(crate) fn keys(state: &State) -> Response<Body> {
    public(&state.parts.tokens.jwks(), "application/jwk-set+json")
}

/// Both may be kept by whoever fetched them for an hour, as upstream's.
fn public(document: &Value, media: &'static str) -> Response<Body> {
    let mut response = answer::json(StatusCode::OK, document);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
    let an_hour = HeaderValue::from_static("public, max-age=3600");
    headers.insert(header::CACHE_CONTROL, an_hour);
    response
}
