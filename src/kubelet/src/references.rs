//! What a pod refers to by name, fetched when it is needed.

use std::collections::BTreeMap;

use apimachinery::StatusError;
use futures::future::BoxFuture;

/// The data of a ConfigMap or a Secret: text and binary keys alike.
pub type Data = BTreeMap<String, Vec<u8>>;

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    ConfigMap,
    Secret,
}

impl Source {
    /// As the resource is named in errors.
    #[must_use]
    pub fn singular(self) -> &'static str {
        match self {
            Self::ConfigMap => "configmap",
            Self::Secret => "secret",
        }
    }
}

/// Reads ConfigMaps and Secrets as the node's own identity.
pub trait References: Send + Sync {
    /// The object's data, or `None` when there is no such object.
    fn data<'a>(
        &'a self,
        source: Source,
        namespace: &'a str,
        name: &'a str,
    ) -> BoxFuture<'a, Result<Option<Data>, StatusError>>;
}
