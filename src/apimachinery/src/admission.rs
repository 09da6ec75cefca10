//! Admission: the last say on a write, after authorization and before the store.

use futures::future::BoxFuture;

use crate::cx::RequestCx;
use crate::names::{GroupVersionKind, GroupVersionResource};
use crate::object::Object;
use crate::status::StatusError;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    Create,
    Update,
    Delete,
    Connect,
}

/// The two passes over a write, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Pass {
    Mutate,
    Validate,
}

/// What is about to happen. The new object is passed beside it, so that only
/// [`Plugin::mutate`] can change it.
#[derive(Clone, Debug)]
pub struct Attributes<'a> {
    pub operation: Operation,
    pub kind: &'a GroupVersionKind,
    pub resource: &'a GroupVersionResource,
    /// Empty for the main resource.
    pub subresource: &'a str,
    /// Empty for cluster-scoped objects.
    pub namespace: &'a str,
    /// Empty when `generateName` has not been resolved yet.
    pub name: &'a str,
    pub cx: &'a RequestCx,
    /// The stored object, on update and delete.
    pub old: Option<&'a Object>,
    pub dry_run: bool,
}

/// One admission plugin. A validator cannot mutate: it does not get the object mutably.
pub trait Plugin: Send + Sync {
    /// Upstream's name: `NamespaceLifecycle`.
    fn name(&self) -> &'static str;

    /// Whether it has anything to say in this pass of such an operation; it is not asked
    /// otherwise.
    fn handles(&self, _pass: Pass, _operation: Operation) -> bool {
        true
    }

    /// May change the object. Runs again when the write is retried after a conflict.
    ///
    /// # Errors
    /// The refusal, as the client shall see it.
    fn mutate<'a>(
        &'a self,
        _attributes: &'a Attributes<'a>,
        _object: &'a mut Object,
    ) -> BoxFuture<'a, Result<(), StatusError>> {
        Box::pin(std::future::ready(Ok(())))
    }

    /// May refuse the object, which is `None` on delete.
    ///
    /// # Errors
    /// The refusal, as the client shall see it.
    fn validate<'a>(
        &'a self,
        _attributes: &'a Attributes<'a>,
        _object: Option<&'a Object>,
    ) -> BoxFuture<'a, Result<(), StatusError>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

/// Changes and refuses nothing: for writes that are below admission, or past it already.
#[derive(Clone, Copy, Debug)]
pub struct AlwaysAdmit;

impl Plugin for AlwaysAdmit {
    fn name(&self) -> &'static str {
        "AlwaysAdmit"
    }
}
