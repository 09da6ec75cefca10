//! Unpacking one layer's tar stream into a directory, in the form overlayfs reads.
//!
//! The rules are containerd's: a later entry replaces an earlier one, except that a directory
//! over a directory merges; missing parents are made with the attributes they have in the layers
//! below; `.wh.NAME` becomes a 0/0 character device and `.wh..wh..opq` the attribute
//! `trusted.overlay.opaque`; the entry of the root itself is passed over, so that the root stays
//! 0755. The digests of the stream are the caller's to check.

use std::io::{self, Read};
use std::os::fd::OwnedFd;

use rustix::io::Errno;

use crate::tarball::{Entry, Kind, Reader, Stream, TarError};

mod attributes;
mod budget;
mod place;
pub(crate) mod root;
mod whiteout;

pub use budget::Budget;
pub(crate) use root::components;

use place::Placer;

/// Why a layer is refused. Nothing of it is used then.
#[derive(Debug, thiserror::Error)]
pub enum LayerError {
    /// The stream is no tar archive, or broke.
    #[error(transparent)]
    Tar(#[from] TarError),
    /// An entry could not be made.
    #[error("unpack {name:?}: {source}")]
    Entry { name: String, source: io::Error },
    /// The times of directories could not be set.
    #[error("finish layer: {0}")]
    Directory(#[source] io::Error),
    /// The image is larger than the node allows.
    #[error("image exceeds the limit of {limit} {what}")]
    Limit { limit: u64, what: &'static str },
    /// Going on would fill the disk.
    #[error("unpacking would leave less than {reserve} bytes free on the image file system")]
    DiskFull { reserve: u64 },
}

/// What a layer takes on disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unpacked {
    /// Bytes, each file rounded up to a block of 4 KiB.
    pub bytes: u64,
    /// Files, directories and links.
    pub inodes: u64,
    /// The layer hides everything below it (`.wh..wh..opq` in the root, which overlayfs would
    /// not see there).
    pub opaque_root: bool,
}

/// Where a layer is unpacked, and what lies below it.
pub struct Site {
    /// The empty directory that becomes the layer.
    pub target: OwnedFd,
    /// The layers below, top first.
    pub lower: Vec<OwnedFd>,
    /// An empty directory on the same file system, for what has to be taken away again.
    pub scratch: OwnedFd,
}

/// Unpacks the tar `stream` at `site`. Reads the stream up to the archive's end.
///
/// # Errors
/// [`LayerError`]; the target then holds a part of the layer.
pub fn unpack(stream: impl Read, site: Site, budget: &mut Budget) -> Result<Unpacked, LayerError> {
    let mut placer = Placer::new(site, budget);
    let mut reader = Reader::new(Stream(stream));
    while let Some(entry) = reader.next_entry()? {
        place_entry(&mut placer, &entry, &mut reader)?;
    }
    placer.finish().map_err(LayerError::Directory)
}

fn place_entry(
    placer: &mut Placer<'_>,
    entry: &Entry,
    data: &mut impl Read,
) -> Result<(), LayerError> {
    let path = root::components(&entry.name);
    let Some((name, parents)) = path.split_last() else {
        // The root itself: see the module's head.
        return Ok(());
    };
    let placed = match name.strip_prefix(whiteout::PREFIX) {
        Some(hidden) => placer.whiteout(parents, hidden),
        None if entry.kind == Kind::File => placer.file(parents, name, entry, data),
        None => placer.node(parents, name, entry),
    };
    placed.map_err(|failure| match failure {
        Failure::Layer(error) => error,
        Failure::Io(source) => {
            let name = String::from_utf8_lossy(&entry.name).into_owned();
            LayerError::Entry { name, source }
        }
    })
}

/// What goes wrong with one entry, before its name is added.
enum Failure {
    Layer(LayerError),
    Io(io::Error),
}

impl From<LayerError> for Failure {
    fn from(error: LayerError) -> Self {
        Self::Layer(error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<Errno> for Failure {
    fn from(error: Errno) -> Self {
        Self::Io(error.into())
    }
}

#[cfg(test)]
mod tests;
