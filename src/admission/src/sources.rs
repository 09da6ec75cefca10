//! What plugins look up.

use apimachinery::{Encoded, Object, StatusError, UserInfo};
use futures::future::BoxFuture;

/// Reads objects of any kind, in their newest state: an answer from a cache must be checked with
/// the store before it is `None`, because a client may create an object and at once another that
/// needs it. A kind that is not served has no objects.
pub trait ObjectSource: Send + Sync {
    /// One object; `namespace` is empty for cluster-scoped kinds.
    fn get<'a>(
        &'a self,
        group: &'static str,
        kind: &'static str,
        namespace: &'a str,
        name: &'a str,
    ) -> BoxFuture<'a, Result<Option<Object>, StatusError>>;

    /// All objects of a namespace, by name; of the whole cluster when `namespace` is empty. As
    /// they are stored: decoded, a pod takes ten times the memory, and there may be many.
    fn list<'a>(
        &'a self,
        group: &'static str,
        kind: &'static str,
        namespace: &'a str,
    ) -> BoxFuture<'a, Result<Vec<Encoded>, StatusError>>;
}

/// Knows service accounts.
pub trait ServiceAccountSource: Send + Sync {
    /// The ServiceAccount. An implementation waits a moment for the account `default` of a young
    /// namespace, which its controller is about to make, before it answers `None`.
    fn account<'a>(
        &'a self,
        namespace: &'a str,
        name: &'a str,
    ) -> BoxFuture<'a, Result<Option<Object>, StatusError>>;
}

/// Knows for whom a kubelet may request tokens beyond those whom its pods name: who may do
/// `request-serviceaccounts-token-audience` to the audience.
pub trait AudienceSource: Send + Sync {
    /// `namespace` and `account` are the service account's.
    fn may_request(&self, user: &UserInfo, audience: &str, namespace: &str, account: &str) -> bool;
}
