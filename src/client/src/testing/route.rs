//! What a request's method and URI ask for.

use std::time::Duration;

use apimachinery::{GroupVersionResource, StatusError};
use base::TraceId;
use bytes::Bytes;
use http::{Method, Request};

use super::{Recorded, Verb};
use crate::{TRACE_HEADER, WatchOptions};

pub(super) struct Route {
    pub(super) verb: Verb,
    pub(super) gvr: GroupVersionResource,
    /// Empty: all namespaces, or cluster-scoped.
    pub(super) namespace: String,
    /// Empty: the collection.
    pub(super) name: String,
    /// Empty: the object itself.
    pub(super) sub: String,
    pub(super) media_type: String,
    pub(super) trace: TraceId,
    parameters: Vec<(String, String)>,
}

impl Route {
    pub(super) fn of(request: &Request<Bytes>) -> Result<Self, StatusError> {
        let path = request.uri().path();
        let mut segments: Vec<String> = path.split('/').skip(1).map(decode).collect();
        let core = segments.first().is_some_and(|first| first == "api");
        if core {
            segments.insert(1, String::new());
        }
        if segments.len() < 4 || !["api", "apis"].contains(&segments[0].as_str()) {
            return Err(StatusError::no_such_resource());
        }
        let (group, version) = (segments[1].clone(), segments[2].clone());
        let mut rest = segments.split_off(3);
        // `/api/v1/namespaces/x` is an object, `/api/v1/namespaces/x/pods` is not below it.
        let own = matches!(
            rest.get(2).map(String::as_str),
            None | Some("status" | "finalize")
        );
        let mut namespace = String::new();
        if rest[0] == "namespaces" && rest.len() > 2 && !(core && own) {
            namespace = rest[1].clone();
            rest.drain(..2);
        }
        let mut rest = rest.into_iter();
        let mut next = || rest.next().unwrap_or_default();
        let (resource, name, sub) = (next(), next(), next());
        let parameters = parameters(request.uri().query().unwrap_or_default());
        let watching = parameters.iter().any(|(k, v)| k == "watch" && v == "true");
        Ok(Self {
            verb: verb(request.method(), name.is_empty(), watching)?,
            gvr: GroupVersionResource {
                group: group.into(),
                version: version.into(),
                resource: resource.into(),
            },
            namespace,
            name,
            sub,
            media_type: header(request, http::header::CONTENT_TYPE.as_str()),
            trace: header(request, TRACE_HEADER).parse().unwrap_or_default(),
            parameters,
        })
    }

    /// A parameter's value; empty when absent.
    pub(super) fn parameter(&self, name: &str) -> &str {
        let found = self.parameters.iter().find(|(key, _)| key == name);
        found.map_or("", |(_, value)| value)
    }

    pub(super) fn resource_and_sub(&self) -> String {
        if self.sub.is_empty() {
            self.gvr.resource.to_string()
        } else {
            format!("{}/{}", self.gvr.resource, self.sub)
        }
    }

    pub(super) fn record(&self, request: &Request<Bytes>) -> Recorded {
        Recorded {
            verb: self.verb,
            uri: request.uri().to_string(),
            body: request.body().clone(),
            trace: self.trace,
        }
    }

    pub(super) fn watch_options(&self) -> Result<WatchOptions, StatusError> {
        let number = |name: &str| match self.parameter(name) {
            "" => Ok(None),
            text => text
                .parse::<u64>()
                .map(Some)
                .map_err(|_| StatusError::bad_request(format!("invalid {name}: {text:?}"))),
        };
        Ok(WatchOptions {
            labels: self.parameter("labelSelector").to_owned(),
            fields: self.parameter("fieldSelector").to_owned(),
            resource_version: number("resourceVersion")?,
            bookmarks: self.parameter("allowWatchBookmarks") == "true",
            timeout: number("timeoutSeconds")?.map(Duration::from_secs),
            send_initial_events: self.parameter("sendInitialEvents") == "true",
        })
    }
}

fn verb(method: &Method, collection: bool, watching: bool) -> Result<Verb, StatusError> {
    Ok(match (method, collection) {
        (&Method::GET, true) if watching => Verb::Watch,
        (&Method::GET, true) => Verb::List,
        (&Method::GET, false) => Verb::Get,
        (&Method::POST, _) => Verb::Create,
        (&Method::PUT, false) => Verb::Update,
        (&Method::PATCH, false) => Verb::Patch,
        (&Method::DELETE, false) => Verb::Delete,
        (&Method::DELETE, true) => Verb::DeleteCollection,
        _ => return Err(StatusError::method_not_allowed()),
    })
}

fn header(request: &Request<Bytes>, name: &str) -> String {
    let value = request.headers().get(name).and_then(|v| v.to_str().ok());
    value.unwrap_or_default().to_owned()
}

fn parameters(query: &str) -> Vec<(String, String)> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(key), decode(&value.replace('+', " ")))
        })
        .collect()
}

/// Undoes percent-encoding; what is not well encoded stays as it is.
fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let hex = tail.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        let byte = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match (first, byte) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            _ => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
