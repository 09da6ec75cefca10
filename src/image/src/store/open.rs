//! Opening: layout, version, and the sweep of what a crash left.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;
use std::sync::{Arc, Mutex, RwLock};

use base::Clock;
use rustix::fs::FlockOperation;
use rustix::io::Errno;
use tokio::sync::broadcast;
use tracing::warn;

use super::index::Index;
use super::{ImageStore, Limits, Result, StoreError};
use crate::digest::chain_ids;
use crate::removal;

/// The layout's version.
const FORMAT: u64 = 1;
/// The empty layer: overlayfs needs one, and an image may have none.
pub(super) const EMPTY_LAYER: u64 = 0;
/// Arrivals kept for a receiver that is busy.
const ARRIVALS: usize = 64;

impl ImageStore {
    /// Opens the store in `root`, which is made when missing, with the default limits.
    ///
    /// # Errors
    /// [`StoreError::NewerFormat`], [`StoreError::Locked`], [`StoreError::Corrupt`], I/O.
    pub fn open(root: &Path, clock: Clock) -> Result<Arc<Self>> {
        Self::open_with(root, clock, Limits::default())
    }

    /// The same with other limits.
    ///
    /// # Errors
    /// As [`ImageStore::open`].
    pub fn open_with(root: &Path, clock: Clock, limits: Limits) -> Result<Arc<Self>> {
        // Layers hold setuid programs and device nodes: nobody but root passes this directory.
        make_directory(root, 0o700)?;
        let lock = lock(root)?;
        check_format(root)?;
        for name in ["blobs", "blobs/sha256", "l", "l/0", "s", "tmp"] {
            make_directory(&root.join(name), 0o755)?;
        }
        let store = Self {
            root: root.to_owned(),
            clock,
            limits,
            index: RwLock::new(Arc::new(Index::load(root)?)),
            writer: Mutex::default(),
            ingest: Mutex::default(),
            arrivals: broadcast::Sender::new(ARRIVALS),
            _lock: lock,
        };
        store.sweep()?;
        Ok(Arc::new(store))
    }

    /// Removes what no record names and forgets what is not there any more.
    fn sweep(&self) -> Result<()> {
        let tmp = self.tmp();
        removal::empty_directory(&tmp).map_err(StoreError::io("empty", &tmp))?;
        self.forget_missing_layers()?;
        let index = self.index();
        let numbers: Vec<u64> = index.layers.values().map(|layer| layer.number).collect();
        for name in names(&self.root.join("l"))? {
            let known = name
                .parse()
                .is_ok_and(|n| n == EMPTY_LAYER || numbers.contains(&n));
            if !known {
                let path = self.root.join("l").join(name);
                removal::remove_tree(&path, &tmp).map_err(StoreError::io("remove", &path))?;
            }
        }
        self.collect()
    }

    /// Someone removed a layer's directory by hand: its images cannot run any more.
    fn forget_missing_layers(&self) -> Result<()> {
        let _writing = self.write();
        let mut index = Index::clone(&self.index());
        let before = index.layers.len();
        index
            .layers
            .retain(|_, layer| self.layer(layer.number).is_dir());
        if index.layers.len() == before {
            return Ok(());
        }
        let Index { images, layers, .. } = &mut index;
        images.retain(|id, image| {
            let whole = chain_ids(&image.layers)
                .iter()
                .all(|chain| layers.contains_key(chain));
            if !whole {
                warn!(%id, "layers of an image are missing; the image is forgotten");
            }
            whole
        });
        self.replace_index(index)
    }
}

/// Makes a directory with exactly this mode, or accepts the one that is there.
pub(super) fn make_directory(path: &Path, mode: u32) -> Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .and_then(|()| fs::set_permissions(path, fs::Permissions::from_mode(mode)))
        .map_err(StoreError::io("make directory", path))
}

pub(super) fn names(directory: &Path) -> Result<Vec<String>> {
    let failed = || StoreError::io("read directory", directory);
    let entries = fs::read_dir(directory).map_err(failed())?;
    entries
        .map(|entry| {
            Ok(entry
                .map_err(failed())?
                .file_name()
                .to_string_lossy()
                .into_owned())
        })
        .collect()
}

fn lock(root: &Path) -> Result<File> {
    let path = root.join("lock");
    let file = File::create(&path).map_err(StoreError::io("open", &path))?;
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(Errno::WOULDBLOCK) => Err(StoreError::Locked(root.to_owned())),
        Err(error) => Err(StoreError::io("lock", &path)(error.into())),
    }
}

fn check_format(root: &Path) -> Result<()> {
    let path = root.join("format");
    let text = match fs::read_to_string(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return base::fsio::write_atomic(&path, format!("{FORMAT}\n").as_bytes(), 0o644)
                .map_err(StoreError::io("write", &path));
        }
        text => text.map_err(StoreError::io("read", &path))?,
    };
    match text.trim().parse::<u64>() {
        Ok(FORMAT) => Ok(()),
        Ok(found) if found > FORMAT => Err(StoreError::NewerFormat {
            path: root.to_owned(),
            found,
            supported: FORMAT,
        }),
        _ => Err(StoreError::Corrupt {
            path,
            reason: format!("{text:?} is no version"),
        }),
    }
}
