//! The image directory: archives put there are imported, at the start and whenever one appears.
//!
//! Nothing polls. The kernel tells when a file was closed after writing, moved in or linked; the
//! watch stands before the first look, so that no file falls between. A file that is still being
//! written may be read too early at the start: such an attempt fails without a warning, and the
//! writer's close brings the next one.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base::Shutdown;
use rustix::fs::OFlags;
use tokio::task::JoinHandle;
use tracing::{debug, error, info, warn};

use crate::store::{ImageRecord, ImageStore, ImportedFile, Retention, StoreError};

mod events;
mod lease;

use events::{Events, Happening};

/// What the name of an archive ends with.
pub const SUFFIXES: [&str; 5] = [".tar", ".tar.gz", ".tgz", ".tar.zst", ".tzst"];

/// Names that look as if an import was wanted, and why there is none.
const REFUSED: [(&str, &str); 7] = [
    (".tar.bz2", "bzip2 is not supported; use gzip or zstd"),
    (".tbz", "bzip2 is not supported; use gzip or zstd"),
    (".tar.lz4", "lz4 is not supported; use gzip or zstd"),
    (".tar.xz", "xz is not supported; use gzip or zstd"),
    (".tar.gzip", "the name should end with .tar.gz"),
    (".zip", "only tar archives are supported"),
    (".txt", "pulling is not available yet"),
];

/// The directory cannot be watched.
#[derive(Debug, thiserror::Error)]
#[error("watch image directory {path}: {source}", path = .path.display())]
pub struct WatchError {
    path: PathBuf,
    source: io::Error,
}

/// A watched directory.
pub struct ImageDirectory {
    store: Arc<ImageStore>,
    path: PathBuf,
    events: Events,
    shutdown: Shutdown,
}

/// What became of one file.
#[derive(Debug)]
enum Outcome {
    Imported(Vec<ImageRecord>),
    /// The same as at its last import.
    Unchanged,
    /// Empty, no regular file, gone, or about to be closed by its writer.
    Nothing,
}

impl ImageDirectory {
    /// Makes the directory when it is missing and watches it. Images that arrive are told by
    /// [`ImageStore::arrivals`]. To be called within a tokio runtime.
    ///
    /// # Errors
    /// [`WatchError`], most likely because all inotify instances of the user are taken.
    pub fn open(store: Arc<ImageStore>, path: &Path) -> Result<Self, WatchError> {
        let events = std::fs::create_dir_all(path).and_then(|()| Events::of(path));
        let events = events.map_err(|source| WatchError {
            path: path.to_owned(),
            source,
        })?;
        Ok(Self {
            store,
            path: path.to_owned(),
            events,
            shutdown: Shutdown::new(),
        })
    }

    /// [`ImageDirectory::open`] and [`ImageDirectory::run`] in a task of its own.
    ///
    /// # Errors
    /// As [`ImageDirectory::open`].
    pub fn watch(
        store: Arc<ImageStore>,
        path: &Path,
        shutdown: Shutdown,
    ) -> Result<JoinHandle<Option<()>>, WatchError> {
        let directory = Self::open(store, path)?;
        Ok(base::tasks::spawn(
            "image-directory",
            directory.run(shutdown),
        ))
    }

    /// Imports what is there, then what comes, until the shutdown. An import that runs then is
    /// broken off before this returns.
    pub async fn run(mut self, shutdown: Shutdown) {
        self.shutdown = shutdown;
        if let Err(error) = self.follow().await {
            error!(%error, "images put into the directory are not imported any more");
        }
    }

    async fn follow(&mut self) -> Result<(), WatchError> {
        self.import_present().await;
        loop {
            let happened = tokio::select! {
                () = self.shutdown.stopping() => return Ok(()),
                happened = self.events.next() => happened,
            };
            for happening in happened.map_err(|source| self.failed(source))? {
                match happening {
                    Happening::Complete(name) => self.consider(name, Caution::None).await,
                    Happening::Appeared(name) => self.consider(name, Caution::Writers).await,
                    Happening::Missed => self.import_present().await,
                    Happening::DirectoryGone => self.start_over().await?,
                }
            }
        }
    }

    /// Someone removed or renamed the directory.
    async fn start_over(&mut self) -> Result<(), WatchError> {
        let events = std::fs::create_dir_all(&self.path).and_then(|()| Events::of(&self.path));
        self.events = events.map_err(|source| self.failed(source))?;
        self.import_present().await;
        Ok(())
    }

    fn failed(&self, source: io::Error) -> WatchError {
        WatchError {
            path: self.path.clone(),
            source,
        }
    }

    /// Imports every archive in the directory that changed since its last import, by name.
    pub async fn import_present(&self) {
        let names = std::fs::read_dir(&self.path).and_then(|entries| {
            entries
                .map(|entry| Ok(entry?.file_name()))
                .collect::<io::Result<Vec<_>>>()
        });
        let mut names = match names {
            Ok(names) => names,
            Err(error) => {
                warn!(path = %self.path.display(), %error, "cannot read the image directory");
                return;
            }
        };
        names.sort();
        self.forget_removed().await;
        for name in names {
            self.consider(name, Caution::None).await;
        }
    }

    async fn forget_removed(&self) {
        let (store, directory) = (self.store.clone(), self.path.clone());
        let forgotten = blocking(move || store.forget_removed_imports(&directory)).await;
        if let Err(error) = forgotten {
            warn!(%error, "cannot forget files that are gone");
        }
    }

    async fn consider(&self, name: std::ffi::OsString, caution: Caution) {
        if self.shutdown.is_stopping() || !is_archive(&name) {
            return;
        }
        let path = self.path.join(&name);
        let (store, file, shutdown) = (self.store.clone(), path.clone(), self.shutdown.clone());
        let started = self.store.clock().monotonic();
        let outcome = blocking(move || import_if_new(&store, &file, caution, &shutdown)).await;
        let took = self.store.clock().monotonic().saturating_sub(started);
        match outcome {
            Ok(Outcome::Imported(images)) => {
                let names: Vec<String> = images
                    .iter()
                    .flat_map(|i| &i.repo_tags)
                    .map(ToString::to_string)
                    .collect();
                info!(images = %names.join(" "), "Imported images from {} in {took:?}", path.display());
            }
            Ok(Outcome::Unchanged) => debug!(path = %path.display(), "unchanged since its import"),
            Ok(Outcome::Nothing) => {}
            Err(error) => warn!(%error, "Cannot import images from {}", path.display()),
        }
    }
}

/// Whether to look for writers before reading.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Caution {
    None,
    /// The file has just appeared: while someone writes it, its close is still to come.
    Writers,
}

/// Says for names that come close why they are passed over.
fn is_archive(name: &OsStr) -> bool {
    let bytes = name.as_bytes();
    if bytes.starts_with(b".") {
        return false;
    }
    let refused = REFUSED
        .iter()
        .find(|(suffix, _)| bytes.ends_with(suffix.as_bytes()));
    if let Some((_, reason)) = refused {
        warn!(file = %name.display(), reason, "not imported");
    }
    SUFFIXES
        .iter()
        .any(|suffix| bytes.ends_with(suffix.as_bytes()))
}

fn import_if_new(
    store: &ImageStore,
    path: &Path,
    caution: Caution,
    shutdown: &Shutdown,
) -> Result<Outcome, StoreError> {
    let io = |source| StoreError::Io {
        action: "open",
        path: path.to_owned(),
        source,
    };
    // Opening a pipe would wait for its writer.
    let nonblocking = OFlags::NONBLOCK.bits().cast_signed();
    let file = match File::options()
        .read(true)
        .custom_flags(nonblocking)
        .open(path)
    {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Outcome::Nothing),
        file => file.map_err(io)?,
    };
    let metadata = file.metadata().map_err(io)?;
    if !metadata.is_file() || metadata.len() == 0 {
        return Ok(Outcome::Nothing);
    }
    if caution == Caution::Writers && lease::has_writers(&file) {
        return Ok(Outcome::Nothing);
    }
    let before = state(&file).map_err(io)?;
    if store.is_imported(path, &before) {
        return Ok(Outcome::Unchanged);
    }
    info!("Importing images from {}", path.display());
    let reader = file.try_clone().map_err(io)?;
    let imported = store.import_file(reader, Retention::Pinned, shutdown);
    // A writer at work, now or a moment ago, will close the file, which brings us back.
    let unsettled = lease::has_writers(&file) || state(&file).map_err(io)? != before;
    let passed_over = unsettled || shutdown.is_stopping();
    match imported {
        Ok(images) if unsettled => Ok(Outcome::Imported(images)),
        Ok(images) => {
            let ids = images.iter().map(|image| image.id).collect();
            store.record_import(
                path,
                ImportedFile {
                    images: ids,
                    ..before
                },
            )?;
            Ok(Outcome::Imported(images))
        }
        Err(error) if passed_over => {
            debug!(path = %path.display(), %error, "not read to its end");
            Ok(Outcome::Nothing)
        }
        Err(error) => Err(error),
    }
}

/// What tells one content of a file from another without reading it. The time of change is the
/// kernel's and cannot be set back, as that of modification can.
fn state(file: &File) -> io::Result<ImportedFile> {
    let metadata = file.metadata()?;
    Ok(ImportedFile {
        inode: metadata.ino(),
        size: metadata.len(),
        modified: (metadata.mtime(), metadata.mtime_nsec()),
        changed: (metadata.ctime(), metadata.ctime_nsec()),
        images: Vec::new(),
    })
}

/// Runs `work` where it may block. A panic in it goes on here.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // Blocking tasks are cancelled only while the runtime ends, and this one with them.
            Err(_cancelled) => std::future::pending().await,
        },
    }
}

#[cfg(test)]
mod tests;
