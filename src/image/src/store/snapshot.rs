//! Writable directories of containers.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::open::{EMPTY_LAYER, make_directory, names};
use super::{ImageStore, Result, StoreError};
use crate::digest::{Digest, chain_ids};
use crate::overlay::Overlay;
use crate::removal;

/// A container's writable directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    pub container_id: String,
    /// `None` when a power cut took the record; such a snapshot can only be removed.
    pub image: Option<Digest>,
    /// Chain ids of the layers it stands on, bottom first. They stay while the snapshot does.
    pub chain: Vec<Digest>,
}

#[derive(Serialize, Deserialize)]
struct Record {
    image: Digest,
    chain: Vec<Digest>,
}

const RECORD: &str = "record.json";

impl ImageStore {
    /// The directories for a container of an image; made at the first call, the same at every
    /// later one, whatever became of the image meanwhile. Not mounted.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for the image, [`StoreError::ContainerId`], I/O.
    pub fn prepare(&self, image_id: Digest, container_id: &str) -> Result<Overlay> {
        let path = self.snapshot(container_id)?;
        // Against the collection of the image's layers.
        let _writing = self.write();
        let chain = match read_record(&path) {
            Some(record) => record.chain,
            None => self.make_snapshot(&path, image_id)?,
        };
        self.overlay(&path, &chain)
    }

    fn make_snapshot(&self, path: &Path, image_id: Digest) -> Result<Vec<Digest>> {
        let index = self.index();
        let image = index.images.get(&image_id);
        let image = image.ok_or_else(|| StoreError::NotFound(image_id.to_string()))?;
        let record = Record {
            image: image_id,
            chain: chain_ids(&image.layers),
        };
        // One whose record was lost holds nothing that is still of use.
        removal::remove_tree(path, &self.tmp()).map_err(StoreError::io("remove", path))?;
        let new = self
            .tmp()
            .join(format!("s-{}", base::random::name_suffix(16)));
        make_directory(&new, 0o755)?;
        // The upper directory's attributes are those of the container's root.
        make_directory(&new.join("u"), 0o755)?;
        make_directory(&new.join("w"), 0o755)?;
        let bytes = serde_json::to_vec(&record).expect("digests are JSON");
        std::fs::write(new.join(RECORD), bytes).map_err(StoreError::io("write", &new))?;
        std::fs::rename(&new, path).map_err(StoreError::io("rename", path))?;
        Ok(record.chain)
    }

    fn overlay(&self, path: &Path, chain: &[Digest]) -> Result<Overlay> {
        let index = self.index();
        let mut lower = Vec::new();
        for id in chain.iter().rev() {
            let layer = index
                .layers
                .get(id)
                .ok_or_else(|| StoreError::NotFound(id.to_string()))?;
            lower.push(self.layer(layer.number));
            if layer.opaque_root {
                break;
            }
        }
        if lower.is_empty() {
            lower.push(self.layer(EMPTY_LAYER));
        }
        Ok(Overlay {
            lower,
            upper: path.join("u"),
            work: path.join("w"),
        })
    }

    /// Removes a container's directories, which must not be mounted. An absent one is a success.
    ///
    /// # Errors
    /// [`StoreError::ContainerId`], I/O.
    pub fn remove_snapshot(&self, container_id: &str) -> Result<()> {
        let path = self.snapshot(container_id)?;
        removal::remove_tree(&path, &self.tmp()).map_err(StoreError::io("remove", &path))?;
        if self.has_unused_layers() {
            self.collect()
        } else {
            Ok(())
        }
    }

    /// Most containers end before their image does: then there is nothing to look for.
    fn has_unused_layers(&self) -> bool {
        let index = self.index();
        index.used_layers().len() < index.layers.len()
    }

    /// All snapshots, for finding those whose container is gone.
    ///
    /// # Errors
    /// I/O.
    pub fn snapshots(&self) -> Result<Vec<Snapshot>> {
        let directory = self.root.join("s");
        let snapshot = |container_id: String| match read_record(&directory.join(&container_id)) {
            Some(Record { image, chain }) => Snapshot {
                container_id,
                image: Some(image),
                chain,
            },
            None => Snapshot {
                container_id,
                image: None,
                chain: Vec::new(),
            },
        };
        Ok(names(&directory)?.into_iter().map(snapshot).collect())
    }

    /// Where a container's directories are. Container ids become names of directories.
    pub(super) fn snapshot(&self, container_id: &str) -> Result<PathBuf> {
        let fits = (1..=128).contains(&container_id.len())
            && !container_id.starts_with('.')
            && container_id
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b));
        if !fits {
            return Err(StoreError::ContainerId(container_id.to_owned()));
        }
        Ok(self.root.join("s").join(container_id))
    }
}

/// `None` when there is no snapshot or its record is not whole, which after a power cut is the
/// same: its container is not running any more.
fn read_record(snapshot: &Path) -> Option<Record> {
    let read = std::fs::read(snapshot.join(RECORD));
    read.and_then(|bytes| serde_json::from_slice(&bytes).map_err(io::Error::other))
        .ok()
}
