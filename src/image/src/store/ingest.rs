//! Taking images in.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::PoisonError;

use base::Shutdown;
use rustix::fs::{Mode, OFlags};
use tracing::warn;

use super::error::pass;
use super::index::{ImageRecord, Index, LayerRecord};
use super::open::make_directory;
use super::{Arrival, ImageStore, Result, StoreError};
use crate::archive::{Archive, ArchiveError, Packed, PackedLayer};
use crate::compression::Decoder;
use crate::config::{ImageConfig, host_architecture};
use crate::digest::{Digest, HashingReader, chain_ids};
use crate::layer::{self, Budget, LayerError, Site, Unpacked};
use crate::removal;

/// Whether garbage collection may take an image away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retention {
    /// Never; it would be hard to get back.
    Pinned,
    /// When space is short and nothing uses it.
    Collectable,
}

impl ImageStore {
    /// Imports all images of an archive file, plain or compressed with gzip or zstd.
    ///
    /// # Errors
    /// [`StoreError`] of the first image that is refused; those before it stay.
    pub fn import(&self, path: &Path, retention: Retention) -> Result<Vec<ImageRecord>> {
        let file = File::open(path).map_err(StoreError::io("open", path))?;
        self.import_file(file, retention, &Shutdown::new())
    }

    /// The same for a file already open. Broken off when the shutdown begins.
    ///
    /// # Errors
    /// As [`ImageStore::import`].
    pub fn import_file(
        &self,
        file: File,
        retention: Retention,
        shutdown: &Shutdown,
    ) -> Result<Vec<ImageRecord>> {
        let limit = self.limits.archive_bytes;
        let archive = Archive::open(file, &self.tmp(), limit, shutdown)?;
        self.import_archive(&archive, retention)
    }

    /// The same for a stream.
    ///
    /// # Errors
    /// As [`ImageStore::import`].
    pub fn import_reader(
        &self,
        stream: impl Read,
        retention: Retention,
    ) -> Result<Vec<ImageRecord>> {
        let limit = self.limits.archive_bytes;
        let archive = Archive::spool(stream, &self.tmp(), limit, &Shutdown::new())?;
        self.import_archive(&archive, retention)
    }

    fn import_archive(&self, archive: &Archive, retention: Retention) -> Result<Vec<ImageRecord>> {
        let images = archive.images()?;
        let imported = images
            .iter()
            .map(|packed| self.import_image(archive, packed, retention))
            .collect();
        // What a removal during the import could not collect.
        self.collect()?;
        imported
    }

    fn import_image(
        &self,
        archive: &Archive,
        packed: &Packed,
        retention: Retention,
    ) -> Result<ImageRecord> {
        let _one_at_a_time = self.ingest.lock().unwrap_or_else(PoisonError::into_inner);
        let config = ImageConfig::parse(&packed.config)?;
        self.check(&config, packed)?;
        let mut session = Session::start(self)?;
        let mut budget = self.budget(&session)?;
        let layers = config
            .diff_ids
            .iter()
            .zip(chain_ids(&config.diff_ids))
            .zip(&packed.layers);
        for ((diff_id, chain_id), layer) in layers {
            match self.index().layers.get(&chain_id) {
                Some(known) => session.below.insert(0, self.layer(known.number)),
                None => session.unpack(archive, layer, *diff_id, chain_id, &mut budget)?,
            }
            pass("image::layer-unpacked")?;
        }
        let manifest = packed.manifest.as_deref();
        for document in manifest.iter().copied().chain([packed.config.as_slice()]) {
            let path = self.blob(Digest::of(document));
            base::fsio::write_atomic(&path, document, 0o600)
                .map_err(StoreError::io("write", &path))?;
        }
        let image = ImageRecord {
            id: Digest::of(&packed.config),
            repo_tags: packed.tags.clone(),
            repo_digests: packed.digests.clone(),
            size: 0,
            layers: config.diff_ids,
            manifest: manifest.map(Digest::of),
            pinned: retention == Retention::Pinned,
            imported_at: self.clock.wall(),
        };
        self.record(image, session)
    }

    fn check(&self, config: &ImageConfig, packed: &Packed) -> Result<()> {
        let (layers, diff_ids) = (packed.layers.len(), config.diff_ids.len());
        if layers != diff_ids {
            return Err(StoreError::LayerCount { layers, diff_ids });
        }
        if layers > self.limits.layers {
            return Err(StoreError::TooManyLayers {
                found: layers,
                limit: self.limits.layers,
            });
        }
        let wanted = host_architecture();
        let fits = |value: &str, wanted: &str| value.is_empty() || value == wanted;
        if !fits(&config.os, "linux") || !fits(&config.architecture, wanted) {
            let found = format!("{}/{}", config.os, config.architecture);
            return Err(StoreError::Platform { found, wanted });
        }
        Ok(())
    }

    fn budget(&self, session: &Session<'_>) -> Result<Budget> {
        let file_system = session.open(&session.directory)?;
        let limits = &self.limits;
        Ok(Budget::new(
            limits.unpacked_bytes,
            limits.files,
            limits.reserve_bytes,
            file_system,
        ))
    }

    /// Gives the new layers their names and the image its record, in this order: what the index
    /// names is on disk. One sync of the file system is cheaper than one of each file.
    fn record(&self, mut image: ImageRecord, session: Session<'_>) -> Result<ImageRecord> {
        if !session.new.is_empty() {
            let root = session.open(&self.root)?;
            rustix::fs::syncfs(&root)
                .map_err(|error| StoreError::io("sync", &self.root)(error.into()))?;
        }
        pass("image::layers-synced")?;
        let recorded = {
            let _writing = self.write();
            let mut index = Index::clone(&self.index());
            for new in &session.new {
                index.last_layer += 1;
                let number = index.last_layer;
                let path = self.layer(number);
                std::fs::rename(&new.path, &path).map_err(StoreError::io("rename", &path))?;
                let Unpacked {
                    bytes,
                    inodes,
                    opaque_root,
                } = new.used;
                let layer = LayerRecord {
                    number,
                    bytes,
                    inodes,
                    opaque_root,
                };
                index.layers.insert(new.chain_id, layer);
            }
            let layers = self.root.join("l");
            base::fsio::sync_directory(&layers).map_err(StoreError::io("sync", &layers))?;
            pass("image::layers-renamed")?;
            let sizes = chain_ids(&image.layers)
                .into_iter()
                .map(|id| index.layers[&id].bytes);
            image.size = sizes.sum();
            let id = image.id;
            index.add(image);
            let recorded = index.images[&id].clone();
            self.replace_index(index)?;
            recorded
        };
        pass("image::recorded")?;
        let arrival = Arrival {
            id: recorded.id,
            references: recorded.references(),
        };
        // Nobody listening is no failure.
        let _ = self.arrivals.send(arrival);
        Ok(recorded)
    }
}

/// The layers of one image while they are unpacked.
struct Session<'s> {
    store: &'s ImageStore,
    directory: PathBuf,
    new: Vec<NewLayer>,
    /// Paths of the layers so far, top first.
    below: Vec<PathBuf>,
}

struct NewLayer {
    chain_id: Digest,
    path: PathBuf,
    used: Unpacked,
}

impl<'s> Session<'s> {
    fn start(store: &'s ImageStore) -> Result<Self> {
        let name = format!("i-{}", base::random::name_suffix(16));
        let directory = store.tmp().join(name);
        make_directory(&directory, 0o700)?;
        make_directory(&directory.join("scratch"), 0o700)?;
        Ok(Self {
            store,
            directory,
            new: Vec::new(),
            below: Vec::new(),
        })
    }

    fn unpack(
        &mut self,
        archive: &Archive,
        packed: &PackedLayer,
        diff_id: Digest,
        chain_id: Digest,
        budget: &mut Budget,
    ) -> Result<()> {
        let path = self.directory.join(self.new.len().to_string());
        make_directory(&path, 0o755)?;
        let site = Site {
            target: self.open(&path)?,
            lower: self
                .below
                .iter()
                .map(|path| self.open(path))
                .collect::<Result<_>>()?,
            scratch: self.open(&self.directory.join("scratch"))?,
        };
        let stream = archive.member(&packed.member)?;
        let limit = self.store.limits.unpacked_bytes.saturating_mul(2);
        let used = unpack_verified(stream, packed.expected, diff_id, limit, site, budget)?;
        self.below.insert(0, path.clone());
        self.new.push(NewLayer {
            chain_id,
            path,
            used,
        });
        Ok(())
    }

    fn open(&self, path: &Path) -> Result<OwnedFd> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        rustix::fs::open(path, flags, Mode::empty())
            .map_err(|error| StoreError::io("open", path)(error.into()))
    }
}

impl Drop for Session<'_> {
    fn drop(&mut self) {
        if let Err(error) = removal::remove_tree(&self.directory, &self.store.tmp()) {
            // The next start tries again.
            warn!(path = %self.directory.display(), %error, "cannot remove an unfinished import");
        }
    }
}

/// Unpacks a layer and checks every digest of it, reading the stream to its very end.
fn unpack_verified(
    stream: impl Read,
    expected: Option<(Digest, u64)>,
    diff_id: Digest,
    limit: u64,
    site: Site,
    budget: &mut Budget,
) -> Result<Unpacked> {
    let broken = |error| StoreError::Archive(ArchiveError::Io(error));
    let decoder = Decoder::new(HashingReader::new(stream)).map_err(broken)?;
    let mut plain = HashingReader::new(Capped {
        inner: decoder,
        limit,
        left: limit,
    });
    let used = layer::unpack(&mut plain, site, budget)?;
    let (found, _, capped) = plain.finish_with_inner().map_err(broken)?;
    if found != diff_id {
        return Err(StoreError::WrongLayer {
            expected: diff_id,
            found,
        });
    }
    let packed = capped.inner.into_drained().map_err(broken)?;
    let (found, size) = packed.finish().map_err(broken)?;
    match expected {
        Some((digest, _)) if digest != found => Err(StoreError::WrongLayer {
            expected: digest,
            found,
        }),
        Some((digest, expected)) if expected != size => Err(StoreError::WrongSize {
            digest,
            expected,
            found: size,
        }),
        _ => Ok(used),
    }
}

/// Ends a stream that decompresses without end: zeros after the archive cost no disk, but time.
struct Capped<R> {
    inner: R,
    limit: u64,
    left: u64,
}

impl<R: Read> Read for Capped<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.left = self.left.checked_sub(read as u64).ok_or_else(|| {
            let error = LayerError::Limit {
                limit: self.limit,
                what: "bytes in a layer's stream",
            };
            io::Error::other(error)
        })?;
        Ok(read)
    }
}
