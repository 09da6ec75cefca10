//! The requests of a kind with a typed view.

use std::marker::PhantomData;

use api::Kind;
use apimachinery::Encoded;
use http::Method;
use serde_json::Value;

use crate::error::{ClientError, if_present};
use crate::options::{DeleteOptions, ListOptions, PatchKind, PatchOptions, WriteOptions};
use crate::requests::{Api, Deletion};

/// As [`Api`], with objects decoded. Send only objects made here, or patches: a typed value has
/// lost the fields it does not know.
#[derive(Clone)]
pub struct Typed<K> {
    api: Api,
    kind: PhantomData<fn() -> K>,
}

impl<K: Kind> Typed<K> {
    pub(crate) fn new(api: Api) -> Self {
        Self {
            api,
            kind: PhantomData,
        }
    }

    /// The kind in one namespace; without effect on a cluster-scoped kind.
    #[must_use]
    pub fn in_namespace(self, namespace: &str) -> Self {
        Self::new(self.api.in_namespace(namespace))
    }

    /// The same requests without decoding.
    #[must_use]
    pub fn api(&self) -> &Api {
        &self.api
    }

    /// # Errors
    /// NotFound, among others.
    pub async fn get(&self, name: &str) -> Result<K, ClientError> {
        decode(&self.api.get(name).await?)
    }

    /// The object, if there is one.
    ///
    /// # Errors
    /// Any other than NotFound.
    pub async fn find(&self, name: &str) -> Result<Option<K>, ClientError> {
        if_present(self.get(name).await)
    }

    /// The objects of one page.
    ///
    /// # Errors
    /// As [`ClientError`] says.
    pub async fn list(&self, options: &ListOptions) -> Result<Vec<K>, ClientError> {
        let page = self.api.list(options).await?;
        page.items.iter().map(decode).collect()
    }

    /// Creates the object where it says: its namespace counts.
    ///
    /// # Errors
    /// AlreadyExists, Invalid, Forbidden, among others.
    pub async fn create(&self, object: &K) -> Result<K, ClientError> {
        self.write(object, Method::POST, &[]).await
    }

    /// # Errors
    /// Conflict, NotFound, Invalid, among others.
    pub async fn update(&self, object: &K) -> Result<K, ClientError> {
        self.write(object, Method::PUT, &[object.name()]).await
    }

    /// # Errors
    /// Conflict, NotFound, Invalid, among others.
    pub async fn update_status(&self, object: &K) -> Result<K, ClientError> {
        self.write(object, Method::PUT, &[object.name(), "status"])
            .await
    }

    /// A merge patch.
    ///
    /// # Errors
    /// Conflict, NotFound, Invalid, among others.
    pub async fn merge(&self, name: &str, patch: &Value) -> Result<K, ClientError> {
        self.merge_subresource(name, "", patch).await
    }

    /// A merge patch of the status; `patch` is the whole object's, with its `status` field.
    ///
    /// # Errors
    /// Conflict, NotFound, Invalid, among others.
    pub async fn merge_status(&self, name: &str, patch: &Value) -> Result<K, ClientError> {
        self.merge_subresource(name, "status", patch).await
    }

    async fn merge_subresource(
        &self,
        name: &str,
        sub: &str,
        patch: &Value,
    ) -> Result<K, ClientError> {
        let options = PatchOptions::subresource(sub);
        let patched = self.api.patch(name, PatchKind::Merge, patch, &options);
        decode(&patched.await?)
    }

    /// # Errors
    /// NotFound; Conflict when a precondition does not hold.
    pub async fn delete(
        &self,
        name: &str,
        options: &DeleteOptions,
    ) -> Result<Deletion, ClientError> {
        self.api.delete(name, options).await
    }

    /// Creates a subresource: a pod's `binding` or `eviction`, a service account's `token`. The
    /// answer, which may be a Status, is left as it came.
    ///
    /// # Errors
    /// As [`Api::create_subresource`].
    pub async fn create_subresource<S: Kind>(
        &self,
        name: &str,
        sub: &str,
        body: &S,
    ) -> Result<Encoded, ClientError> {
        let options = WriteOptions::default();
        let body = body.to_json().into();
        self.api
            .write(Method::POST, &[name, sub], body, &options)
            .await
    }

    async fn write(&self, object: &K, method: Method, tail: &[&str]) -> Result<K, ClientError> {
        let body = object.to_json().into();
        let options = WriteOptions::default();
        let api = self.api.clone().in_namespace_of(object.namespace());
        decode(&api.write(method, tail, body, &options).await?)
    }
}

fn decode<K: Kind>(encoded: &Encoded) -> Result<K, ClientError> {
    api::decode(encoded).map_err(ClientError::unreadable)
}
