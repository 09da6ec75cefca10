//! Where root file systems come from.

use cri::{Error, Result};
use image::{Digest, ImageConfig, ImageStore, Overlay, StoreError};

/// The part of an image store that containers need. Its methods block.
pub trait RootfsProvider: Send + Sync {
    /// The defaults of an image, by its id.
    ///
    /// # Errors
    /// `NotFound`, or the store's failure.
    fn image_config(&self, image_id: &str) -> Result<ImageConfig>;

    /// Directories for a container's overlay; the same ones when asked again.
    ///
    /// # Errors
    /// `NotFound` for the image, or the store's failure.
    fn prepare(&self, image_id: &str, container_id: &str) -> Result<Overlay>;

    /// Removes them. Absent ones are a success.
    ///
    /// # Errors
    /// The store's failure.
    fn remove(&self, container_id: &str) -> Result<()>;
}

impl RootfsProvider for ImageStore {
    fn image_config(&self, image_id: &str) -> Result<ImageConfig> {
        self.config(digest(image_id)?)
            .map_err(|error| store_error(&error, image_id))
    }

    fn prepare(&self, image_id: &str, container_id: &str) -> Result<Overlay> {
        let prepared = ImageStore::prepare(self, digest(image_id)?, container_id);
        prepared.map_err(|error| store_error(&error, image_id))
    }

    fn remove(&self, container_id: &str) -> Result<()> {
        self.remove_snapshot(container_id)
            .map_err(|error| store_error(&error, container_id))
    }
}

fn digest(image_id: &str) -> Result<Digest> {
    image_id
        .parse()
        .map_err(|error| Error::InvalidArgument(format!("image {image_id:?}: {error}")))
}

/// The store's errors as CRI's.
pub fn store_error(error: &StoreError, id: &str) -> Error {
    match error {
        StoreError::NotFound { .. } => Error::NotFound {
            kind: "image",
            id: id.to_owned(),
        },
        StoreError::Reference(error) => Error::InvalidArgument(error.to_string()),
        other => Error::Internal(other.to_string()),
    }
}
