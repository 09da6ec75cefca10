//! Images of registries.

use super::{ImageStore, Result, StoreError};
use crate::reference::Reference;
use crate::store::ImageRecord;

impl ImageStore {
    /// The image that `reference` names, fetched when it is not here.
    ///
    /// # Errors
    /// [`StoreError::Reference`], and [`StoreError::PullUnavailable`] for an image that is not
    /// here: this version does not talk to registries.
    pub fn pull(&self, reference: &str) -> Result<ImageRecord> {
        let name = Reference::parse(reference)?.tagged();
        match self.resolve(reference) {
            Some(image) => Ok(image),
            None => Err(StoreError::PullUnavailable {
                image: name.to_string(),
                registry: name.domain().to_owned(),
            }),
        }
    }
}
