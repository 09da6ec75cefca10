//! The schema facts, and all that walks an object by them: decoding, patching, OpenAPI.
//!
//! Invariant: every function here takes the type as an argument and treats all kinds alike;
//! nothing names a kind. Built-in kinds read the embedded facts of Kubernetes 1.35, custom
//! resources bring the same facts from their structural schema.
//!
//! It must not know storage, HTTP, which resources are served, or what a valid object is
//! (validation beyond the type belongs to a kind's strategy).

pub mod decode;
mod defaults;
pub mod facts;
mod normalize;
pub mod openapi;
pub mod patch;
pub mod protobuf;
pub mod walk;
pub mod yaml;

pub use decode::{
    DecodeError, Decoded, StrictError, TypeMeta, Validation, decode, decode_value, type_meta,
};
pub use defaults::apply_defaults;
pub use facts::{Facts, Field, Shape, TypeId, TypeRef};
pub use normalize::normalize;
