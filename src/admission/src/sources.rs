//! What plugins look up.

use apimachinery::{Object, StatusError};
use futures::future::BoxFuture;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NamespacePhase {
    Active,
    /// Being deleted: nothing new may come into it.
    Terminating,
}

/// Knows namespaces.
pub trait NamespaceSource: Send + Sync {
    /// The phase, or `None` when there is no such namespace. An answer from a cache must be
    /// checked with the store before it is `None`: a client may create a namespace and at once
    /// something in it.
    fn phase<'a>(
        &'a self,
        name: &'a str,
    ) -> BoxFuture<'a, Result<Option<NamespacePhase>, StatusError>>;
}

/// Knows service accounts.
pub trait ServiceAccountSource: Send + Sync {
    /// The ServiceAccount. An implementation waits a moment for the account `default` of a young
    /// namespace, which its controller is about to make, before it answers `None`.
    fn get<'a>(
        &'a self,
        namespace: &'a str,
        name: &'a str,
    ) -> BoxFuture<'a, Result<Option<Object>, StatusError>>;
}
