//! Image archives: tar files as `docker save`, `podman save`, buildx and others write them.
//!
//! Members come in any order and refer to each other, so a compressed archive is first spooled
//! into one unnamed file; then every member is read in place. [`Archive::open`] and
//! [`Archive::images`] are the way in.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use base::Shutdown;
use rustix::fs::{Mode, OFlags};

use crate::compression::{Compression, Decoder};
use crate::config::ConfigError;
use crate::digest::Digest;
use crate::manifest::ManifestError;
use crate::reference::{Reference, ReferenceError};
use crate::tarball::{Kind, Reader, Skip, TarError};

pub mod builder;
mod docker;
mod oci;

/// Manifests and configurations are read whole; registries refuse larger ones.
const MAX_DOCUMENT: u64 = 8 << 20;
/// No archive of images has more members.
const MAX_MEMBERS: usize = 100_000;

/// Why an archive is refused.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    #[error("read archive: {0}")]
    Io(#[from] io::Error),
    #[error(transparent)]
    Tar(#[from] TarError),
    /// Larger than allowed once decompressed.
    #[error("archive exceeds {0} bytes when decompressed")]
    TooLarge(u64),
    #[error("archive has more than {MAX_MEMBERS} members")]
    TooManyMembers,
    /// The file ends before its members do.
    #[error("archive is cut: {0:?} reaches beyond its end")]
    Cut(String),
    /// What describes the images is often the last member.
    #[error("archive is cut: it has no end mark")]
    Unfinished,
    #[error("not an image archive: it has neither manifest.json nor index.json")]
    NotAnImageArchive,
    #[error("archive lacks {0:?}")]
    Missing(String),
    #[error("{name:?} is larger than the {MAX_DOCUMENT} bytes a document may have")]
    DocumentTooLarge { name: String },
    #[error("{name:?} has the digest {found}")]
    WrongDigest { name: String, found: Digest },
    #[error("{name:?} is invalid: {source}")]
    Json {
        name: &'static str,
        source: serde_json::Error,
    },
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error("archive names an image {name:?}: {source}")]
    Reference {
        name: String,
        source: ReferenceError,
    },
}

/// An indexed archive.
pub struct Archive {
    file: Arc<File>,
    members: HashMap<String, Member>,
    /// Whether it has the mark that ends an archive.
    ended: bool,
    shutdown: Shutdown,
}

#[derive(Clone)]
enum Member {
    /// Where its bytes lie in the file.
    Data { start: u64, size: u64 },
    /// Old `docker save` writes a layer once and links to it.
    Link(String),
}

/// An image in an archive, its layers still packed.
#[derive(Clone, Debug)]
pub struct Packed {
    /// The configuration document; its digest is the image's id.
    pub config: Vec<u8>,
    /// Bottom first.
    pub layers: Vec<PackedLayer>,
    /// Names with tags.
    pub tags: Vec<Reference>,
    /// Names with digests.
    pub digests: Vec<Reference>,
    /// The manifest document, where the archive has one.
    pub manifest: Option<Vec<u8>>,
}

/// A layer in an archive.
#[derive(Clone, Debug)]
pub struct PackedLayer {
    /// The member's name.
    pub member: String,
    /// Digest and size of the member, where a manifest says them.
    pub expected: Option<(Digest, u64)>,
}

impl Archive {
    /// Indexes an archive, plain or compressed. A compressed one is unpacked into an unnamed
    /// file in `spool`, of at most `limit` bytes.
    ///
    /// # Errors
    /// [`ArchiveError`], also when a shutdown begins meanwhile.
    pub fn open(
        mut file: File,
        spool: &Path,
        limit: u64,
        shutdown: &Shutdown,
    ) -> Result<Self, ArchiveError> {
        let mut head = Vec::with_capacity(8);
        file.by_ref().take(8).read_to_end(&mut head)?;
        file.seek(SeekFrom::Start(0))?;
        if Compression::of(&head)? == Compression::None {
            Self::index(file, shutdown)
        } else {
            Self::spool(file, spool, limit, shutdown)
        }
    }

    /// Reads a whole stream, plain or compressed, into an unnamed file in `spool` and indexes it.
    ///
    /// # Errors
    /// [`ArchiveError`].
    pub fn spool(
        stream: impl Read,
        spool: &Path,
        limit: u64,
        shutdown: &Shutdown,
    ) -> Result<Self, ArchiveError> {
        let mut file = unnamed_file(spool)?;
        let mut decoder = Decoder::new(Stoppable {
            inner: stream,
            shutdown: shutdown.clone(),
        })?;
        let copied = io::copy(&mut decoder.by_ref().take(limit + 1), &mut file)?;
        if copied > limit {
            return Err(ArchiveError::TooLarge(limit));
        }
        file.seek(SeekFrom::Start(0))?;
        Self::index(file, shutdown)
    }

    fn index(file: File, shutdown: &Shutdown) -> Result<Self, ArchiveError> {
        let length = file.metadata()?.len();
        let mut reader = Reader::new(Seekable(BufReader::new(file)));
        let mut members = HashMap::new();
        while let Some(entry) = reader.next_entry()? {
            let name = member_name(&entry.name);
            let member = match entry.kind {
                Kind::File => Member::Data {
                    start: reader.offset(),
                    size: entry.size,
                },
                Kind::Symlink => Member::Link(link_target(&name, &entry.link)),
                Kind::HardLink => Member::Link(member_name(&entry.link)),
                _ => continue,
            };
            if matches!(member, Member::Data { start, size } if start + size > length) {
                return Err(ArchiveError::Cut(name));
            }
            members.insert(name, member);
            if members.len() > MAX_MEMBERS {
                return Err(ArchiveError::TooManyMembers);
            }
        }
        let ended = reader.has_ended();
        let file = Arc::new(reader.into_inner().0.into_inner());
        Ok(Self {
            file,
            members,
            ended,
            shutdown: shutdown.clone(),
        })
    }

    /// The images it holds, in its order.
    ///
    /// # Errors
    /// [`ArchiveError`].
    pub fn images(&self) -> Result<Vec<Packed>, ArchiveError> {
        // Docker since version 25 writes both; the OCI one has digests to check against.
        if self.members.contains_key("index.json") && self.members.contains_key("oci-layout") {
            oci::images(self)
        } else if self.members.contains_key("manifest.json") {
            docker::images(self)
        } else if self.members.contains_key("index.json") {
            oci::images(self)
        } else if self.ended {
            Err(ArchiveError::NotAnImageArchive)
        } else {
            Err(ArchiveError::Unfinished)
        }
    }

    /// The bytes of a member.
    ///
    /// # Errors
    /// [`ArchiveError::Missing`].
    pub fn member(&self, name: &str) -> Result<Stoppable<Section>, ArchiveError> {
        let inner = self.section(name)?;
        Ok(Stoppable {
            inner,
            shutdown: self.shutdown.clone(),
        })
    }

    fn section(&self, name: &str) -> Result<Section, ArchiveError> {
        let mut current = member_name(name.as_bytes());
        // A chain of links longer than the archive has members would be a ring.
        for _ in 0..8 {
            match self.members.get(&current) {
                Some(Member::Data { start, size }) => {
                    return Ok(Section {
                        file: self.file.clone(),
                        at: *start,
                        left: *size,
                    });
                }
                Some(Member::Link(target)) => current.clone_from(target),
                None => break,
            }
        }
        Err(ArchiveError::Missing(name.to_owned()))
    }

    /// A member small enough to be a document.
    fn document(&self, name: &str) -> Result<Vec<u8>, ArchiveError> {
        let mut section = self.section(name)?;
        if section.left > MAX_DOCUMENT {
            return Err(ArchiveError::DocumentTooLarge {
                name: name.to_owned(),
            });
        }
        let mut bytes = Vec::new();
        section.read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

/// One member's bytes, read without moving the file's position.
pub struct Section {
    file: Arc<File>,
    at: u64,
    left: u64,
}

impl Read for Section {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let wanted = usize::try_from(self.left)
            .unwrap_or(usize::MAX)
            .min(buffer.len());
        let read = self.file.read_at(&mut buffer[..wanted], self.at)?;
        if read == 0 && wanted > 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.at += read as u64;
        self.left -= read as u64;
        Ok(read)
    }
}

/// Ends with an error once a shutdown has begun.
pub struct Stoppable<R> {
    inner: R,
    shutdown: Shutdown,
}

impl<R: Read> Read for Stoppable<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.shutdown.is_stopping() {
            return Err(io::Error::other(
                "broken off, because the program is stopping",
            ));
        }
        self.inner.read(buffer)
    }
}

struct Seekable(BufReader<File>);

impl Read for Seekable {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Skip for Seekable {
    /// May seek past the end; the next header then is not there, and [`Archive::index`] compares
    /// each member with the file's length.
    fn skip(&mut self, count: u64) -> io::Result<()> {
        self.0
            .seek_relative(i64::try_from(count).map_err(io::Error::other)?)
    }
}

/// A file without a name: it is gone when closed, also after a crash.
fn unnamed_file(directory: &Path) -> io::Result<File> {
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    Ok(rustix::fs::open(directory, flags, Mode::RUSR | Mode::WUSR)?.into())
}

fn member_name(name: &[u8]) -> String {
    String::from_utf8_lossy(&crate::layer::components(name).join(&b'/')).into_owned()
}

fn link_target(name: &str, link: &[u8]) -> String {
    let directory = name.rsplit_once('/').map_or("", |(directory, _)| directory);
    member_name(&[directory.as_bytes(), b"/", link].concat())
}

#[cfg(test)]
mod tests;
