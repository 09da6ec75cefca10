//! The filter chain: the one place with its order. In-process requests take it too.

use std::sync::Arc;

use apimachinery::{RequestCx, StatusError, UserInfo};
use axum::body::Body;
use base::TraceId;
use base::clock::Elapsed;
use http::request::Parts as Head;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use tracing::{Instrument, debug, info_span};

use crate::connection::MayLast;
use crate::filters::body::{self, Unread};
use crate::filters::impersonation::{self, Refusal};
use crate::filters::in_flight::{self, Class, Place};
use crate::filters::{
    authentication, authorization, compression, deadline, head, rendering, warnings,
};
use crate::in_process::Identity;
use crate::metrics::Seen;
use crate::request_info::RequestInfo;
use crate::{ApiServer, State, answer, held, routes};

/// Carries a trace over HTTP.
pub const TRACE_HEADER: &str = "rk3s-trace";

impl ApiServer {
    /// Answers a request: panic guard, trace, request info, authentication, impersonation,
    /// authorization, deadline, body, in-flight limit, route, rendering, compression. Errors
    /// become bodies here only. The answer's body keeps the request's place until it is gone.
    pub async fn handle(&self, request: Request<Body>) -> Response<Body> {
        let state = &*self.0;
        let (mut head, body) = request.into_parts();
        // Whose it is turns out on the way; its warnings go with every answer.
        let trace = trace_of(&head);
        let cx = RequestCx::new(UserInfo::default(), trace);
        let info = RequestInfo::of(&head.method, &head.uri);
        let text = rendering::wanted(&info, &head.uri, &head.headers);
        let gzip = compression::wanted(&info, &head.headers);
        let span = info_span!("request", %trace, verb = %info.verb, path = %info.path);
        let started = state.parts.clock.monotonic();
        let metrics = &state.metrics.requests;
        let mut seen = metrics.see(&info, &head.method, &head.uri, &head.headers);
        let work = guarded(state, &mut head, body, &info, cx.clone(), &seen);
        let handled = base::tasks::catch("request", work);
        let (response, place) = match handled.instrument(span.clone()).await {
            Some(Ok(answered)) => answered,
            Some(Err(error)) => (answer::error(&error), None),
            None => (panicked(), None),
        };
        let left = deadline::of(&head.uri).unwrap_or(deadline::DEADLINE);
        let left = (started + left).saturating_sub(state.parts.clock.monotonic());
        let rendered = rendering::render(&state.rendering, response, text);
        let rendered = base::tasks::catch("rendering", rendered);
        let mut response = match state.parts.clock.timeout(left, rendered).await {
            Ok(rendered) => rendered.unwrap_or_else(panicked),
            Err(elapsed) => answer::error(&late(&seen)(elapsed)),
        };
        let took = state.parts.clock.monotonic().saturating_sub(started);
        let size = http_body::Body::size_hint(response.body()).exact();
        seen.answered(response.status(), took, size);
        if gzip {
            response = compression::compress(response);
        }
        if head.method == Method::HEAD {
            response = head::without_body(response);
        }
        if let Some(place) = place {
            response = response.map(|body| held::body(body, place));
        }
        if let Some(lasts) = seen.lasts() {
            response = response.map(|body| held::body(body, lasts));
            response.extensions_mut().insert(MayLast);
        }
        for warning in warnings::headers(&cx.take_warnings()) {
            response.headers_mut().append(header::WARNING, warning);
        }
        let code = response.status().as_u16();
        debug!(parent: &span, code, took_us = took.as_micros(), "answered");
        finish_headers(response.headers_mut());
        response
    }
}

/// An answer, and the place that its request took.
type Answered = (Response<Body>, Option<Place>);

async fn guarded(
    state: &State,
    head: &mut Head,
    body: Body,
    info: &RequestInfo,
    mut cx: RequestCx,
    seen: &Seen<'_>,
) -> Result<Answered, StatusError> {
    let known = authentication::authenticate(state, &head.extensions, &head.headers, &cx).await?;
    let user = match impersonation::impersonated(state, &known, &head.headers) {
        Ok(None) => known,
        Ok(Some(other)) => {
            debug!(user = known.name, as_user = other.name, as_groups = ?other.groups, "impersonates");
            impersonation::strip(&mut head.headers);
            other
        }
        Err(Refusal::Forbidden(error)) => return Err(error),
        Err(Refusal::Headers(why)) => return Ok((internal_error(head, &why), None)),
    };
    authorization::authorize(state, info, &head.uri, &user)?;
    cx.user = Arc::new(user);
    in_time(state, head, body, info, &cx, seen).await
}

/// Only what may last has no deadline, and even there the body has one.
async fn in_time(
    state: &State,
    head: &Head,
    body: Body,
    info: &RequestInfo,
    cx: &RequestCx,
    seen: &Seen<'_>,
) -> Result<Answered, StatusError> {
    let (clock, places) = (&state.parts.clock, &state.metrics.in_flight);
    let class = Class::of(&cx.user, head.extensions.get::<Identity>().is_some());
    let refused = || {
        seen.terminated(StatusCode::TOO_MANY_REQUESTS);
        (in_flight::too_many(), None)
    };
    let late = late(seen);
    // A body that is still to come takes a place of its own kind: it keeps no other request out.
    let read = async {
        if http_body::Body::is_end_stream(&body) {
            return Ok(Ok(bytes::Bytes::new()));
        }
        let Some(_reading) = places.read_body(class, &cx.user) else {
            return Ok(Err(refused()));
        };
        match body::read(body).await {
            Ok(body) => Ok(Ok(body)),
            Err(Unread::TooLong(rest)) => Ok(Err((rest.refuse(clock, head), None))),
            Err(Unread::BrokenOff(why)) => Err(StatusError::bad_request(format!(
                "cannot read the body: {why}"
            ))),
        }
    };
    if info.is_long_running() {
        let read = clock.timeout(deadline::DEADLINE, read).await;
        return match read.map_err(late)?? {
            Ok(body) => Ok((routed(state, head, body, info, cx).await, None)),
            Err(answered) => Ok(answered),
        };
    }
    let work = async {
        let body = match read.await? {
            Ok(body) => body,
            Err(answered) => return Ok(answered),
        };
        let Some(place) = places.enter(info, class, &cx.user) else {
            return Ok(refused());
        };
        if !body.is_empty() {
            seen.body(body.len());
        }
        Ok((routed(state, head, body, info, cx).await, Some(place)))
    };
    let limit = deadline::of(&head.uri)?;
    clock.timeout(limit, work).await.map_err(late)?
}

/// What is told of a request that takes too long.
fn late<'a>(seen: &'a Seen<'_>) -> impl Fn(Elapsed) -> StatusError + 'a {
    move |_| {
        seen.terminated(StatusCode::GATEWAY_TIMEOUT);
        StatusError::timeout("request did not complete within the allotted timeout")
    }
}

async fn routed(
    state: &State,
    head: &Head,
    body: bytes::Bytes,
    info: &RequestInfo,
    cx: &RequestCx,
) -> Response<Body> {
    let outcome = routes::route(state, info, cx, (&head.uri, &head.headers, body)).await;
    outcome.unwrap_or_else(|error| answer::error(&error))
}

fn trace_of(head: &Head) -> TraceId {
    let given = head.extensions.get::<TraceId>().copied();
    let given = given.or_else(|| head.headers.get(TRACE_HEADER)?.to_str().ok()?.parse().ok());
    given
        .filter(|trace| *trace != TraceId::NONE)
        .unwrap_or_else(TraceId::generate)
}

/// The line that upstream answers where it has no Status, naming the request.
fn internal_error(head: &Head, why: &str) -> Response<Body> {
    let target = head
        .uri
        .path_and_query()
        .map_or("/", |target| target.as_str());
    let text = format!("Internal Server Error: {target:?}: {why}");
    let text = text
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    answer::line(StatusCode::INTERNAL_SERVER_ERROR, format!("{text}\n"))
}

/// The panic is in the log; the client learns no more than upstream tells.
fn panicked() -> Response<Body> {
    let text = "This request caused apiserver to panic. Look in the logs for details.\n";
    answer::text(StatusCode::INTERNAL_SERVER_ERROR, text)
}

fn finish_headers(headers: &mut HeaderMap) {
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-cache, private"));
}
