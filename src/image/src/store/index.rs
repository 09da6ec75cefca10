//! What the store remembers: one JSON document, replaced as a whole.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Removal, Result, StoreError};
use crate::digest::{Digest, chain_ids};
use crate::reference::Reference;

const FILE: &str = "index.json";

/// One image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageRecord {
    /// The digest of the configuration.
    pub id: Digest,
    /// Names with a tag.
    pub repo_tags: Vec<Reference>,
    /// Names with the digest of a manifest or an index.
    pub repo_digests: Vec<Reference>,
    /// Bytes on disk, unpacked; layers that other images share are counted in each.
    pub size: u64,
    /// Digests of the uncompressed layers, bottom first.
    pub layers: Vec<Digest>,
    /// The manifest, where it is known.
    pub manifest: Option<Digest>,
    /// Not to be removed by garbage collection.
    pub pinned: bool,
    pub imported_at: Timestamp,
}

/// One unpacked layer, by its chain id: its content depends on the layers below, from which
/// missing parent directories take their attributes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerRecord {
    /// The directory's name in `l`.
    pub number: u64,
    pub bytes: u64,
    pub inodes: u64,
    /// Nothing below it is seen.
    pub opaque_root: bool,
}

/// A file of the image directory as it was when it was imported.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ImportedFile {
    pub inode: u64,
    pub size: u64,
    /// Seconds and nanoseconds.
    pub modified: (i64, i64),
    pub changed: (i64, i64),
    /// What it held.
    pub images: Vec<Digest>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Index {
    pub images: BTreeMap<Digest, ImageRecord>,
    pub layers: BTreeMap<Digest, LayerRecord>,
    /// Numbers are not given twice, so that a directory about to be removed is never mistaken.
    pub last_layer: u64,
    /// By path.
    #[serde(default)]
    pub imports: BTreeMap<String, ImportedFile>,
}

impl ImageRecord {
    pub(super) fn is_named(&self, key: &Reference) -> bool {
        self.repo_tags.contains(key) || self.repo_digests.contains(key)
    }

    fn is_nameless(&self) -> bool {
        self.repo_tags.is_empty() && self.repo_digests.is_empty()
    }

    /// All names.
    #[must_use]
    pub fn references(&self) -> Vec<Reference> {
        self.repo_tags
            .iter()
            .chain(&self.repo_digests)
            .cloned()
            .collect()
    }
}

impl Index {
    pub fn load(root: &Path) -> Result<Self> {
        let path = root.join(FILE);
        let bytes = match std::fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            bytes => bytes.map_err(StoreError::io("read", &path))?,
        };
        serde_json::from_slice(&bytes).map_err(|error| StoreError::Corrupt {
            path,
            reason: error.to_string(),
        })
    }

    pub fn save(&self, root: &Path) -> Result<()> {
        let path = root.join(FILE);
        let bytes = serde_json::to_vec(self).expect("maps with text keys are JSON");
        base::fsio::write_atomic(&path, &bytes, 0o600).map_err(StoreError::io("write", &path))
    }

    /// Adds an image, or its names to the same image. A name moves from the image that had it;
    /// an image that loses its last name so is gone.
    pub fn add(&mut self, image: ImageRecord) {
        let id = image.id;
        self.images.retain(|_, other| {
            if other.id == id
                || !other
                    .repo_tags
                    .iter()
                    .any(|tag| image.repo_tags.contains(tag))
            {
                return true;
            }
            other.repo_tags.retain(|tag| !image.repo_tags.contains(tag));
            !other.is_nameless()
        });
        match self.images.get_mut(&id) {
            None => {
                self.images.insert(id, image);
            }
            Some(known) => known.absorb(image),
        }
    }

    /// Takes off `name`, or everything for an id (`None`, or a text that is no name of it).
    pub fn remove_name(&mut self, id: Digest, name: Option<Reference>) -> Removal {
        let Some(image) = self.images.get_mut(&id) else {
            return Removal::Absent;
        };
        let key = name.map(Reference::key).filter(|key| image.is_named(key));
        if let Some(key) = key {
            image.repo_tags.retain(|tag| *tag != key);
            image.repo_digests.retain(|digest| *digest != key);
            let name = key.name();
            let tagged = image.repo_tags.iter().any(|tag| tag.name() == name);
            if key.tag().is_some() && !tagged {
                image.repo_digests.retain(|digest| digest.name() != name);
            }
            if !image.is_nameless() {
                return Removal::Untagged(id);
            }
        }
        self.images.remove(&id);
        Removal::Deleted(id)
    }

    /// Chain ids of all layers of all images.
    pub fn used_layers(&self) -> BTreeSet<Digest> {
        self.images
            .values()
            .flat_map(|image| chain_ids(&image.layers))
            .collect()
    }

    /// Digests of all documents of all images.
    pub fn used_blobs(&self) -> BTreeSet<Digest> {
        let blobs = self
            .images
            .values()
            .flat_map(|image| [Some(image.id), image.manifest]);
        blobs.flatten().collect()
    }
}

impl ImageRecord {
    fn absorb(&mut self, other: Self) {
        let add = |to: &mut Vec<Reference>, from: Vec<Reference>| {
            for reference in from {
                if !to.contains(&reference) {
                    to.push(reference);
                }
            }
        };
        add(&mut self.repo_tags, other.repo_tags);
        add(&mut self.repo_digests, other.repo_digests);
        self.manifest = self.manifest.or(other.manifest);
        self.pinned |= other.pinned;
    }
}
