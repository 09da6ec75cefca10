//! The client itself: a transport, who speaks, and on which trace.

use std::sync::Arc;

use apimachinery::{GroupVersionResource, StatusError};
use base::TraceId;
use bytes::Bytes;
use futures::future::BoxFuture;
use http::header::{ACCEPT, CONTENT_TYPE, USER_AGENT};
use http::{HeaderValue, Method, Request, Response};

use crate::list_watch::{EventStream, ListWatch, ListWatchSource, Listed};
use crate::transport::{ByteStream, Transport};
use crate::{Api, ApiResource, ClientError, ListOptions, Typed, WatchOptions, answer};

/// Carries a trace over HTTP; in process the same value travels as a request extension.
pub const TRACE_HEADER: &str = "rk3s-trace";

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// Speaks to one API server. Cheap to clone; clones share the connection.
#[derive(Clone)]
pub struct Client {
    transport: Arc<dyn Transport>,
    trace: TraceId,
    user_agent: HeaderValue,
}

/// A body and how it is to be read.
pub(crate) struct Content {
    pub media_type: &'static str,
    pub body: Bytes,
}

impl Content {
    pub(crate) fn json(body: impl Into<Bytes>) -> Self {
        Self {
            media_type: "application/json",
            body: body.into(),
        }
    }
}

impl Client {
    #[must_use]
    pub fn new(transport: Arc<dyn Transport>) -> Self {
        let user_agent = concat!("rk3s/", env!("CARGO_PKG_VERSION"));
        Self {
            transport,
            trace: TraceId::NONE,
            user_agent: HeaderValue::from_static(user_agent),
        }
    }

    /// The same client on a trace: each of its requests says so.
    #[must_use]
    pub fn with_trace(&self, trace: TraceId) -> Self {
        Self {
            trace,
            ..self.clone()
        }
    }

    /// The same client under a name (`kube-scheduler`), which servers log and take as field
    /// manager. A name that HTTP cannot carry is left out.
    #[must_use]
    pub fn with_user_agent(&self, name: &str) -> Self {
        let user_agent = HeaderValue::from_str(name).unwrap_or_else(|_| self.user_agent.clone());
        Self {
            user_agent,
            ..self.clone()
        }
    }

    /// The requests of a resource, as JSON objects.
    #[must_use]
    pub fn api(&self, resource: &ApiResource) -> Api {
        Api::new(self.clone(), resource.clone())
    }

    /// The requests of a kind with a typed view.
    #[must_use]
    pub fn typed<K: api::Kind>(&self) -> Typed<K> {
        Typed::new(self.api(&ApiResource::of::<K>()))
    }

    /// The body of a GET, as it arrives: logs, `/version`, discovery.
    ///
    /// # Errors
    /// As [`ClientError`] says.
    pub async fn get_stream(&self, path_and_query: &str) -> Result<ByteStream, ClientError> {
        let response = self.send(Method::GET, path_and_query, None).await?;
        Ok(response.into_body())
    }

    /// The whole body of a GET.
    ///
    /// # Errors
    /// As [`ClientError`] says.
    pub async fn get_raw(&self, path_and_query: &str) -> Result<Bytes, ClientError> {
        Ok(answer::collect(self.get_stream(path_and_query).await?).await?)
    }

    /// Any request, for what no method of this crate names: other media types, proxied paths.
    /// A refusal is an error, as everywhere.
    ///
    /// # Errors
    /// As [`ClientError`] says.
    pub async fn raw(
        &self,
        mut request: Request<Bytes>,
    ) -> Result<Response<ByteStream>, ClientError> {
        self.sign(&mut request);
        let response = self.transport.send(request).await?;
        answer::success(response).await
    }

    pub(crate) async fn send(
        &self,
        method: Method,
        path_and_query: &str,
        content: Option<Content>,
    ) -> Result<Response<ByteStream>, ClientError> {
        let mut request = Request::builder()
            .method(method)
            .uri(path_and_query)
            .header(ACCEPT, JSON);
        let mut body = Bytes::new();
        if let Some(content) = content {
            request = request.header(CONTENT_TYPE, content.media_type);
            body = content.body;
        }
        let request = request
            .body(body)
            .map_err(|error| StatusError::bad_request(error.to_string()))?;
        self.raw(request).await
    }

    /// The whole body of a successful answer.
    pub(crate) async fn exchange(
        &self,
        method: Method,
        path_and_query: &str,
        content: Option<Content>,
    ) -> Result<Bytes, ClientError> {
        let response = self.send(method, path_and_query, content).await?;
        Ok(answer::collect(response.into_body()).await?)
    }

    pub(crate) fn trace(&self) -> TraceId {
        self.trace
    }

    fn sign(&self, request: &mut Request<Bytes>) {
        let headers = request.headers_mut();
        headers
            .entry(USER_AGENT)
            .or_insert_with(|| self.user_agent.clone());
        if self.trace == TraceId::NONE {
            return;
        }
        let trace = HeaderValue::from_str(&self.trace.to_string()).expect("hex digits");
        headers.insert(TRACE_HEADER, trace);
        request.extensions_mut().insert(self.trace);
    }
}

impl ListWatchSource for Client {
    fn list_watch(&self, resource: &GroupVersionResource) -> Arc<dyn ListWatch> {
        Arc::new(RemoteListWatch {
            client: self.clone(),
            resource: resource.clone(),
        })
    }
}

/// List and watch by requests.
struct RemoteListWatch {
    client: Client,
    resource: GroupVersionResource,
}

impl RemoteListWatch {
    fn api(&self) -> Api {
        self.client.api(&ApiResource {
            group: self.resource.group.clone(),
            version: self.resource.version.clone(),
            plural: self.resource.resource.clone(),
            kind: "".into(),
            namespaced: true,
        })
    }
}

impl ListWatch for RemoteListWatch {
    fn list(&self) -> BoxFuture<'_, Result<Listed, StatusError>> {
        Box::pin(async {
            let page = self.api().list(&ListOptions::default()).await?;
            Ok(Listed {
                items: page.items,
                revision: page.revision,
            })
        })
    }

    fn watch(&self, after: u64) -> BoxFuture<'_, Result<EventStream, StatusError>> {
        Box::pin(async move {
            let options = WatchOptions {
                resource_version: Some(after),
                bookmarks: true,
                ..WatchOptions::default()
            };
            Ok(self.api().watch(&options).await?)
        })
    }
}
