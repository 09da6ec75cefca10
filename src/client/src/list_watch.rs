//! What an informer needs of a resource: everything as of one revision, then every change.

use std::sync::Arc;

use apimachinery::{Encoded, GroupVersionResource, StatusError};
use futures::future::BoxFuture;
use futures::stream::BoxStream;

/// What a watch sends. An error is the last item.
pub type EventStream = BoxStream<'static, Result<WatchEvent, StatusError>>;

/// One change, in revision order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WatchEvent {
    /// New to this watch: created, or a selector now matches it.
    Added(Encoded),
    Modified(Encoded),
    /// Gone from this watch. The object is its last state, at the revision of the deletion.
    Deleted(Encoded),
    /// Every change up to this revision has been sent.
    Bookmark(u64),
}

impl WatchEvent {
    /// The revision after which a watch resumes.
    #[must_use]
    pub fn revision(&self) -> u64 {
        match self {
            Self::Added(object) | Self::Modified(object) | Self::Deleted(object) => {
                object.revision()
            }
            Self::Bookmark(revision) => *revision,
        }
    }
}

/// All objects of a resource as of one revision.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listed {
    pub items: Vec<Encoded>,
    pub revision: u64,
}

/// Lists and watches all objects of one resource, in all namespaces.
pub trait ListWatch: Send + Sync {
    /// Everything as of the newest revision.
    ///
    /// # Errors
    /// As the server refuses a list.
    fn list(&self) -> BoxFuture<'_, Result<Listed, StatusError>>;

    /// Every change after revision `after`, with bookmarks.
    ///
    /// # Errors
    /// Expired when `after` is too old: list again. Also as the stream's last item.
    fn watch(&self, after: u64) -> BoxFuture<'_, Result<EventStream, StatusError>>;
}

/// Where informers get their lists and watches from: the registry in process, a client else.
pub trait ListWatchSource: Send + Sync {
    /// For one resource. One that is not served fails when listed.
    fn list_watch(&self, resource: &GroupVersionResource) -> Arc<dyn ListWatch>;
}
