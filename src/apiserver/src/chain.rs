//! The filter chain: the one place with its order. In-process requests take it too.

use std::time::Duration;

use apimachinery::{FieldSelector, RequestCx, StatusError, UserInfo};
use auth::{AuthzAttributes, Credentials, Decision};
use axum::body::Body;
use base::TraceId;
use bytes::Bytes;
use http::{Extensions, HeaderMap, HeaderValue, Request, Response, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tracing::{Instrument, debug, info_span};

use crate::in_process::Identity;
use crate::listener::Peer;
use crate::request_info::{RequestInfo, query};
use crate::{ApiServer, State, answer, routes};

/// A body may not be longer (etcd's default, and upstream's limit).
const MAX_BODY: usize = 3 * 1024 * 1024;
/// A request that does not stream is answered within this time.
const DEADLINE: Duration = Duration::from_secs(60);
/// Carries a trace over HTTP.
pub const TRACE_HEADER: &str = "rk3s-trace";

impl ApiServer {
    /// Answers a request: panic guard, trace, request info, authentication, in-flight limit,
    /// deadline, authorization, body, route. Errors become Status bodies here only.
    pub async fn handle(&self, request: Request<Body>) -> Response<Body> {
        let state = &*self.0;
        let trace = trace_of(&request);
        let info = RequestInfo::of(request.method(), request.uri());
        let span = info_span!("request", %trace, verb = %info.verb, path = %info.path);
        let started = state.parts.clock.monotonic();
        let handled = base::tasks::catch("request", guarded(state, request, &info, trace));
        let mut response = match handled.instrument(span.clone()).await {
            Some(Ok(response)) => response,
            Some(Err(error)) => answer::error(&error),
            None => answer::error(&StatusError::internal("the handler panicked; see the log")),
        };
        let took = state.parts.clock.monotonic().saturating_sub(started);
        state.metrics.observe(&info, response.status(), took);
        let code = response.status().as_u16();
        debug!(parent: &span, code, took_us = took.as_micros(), "answered");
        finish_headers(response.headers_mut());
        response
    }
}

async fn guarded(
    state: &State,
    request: Request<Body>,
    info: &RequestInfo,
    trace: TraceId,
) -> Result<Response<Body>, StatusError> {
    let user = authenticate(state, request.extensions(), request.headers()).await?;
    let _place = state.metrics.enter(info.is_long_running()).ok_or_else(|| {
        let text = "too many requests in flight, please try again later";
        StatusError::too_many_requests(text, 1)
    })?;
    let cx = RequestCx::new(user, trace);
    let field_selector = query(request.uri(), "fieldSelector");
    authorize(state, info, &field_selector, &cx)?;
    let work = answered(state, request, info, &cx);
    if info.is_long_running() {
        return work.await;
    }
    let in_time = state.parts.clock.timeout(DEADLINE, work).await;
    in_time.unwrap_or_else(|_| {
        let text = "request did not complete within the allotted timeout";
        Err(StatusError::timeout(text))
    })
}

async fn answered(
    state: &State,
    request: Request<Body>,
    info: &RequestInfo,
    cx: &RequestCx,
) -> Result<Response<Body>, StatusError> {
    let (head, body) = request.into_parts();
    let body = read_body(body).await?;
    let outcome = routes::route(state, info, cx, (&head.uri, &head.headers, body)).await;
    let mut response = outcome.unwrap_or_else(|error| answer::error(&error));
    for text in cx.take_warnings() {
        let quoted = text.replace('\\', "\\\\").replace('"', "\\\"");
        // A text that is no header value (a line break) is left out: the answer still stands.
        if let Ok(value) = HeaderValue::from_str(&format!("299 - \"{quoted}\"")) {
            response.headers_mut().append(header::WARNING, value);
        }
    }
    Ok(response)
}

fn trace_of(request: &Request<Body>) -> TraceId {
    let given = request.extensions().get::<TraceId>().copied().or_else(|| {
        request
            .headers()
            .get(TRACE_HEADER)?
            .to_str()
            .ok()?
            .parse()
            .ok()
    });
    given
        .filter(|trace| *trace != TraceId::NONE)
        .unwrap_or_else(TraceId::generate)
}

async fn authenticate(
    state: &State,
    extensions: &Extensions,
    headers: &HeaderMap,
) -> Result<UserInfo, StatusError> {
    if let Some(Identity(user)) = extensions.get::<Identity>() {
        return Ok(user.clone());
    }
    let bearer = headers.get(header::AUTHORIZATION).and_then(|value| {
        let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
        scheme
            .eq_ignore_ascii_case("bearer")
            .then_some(token.trim())
    });
    let peer = extensions.get::<Peer>();
    let credentials = Credentials {
        peer_certificates: peer.map_or(&[][..], |peer| peer.certificates.as_slice()),
        bearer,
        audiences: &[],
    };
    match state.parts.authenticator.authenticate(credentials).await {
        Ok(Some(known)) => Ok(known.user),
        Ok(None) => Ok(UserInfo::anonymous()),
        Err(error) => {
            debug!(%error, "refused credentials");
            Err(StatusError::unauthorized())
        }
    }
}

fn authorize(
    state: &State,
    info: &RequestInfo,
    field_selector: &str,
    cx: &RequestCx,
) -> Result<(), StatusError> {
    let resource = info.resource.as_ref();
    let of = |read: fn(&crate::ResourcePath) -> &str| resource.map_or("", read);
    let selected = selected_name(info, field_selector);
    let attributes = AuthzAttributes {
        user: &cx.user,
        verb: &info.verb,
        group: of(|r| &r.group),
        resource: of(|r| &r.resource),
        subresource: of(|r| &r.subresource),
        namespace: of(|r| &r.namespace),
        name: selected.as_deref().unwrap_or(of(|r| &r.name)),
        field_selector,
        path: if resource.is_none() { &info.path } else { "" },
    };
    decide(state, &attributes)
}

/// Asks the authorizers; handlers do so for what a request turns out to do besides its verb.
pub(crate) fn decide(state: &State, attributes: &AuthzAttributes<'_>) -> Result<(), StatusError> {
    match state.parts.authorizer.authorize(attributes) {
        Decision::Allow(_) => Ok(()),
        Decision::Deny(why) | Decision::NoOpinion(why) => Err(auth::forbidden(attributes, &why)),
    }
}

/// A list or watch of the one object that `metadata.name=x` selects is about that object.
fn selected_name(info: &RequestInfo, field_selector: &str) -> Option<String> {
    let reads = matches!(info.verb.as_ref(), "list" | "watch");
    // A selector that cannot be read selects nothing here, and is refused by the verb.
    let selector = FieldSelector::parse(field_selector)
        .ok()
        .filter(|_| reads)?;
    selector.exact("metadata.name").map(Into::into)
}

async fn read_body(body: Body) -> Result<Bytes, StatusError> {
    match Limited::new(body, MAX_BODY).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(StatusError::too_large(MAX_BODY)),
        Err(error) => Err(StatusError::bad_request(format!(
            "cannot read the body: {error}"
        ))),
    }
}

fn finish_headers(headers: &mut HeaderMap) {
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-cache, private"));
}
