//! Images on the node: references, archives, unpacked layers, overlay snapshots.
//!
//! Owns everything below one root directory: the record of images, their configurations, one
//! unpacked directory per layer, one writable directory per container.
//!
//! Invariant: a layer directory that has its final name is whole, verified and on disk, and no
//! write of an image ever lands outside it.
//!
//! It must not know pods, the kubelet, CRI's types, or how a container is started.

#![allow(
    unsafe_code,
    reason = "file leases and AsyncFd ask for it; every block says why it holds"
)]

pub mod archive;
pub mod compression;
pub mod config;
pub mod digest;
pub mod directory;
pub mod layer;
pub mod manifest;
pub mod overlay;
pub mod reference;
mod removal;
pub mod store;
pub mod tarball;

pub use config::ImageConfig;
pub use digest::Digest;
pub use directory::ImageDirectory;
pub use overlay::Overlay;
pub use reference::{Reference, ReferenceError};
pub use store::{
    Arrival, FsUsage, ImageRecord, ImageStore, Limits, Removal, Retention, Snapshot, StoreError,
    Usage,
};

#[cfg(test)]
mod testing;
