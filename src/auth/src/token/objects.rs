//! What tokens are bound to, as somebody else reads it.

use apimachinery::{GroupResource, Object, StatusError};
use futures::future::BoxFuture;

/// The kinds that tokens name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenObject {
    ServiceAccount,
    Pod,
    Secret,
    Node,
}

impl TokenObject {
    /// `Pod`.
    #[must_use]
    pub fn kind(self) -> &'static str {
        match self {
            Self::ServiceAccount => "ServiceAccount",
            Self::Pod => "Pod",
            Self::Secret => "Secret",
            Self::Node => "Node",
        }
    }

    pub(crate) fn resource(self) -> GroupResource {
        let resource = match self {
            Self::ServiceAccount => "serviceaccounts",
            Self::Pod => "pods",
            Self::Secret => "secrets",
            Self::Node => "nodes",
        };
        GroupResource {
            group: "".into(),
            resource: resource.into(),
        }
    }
}

/// Reads the newest state: a token may be shown the moment after its object was made, and must
/// not be believed once it is gone.
pub trait TokenObjects: Send + Sync {
    /// The object, or `None` when there is none; `namespace` is empty for Nodes.
    ///
    /// # Errors
    /// When it cannot be read.
    fn get<'a>(
        &'a self,
        kind: TokenObject,
        namespace: &'a str,
        name: &'a str,
    ) -> BoxFuture<'a, Result<Option<Object>, StatusError>>;

    /// Puts a label on a Secret, unless another has taken its place meanwhile.
    ///
    /// # Errors
    /// When it cannot be written.
    fn label_secret<'a>(
        &'a self,
        secret: &'a Object,
        key: &'a str,
        value: &'a str,
    ) -> BoxFuture<'a, Result<(), StatusError>>;
}
