//! What the store answers when it cannot.

use std::io;
use std::path::{Path, PathBuf};

use crate::archive::ArchiveError;
use crate::config::ConfigError;
use crate::digest::Digest;
use crate::layer::LayerError;
use crate::reference::ReferenceError;

/// Errors of [`super::ImageStore`].
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("{action} {path}: {source}", path = .path.display())]
    Io {
        action: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    /// Another process has the store open.
    #[error("image store {path} is in use by another process", path = .0.display())]
    Locked(PathBuf),
    #[error(
        "image store {path} has format {found}, and this version reads up to {supported}: start \
         the newer rk3s that wrote it, or remove the directory and import the images again",
        path = .path.display()
    )]
    NewerFormat {
        path: PathBuf,
        found: u64,
        supported: u64,
    },
    /// A file of the store was damaged from outside.
    #[error(
        "image store file {path} is damaged ({reason}): remove the store's directory and import \
         the images again",
        path = .path.display()
    )]
    Corrupt { path: PathBuf, reason: String },
    #[error("no image {0:?} on this node")]
    NotFound(String),
    #[error(transparent)]
    Reference(#[from] ReferenceError),
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Layer(#[from] LayerError),
    /// The layer's content is not what the image says.
    #[error("layer {expected} has the digest {found}")]
    WrongLayer { expected: Digest, found: Digest },
    #[error("layer {digest} has {found} bytes instead of {expected}")]
    WrongSize {
        digest: Digest,
        expected: u64,
        found: u64,
    },
    #[error("image has {found} layers; at most {limit} are supported")]
    TooManyLayers { found: usize, limit: usize },
    #[error("image has {layers} layers but its configuration lists {diff_ids}")]
    LayerCount { layers: usize, diff_ids: usize },
    #[error("image is for {found}, and this node is linux/{wanted}")]
    Platform { found: String, wanted: &'static str },
    /// Not a name a directory may have.
    #[error("invalid container id {0:?}")]
    ContainerId(String),
    #[error(
        "image {image:?} is not on this node, and pulling from {registry} is not available yet: \
         import an archive of the image"
    )]
    PullUnavailable { image: String, registry: String },
    /// A fail point of a test.
    #[error("failed at {0}, as a test asked")]
    Fault(&'static str),
}

impl StoreError {
    /// For `map_err`.
    pub(super) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }
}

/// Passes a fail point.
pub(super) fn pass(point: &'static str) -> Result<(), StoreError> {
    match base::failpoint::at(point) {
        None => Ok(()),
        Some(_) => Err(StoreError::Fault(point)),
    }
}
