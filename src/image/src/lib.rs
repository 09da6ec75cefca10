//! Images on the node: references, archives, unpacked layers, overlay snapshots.
//!
//! Owns everything below one root directory: the record of images, their configurations, one
//! unpacked directory per layer, one writable directory per container.
//!
//! Invariant: a layer directory that has its final name is whole, verified and on disk, and no
//! write of an image ever lands outside it.
//!
//! It must not know pods, the kubelet, CRI's types, or how a container is started.

pub mod compression;
pub mod digest;
pub mod reference;
pub mod tarball;

pub use digest::Digest;
pub use reference::{Reference, ReferenceError};
