//! The container runtime interface as Rust traits: what the kubelet asks of a runtime.
//!
//! Owns [`RuntimeService`] and [`ImageService`] with their types, named as in the CRI, and the
//! suite ([`testing`]) that every implementation passes.
//!
//! Invariant: a call that answered `Ok` has taken effect and survives a crash of the caller; every
//! call may be repeated with the same result.
//!
//! It must not know how containers are made (that is `runtime`), nor what a Pod is: the kubelet
//! translates.

mod image;
mod runtime;
pub mod testing;
mod types;

pub use image::{AuthConfig, FsUsage, Image, ImageService, ImageSpec};
pub use runtime::{ContainerEvent, Error, EventKind, ExecResult, Result, RuntimeService};
pub use types::*;
