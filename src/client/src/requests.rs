//! The requests of one resource, with objects as JSON.

use apimachinery::{Encoded, Object, Status};
use bytes::Bytes;
use http::Method;
use serde_json::Value;

use crate::answer::{self, Page};
use crate::client::{Client, Content};
use crate::error::{ClientError, if_present};
use crate::frames;
use crate::list_watch::EventStream;
use crate::options::{
    DeleteOptions, ListOptions, PatchKind, PatchOptions, WatchOptions, WriteOptions,
};
use crate::resource::{ApiResource, Query, path};
use crate::transport::ByteStream;

/// Objects in a page of [`Api::for_each`], as upstream's pager takes them.
const PAGE: u32 = 500;

/// One resource, in all namespaces or in one. Every method fails as [`ClientError`] says.
#[derive(Clone)]
pub struct Api {
    client: Client,
    resource: ApiResource,
    /// Empty: all namespaces, or a cluster-scoped resource.
    namespace: String,
}

/// What a successful delete leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deletion {
    /// The object is gone.
    Gone,
    /// Finalizers or a grace period keep it: its state now.
    Terminating(Encoded),
}

impl Api {
    pub(crate) fn new(client: Client, resource: ApiResource) -> Self {
        Self {
            client,
            resource,
            namespace: String::new(),
        }
    }

    /// The resource in one namespace; without effect on a cluster-scoped resource.
    #[must_use]
    pub fn in_namespace(mut self, namespace: &str) -> Self {
        if self.resource.namespaced {
            namespace.clone_into(&mut self.namespace);
        }
        self
    }

    /// As [`Api::in_namespace`], unless a namespace was chosen already.
    pub(crate) fn in_namespace_of(self, namespace: &str) -> Self {
        if self.namespace.is_empty() {
            self.in_namespace(namespace)
        } else {
            self
        }
    }

    /// # Errors
    /// NotFound, among others.
    pub async fn get(&self, name: &str) -> Result<Encoded, ClientError> {
        self.get_subresource(name, "").await
    }

    /// The object, if there is one.
    ///
    /// # Errors
    /// Any other than NotFound.
    pub async fn find(&self, name: &str) -> Result<Option<Encoded>, ClientError> {
        if_present(self.get(name).await)
    }

    /// # Errors
    /// Expired for a continue token that is too old, among others.
    pub async fn list(&self, options: &ListOptions) -> Result<Page, ClientError> {
        let uri = self.uri(&[], &options.query());
        let body = self.client.exchange(Method::GET, &uri, None).await?;
        answer::page(&body).map_err(ClientError::unreadable)
    }

    /// Shows `visit` every object, without more than a page of them in memory.
    ///
    /// # Errors
    /// As [`Api::list`]; some have been shown then.
    pub async fn for_each(&self, mut visit: impl FnMut(Object)) -> Result<(), ClientError> {
        let mut options = ListOptions {
            limit: Some(PAGE),
            ..ListOptions::default()
        };
        loop {
            let page = self.list(&options).await?;
            for item in &page.items {
                visit(item.to_object().map_err(ClientError::unreadable)?);
            }
            if page.continue_token.is_empty() {
                return Ok(());
            }
            options.continue_token = page.continue_token;
        }
    }

    /// # Errors
    /// Expired when the revision is too old; also as the stream's last item.
    pub async fn watch(&self, options: &WatchOptions) -> Result<EventStream, ClientError> {
        let uri = self.uri(&[], &options.query());
        let response = self.client.send(Method::GET, &uri, None).await?;
        Ok(frames::events(response.into_body()))
    }

    /// # Errors
    /// AlreadyExists, Invalid, Forbidden, among others.
    pub async fn create(
        &self,
        object: &Object,
        options: &WriteOptions,
    ) -> Result<Encoded, ClientError> {
        self.write(Method::POST, &[], json(object), options).await
    }

    /// Replaces the object; with a resourceVersion only if nobody else did since.
    ///
    /// # Errors
    /// Conflict, NotFound, Invalid, among others.
    pub async fn update(
        &self,
        object: &Object,
        options: &WriteOptions,
    ) -> Result<Encoded, ClientError> {
        let tail = [object.name()];
        self.write(Method::PUT, &tail, json(object), options).await
    }

    /// Replaces the object's status.
    ///
    /// # Errors
    /// Conflict, NotFound, Invalid, among others.
    pub async fn update_status(
        &self,
        object: &Object,
        options: &WriteOptions,
    ) -> Result<Encoded, ClientError> {
        self.update_subresource(object.name(), "status", object, options)
            .await
    }

    /// # Errors
    /// Conflict, NotFound, Invalid, among others.
    pub async fn patch(
        &self,
        name: &str,
        kind: PatchKind,
        body: &Value,
        options: &PatchOptions,
    ) -> Result<Encoded, ClientError> {
        let content = Content {
            media_type: kind.media_type(),
            body: body.to_string().into(),
        };
        let uri = self.uri(&[name, &options.subresource], &options.query());
        self.object(Method::PATCH, &uri, Some(content)).await
    }

    /// # Errors
    /// NotFound; Conflict when a precondition does not hold.
    pub async fn delete(
        &self,
        name: &str,
        options: &DeleteOptions,
    ) -> Result<Deletion, ClientError> {
        let uri = self.uri(&[name], &Query::default());
        let content = Content::json(delete_body(options));
        let body = self
            .client
            .exchange(Method::DELETE, &uri, Some(content))
            .await?;
        if serde_json::from_slice::<Status>(&body).is_ok_and(|status| status.kind == "Status") {
            return Ok(Deletion::Gone);
        }
        self.read(body).map(Deletion::Terminating)
    }

    /// Deletes what the list options select.
    ///
    /// # Errors
    /// The first refusal.
    pub async fn delete_collection(
        &self,
        options: &DeleteOptions,
        selected: &ListOptions,
    ) -> Result<(), ClientError> {
        let uri = self.uri(&[], &selected.query());
        let content = Content::json(delete_body(options));
        self.client
            .exchange(Method::DELETE, &uri, Some(content))
            .await?;
        Ok(())
    }

    /// A subresource that is an object: `scale`, `status`.
    ///
    /// # Errors
    /// NotFound, among others.
    pub async fn get_subresource(&self, name: &str, sub: &str) -> Result<Encoded, ClientError> {
        let uri = self.uri(&[name, sub], &Query::default());
        self.object(Method::GET, &uri, None).await
    }

    /// A subresource that is created: `binding`, `eviction`, `token`. The answer may be a
    /// Status.
    ///
    /// # Errors
    /// Conflict for a pod already bound, TooManyRequests for a disruption not allowed now.
    pub async fn create_subresource(
        &self,
        name: &str,
        sub: &str,
        object: &Object,
        options: &WriteOptions,
    ) -> Result<Encoded, ClientError> {
        self.write(Method::POST, &[name, sub], json(object), options)
            .await
    }

    /// A subresource that is replaced: `scale`, `status`, `finalize`, `approval`.
    ///
    /// # Errors
    /// Conflict, NotFound, Invalid, among others.
    pub async fn update_subresource(
        &self,
        name: &str,
        sub: &str,
        object: &Object,
        options: &WriteOptions,
    ) -> Result<Encoded, ClientError> {
        self.write(Method::PUT, &[name, sub], json(object), options)
            .await
    }

    /// A subresource's body as it arrives: `log`.
    ///
    /// # Errors
    /// NotFound, BadRequest, among others.
    pub async fn stream_subresource(
        &self,
        name: &str,
        sub: &str,
        query: &Query,
    ) -> Result<ByteStream, ClientError> {
        self.client.get_stream(&self.uri(&[name, sub], query)).await
    }

    pub(crate) async fn write(
        &self,
        method: Method,
        tail: &[&str],
        body: Bytes,
        options: &WriteOptions,
    ) -> Result<Encoded, ClientError> {
        let uri = self.uri(tail, &options.query());
        self.object(method, &uri, Some(Content::json(body))).await
    }

    async fn object(
        &self,
        method: Method,
        uri: &str,
        content: Option<Content>,
    ) -> Result<Encoded, ClientError> {
        let body = self.client.exchange(method, uri, content).await?;
        self.read(body)
    }

    fn read(&self, body: Bytes) -> Result<Encoded, ClientError> {
        answer::object(body, self.client.trace()).map_err(ClientError::unreadable)
    }

    fn uri(&self, tail: &[&str], query: &Query) -> String {
        let tail: Vec<&str> = tail.iter().copied().filter(|s| !s.is_empty()).collect();
        let mut uri = path(&self.resource.gvr(), &self.namespace, &tail);
        uri.push_str(query.as_str());
        uri
    }
}

fn json(object: &Object) -> Bytes {
    serde_json::to_vec(object)
        .expect("a JSON map always prints")
        .into()
}

fn delete_body(options: &DeleteOptions) -> Bytes {
    let mut body = serde_json::to_value(options).expect("plain fields always print");
    body["apiVersion"] = "v1".into();
    body["kind"] = "DeleteOptions".into();
    body.to_string().into()
}
