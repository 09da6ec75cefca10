//! Garbage: layers and documents that no image and no container refers to.

use std::io;
use std::sync::TryLockError;

use tracing::debug;

use super::error::pass;
use super::index::Index;
use super::open::names;
use super::{ImageStore, Result, StoreError};
use crate::digest::Digest;
use crate::removal;

impl ImageStore {
    /// Removes what nothing refers to. While an import runs, nothing is removed: the import
    /// collects when it ends.
    ///
    /// # Errors
    /// I/O. What could not be removed is removed at the next start.
    pub fn collect(&self) -> Result<()> {
        let _no_import = match self.ingest.try_lock() {
            Ok(guard) => guard,
            Err(TryLockError::Poisoned(guard)) => guard.into_inner(),
            Err(TryLockError::WouldBlock) => return Ok(()),
        };
        self.collect_layers()?;
        self.collect_blobs()
    }

    fn collect_layers(&self) -> Result<()> {
        let unused = {
            let _writing = self.write();
            let mut index = Index::clone(&self.index());
            let mut used = index.used_layers();
            used.extend(
                self.snapshots()?
                    .into_iter()
                    .flat_map(|snapshot| snapshot.chain),
            );
            let unused: Vec<_> = index
                .layers
                .extract_if(.., |chain, _| !used.contains(chain))
                .collect();
            if unused.is_empty() {
                return Ok(());
            }
            self.replace_index(index)?;
            unused
        };
        pass("image::layer-forgotten")?;
        for (chain_id, layer) in unused {
            let path = self.layer(layer.number);
            debug!(%chain_id, number = layer.number, "removing an unused layer");
            removal::remove_tree(&path, &self.tmp()).map_err(StoreError::io("remove", &path))?;
        }
        Ok(())
    }

    fn collect_blobs(&self) -> Result<()> {
        let used = self.index().used_blobs();
        for name in names(&self.root.join("blobs/sha256"))? {
            if Digest::from_hex(&name).is_ok_and(|digest| used.contains(&digest)) {
                continue;
            }
            let path = self.root.join("blobs/sha256").join(name);
            match std::fs::remove_file(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                removed => removed.map_err(StoreError::io("remove", &path))?,
            }
        }
        Ok(())
    }
}
