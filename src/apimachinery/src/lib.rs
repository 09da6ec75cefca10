//! The vocabulary of the API: objects, their names, selectors, quantities, errors, identities.
//!
//! Invariant: an [`Object`] is JSON and stays JSON; nothing here instantiates a type per kind.
//!
//! It must not know any kind, storage, HTTP transport or schema. Twenty crates rebuild when it
//! moves, so it stays small.

pub mod admission;
mod cx;
pub mod duration;
mod encoded;
mod field;
mod intstr;
mod merge;
mod names;
mod object;
mod quantity;
mod quote;
mod selector;
mod status;
pub mod time;
mod user;

pub use cx::RequestCx;
pub use encoded::{Encoded, Head};
pub use field::{ErrorType, FieldError, FieldErrors, Path, aggregate};
pub use intstr::IntOrString;
pub use merge::merge_patch;
pub use names::{GroupResource, GroupVersion, GroupVersionKind, GroupVersionResource};
pub use object::{Object, OwnerReference};
pub use quantity::{ParseQuantityError, Quantity};
pub use selector::{FieldSelector, LabelSelector, Operator, Requirement, SelectorError};
pub use status::{Cause, Details, Reason, Status, StatusError};
pub use user::UserInfo;
