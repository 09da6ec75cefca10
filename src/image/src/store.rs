//! The store of images on this node, one directory:
//!
//! ```text
//! format        the layout's version
//! lock          held by the process that has the store open
//! index.json    images, layers and imports; replaced as a whole
//! blobs/sha256  configurations and manifests
//! l/<n>         unpacked layers; the names are short because overlayfs takes a page of options
//! s/<container> writable directories of containers
//! tmp           unfinished work; emptied when the store is opened
//! ```
//!
//! A layer is unpacked below `tmp`, synced, renamed to `l/<n>` and only then recorded: what the
//! index names is whole, and what it does not name is removed at the next start.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use base::Clock;
use tokio::sync::broadcast;

use crate::config::ImageConfig;
use crate::digest::Digest;
use crate::reference::Reference;

mod collect;
mod error;
mod imports;
mod index;
mod ingest;
mod open;
mod pull;
mod snapshot;
mod usage;

pub use error::StoreError;
pub use index::{ImageRecord, LayerRecord};
pub use ingest::Retention;
pub use snapshot::Snapshot;
pub use usage::{FsUsage, Usage};

pub(crate) use index::ImportedFile;

use index::Index;

type Result<T> = std::result::Result<T, StoreError>;

/// What the store takes at most; see [`Limits::default`].
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of one image, unpacked.
    pub unpacked_bytes: u64,
    /// Files, directories and links of one image.
    pub files: u64,
    /// Layers of one image.
    pub layers: usize,
    /// Bytes of one archive, decompressed.
    pub archive_bytes: u64,
    /// Bytes that stay free on the file system.
    pub reserve_bytes: u64,
}

impl Default for Limits {
    /// 64 GiB and 4 million files per image, 127 layers (Docker's limit), 128 GiB per archive,
    /// 256 MiB left free.
    fn default() -> Self {
        Self {
            unpacked_bytes: 64 << 30,
            files: 4_000_000,
            layers: 127,
            archive_bytes: 128 << 30,
            reserve_bytes: 256 << 20,
        }
    }
}

/// An image came, or got more names. Who waits for one of the names may go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    pub id: Digest,
    /// All names of the image.
    pub references: Vec<Reference>,
}

/// What [`ImageStore::remove`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removal {
    /// Nothing has that name.
    Absent,
    /// The name is gone; the image has others.
    Untagged(Digest),
    /// The image is gone. Its layers stay while containers use them.
    Deleted(Digest),
}

/// The images of this node. Methods block on the disk unless they say otherwise: call them from
/// `spawn_blocking`.
pub struct ImageStore {
    root: PathBuf,
    clock: Clock,
    limits: Limits,
    /// What readers see; replaced as a whole once it is on disk.
    index: RwLock<Arc<Index>>,
    /// Whoever changes the index or the snapshots.
    writer: Mutex<()>,
    /// One import at a time; collection waits for it, because an import relies on layers that
    /// nothing refers to yet.
    ingest: Mutex<()>,
    arrivals: broadcast::Sender<Arrival>,
    /// Held open for its lock.
    _lock: File,
}

impl ImageStore {
    /// The image that a reference, an image id, or an id without `sha256:` names. Does not block.
    #[must_use]
    pub fn resolve(&self, reference: &str) -> Option<ImageRecord> {
        let index = self.index();
        let id = reference.parse().or_else(|_| Digest::from_hex(reference));
        if let Ok(id) = id {
            return index.images.get(&id).cloned();
        }
        let key = Reference::parse(reference).ok()?.key();
        index
            .images
            .values()
            .find(|image| image.is_named(&key))
            .cloned()
    }

    /// All images, sorted by id. Does not block.
    #[must_use]
    pub fn list(&self) -> Vec<ImageRecord> {
        self.index().images.values().cloned().collect()
    }

    /// The configuration of the image `id`.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or I/O.
    pub fn config(&self, id: Digest) -> Result<ImageConfig> {
        if !self.index().images.contains_key(&id) {
            return Err(StoreError::NotFound(id.to_string()));
        }
        let path = self.blob(id);
        let bytes = std::fs::read(&path).map_err(StoreError::io("read", &path))?;
        if Digest::of(&bytes) != id {
            return Err(StoreError::Corrupt {
                path,
                reason: "wrong digest".to_owned(),
            });
        }
        Ok(ImageConfig::parse(&bytes)?)
    }

    /// Told of every image that comes. A receiver that lags behind gets
    /// [`broadcast::error::RecvError::Lagged`] and should look at all it waits for.
    #[must_use]
    pub fn arrivals(&self) -> broadcast::Receiver<Arrival> {
        self.arrivals.subscribe()
    }

    /// Takes a name off its image, or, for an id, all names; the image goes with its last one.
    ///
    /// # Errors
    /// I/O; the name then still stands.
    pub fn remove(&self, reference: &str) -> Result<Removal> {
        let Some(image) = self.resolve(reference) else {
            return Ok(Removal::Absent);
        };
        let removal = {
            let _writing = self.write();
            let mut index = Index::clone(&self.index());
            let removal = index.remove_name(image.id, Reference::parse(reference).ok());
            self.replace_index(index)?;
            removal
        };
        self.collect()?;
        Ok(removal)
    }

    /// The directory the store lives in.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.clock
    }

    fn index(&self) -> Arc<Index> {
        self.index
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn write(&self) -> MutexGuard<'_, ()> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Saves and publishes; the caller holds [`ImageStore::write`].
    fn replace_index(&self, index: Index) -> Result<()> {
        index.save(&self.root)?;
        *self.index.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(index);
        Ok(())
    }

    fn blob(&self, digest: Digest) -> PathBuf {
        self.root.join("blobs/sha256").join(digest.hex())
    }

    fn layer(&self, number: u64) -> PathBuf {
        self.root.join("l").join(number.to_string())
    }

    fn tmp(&self) -> PathBuf {
        self.root.join("tmp")
    }
}

#[cfg(test)]
mod tests;
