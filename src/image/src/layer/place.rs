//! Puts entries into the layer's directory, one after the other.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::rc::Rc;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat};

use super::root::{self, Root};
use super::{Budget, Failure, Site, Unpacked, attributes, whiteout};
use crate::removal;
use crate::tarball::{Entry, Kind, TarError, Time};

/// Unit of disk usage.
const BLOCK: u64 = 4096;
/// Data is copied in pieces of this size.
const PIECE: usize = 128 * 1024;

/// The state of one unpacking.
pub struct Placer<'b> {
    root: Root,
    lower: Vec<Root>,
    scratch: OwnedFd,
    budget: &'b mut Budget,
    used: Unpacked,
    /// Directories get their times last, because each entry made within changes them.
    times: Vec<(Vec<u8>, Time)>,
    /// The directory of the last entry; the next one is mostly in the same.
    last_parent: Option<(Vec<u8>, Rc<OwnedFd>)>,
    piece: Vec<u8>,
}

impl<'b> Placer<'b> {
    pub fn new(site: Site, budget: &'b mut Budget) -> Self {
        Self {
            root: Root::new(site.target),
            lower: site.lower.into_iter().map(Root::new).collect(),
            scratch: site.scratch,
            budget,
            used: Unpacked::default(),
            times: Vec::new(),
            last_parent: None,
            piece: vec![0; PIECE],
        }
    }

    /// Sets the times of directories.
    pub fn finish(self) -> io::Result<Unpacked> {
        for (path, time) in self.times.iter().rev() {
            let path = root::components(path);
            let Some((name, parents)) = path.split_last() else {
                continue;
            };
            // A later entry may have put something else there: then there is no time to set.
            let Ok(parent) = self.root.directory(parents) else {
                continue;
            };
            let Ok(directory) = root::enter(&parent, name) else {
                continue;
            };
            attributes::set_mtime(directory.as_fd(), *time)?;
        }
        Ok(self.used)
    }

    /// A regular file with its data.
    pub fn file(
        &mut self,
        parents: &[&[u8]],
        name: &[u8],
        entry: &Entry,
        data: &mut impl Read,
    ) -> Result<(), Failure> {
        let parent = self.parent(parents)?;
        self.clear(&parent, name)?;
        self.count(entry.size.next_multiple_of(BLOCK))?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&parent, name, flags, Mode::RUSR | Mode::WUSR)?;
        let mut file = File::from(file);
        loop {
            let read = data
                .read(&mut self.piece)
                .map_err(|error| Failure::Layer(TarError::Io(error).into()))?;
            if read == 0 {
                break;
            }
            self.budget.take_bytes(read as u64)?;
            file.write_all(&self.piece[..read])?;
        }
        Ok(attributes::apply(file.as_fd(), entry)?)
    }

    /// Anything without data, which a regular file is not.
    pub fn node(&mut self, parents: &[&[u8]], name: &[u8], entry: &Entry) -> Result<(), Failure> {
        let parent = self.parent(parents)?;
        let device = match entry.kind {
            Kind::Directory => return self.directory(&parent, parents, name, entry),
            Kind::HardLink => return self.hard_link(&parent, name, entry),
            Kind::File | Kind::Symlink => None,
            Kind::CharDevice => Some(FileType::CharacterDevice),
            Kind::BlockDevice => Some(FileType::BlockDevice),
            Kind::Fifo => Some(FileType::Fifo),
        };
        self.clear(&parent, name)?;
        self.count(0)?;
        match device {
            Some(kind) => {
                let number = rustix::fs::makedev(entry.device.0, entry.device.1);
                let mode = Mode::RUSR | Mode::WUSR;
                rustix::fs::mknodat(&parent, name, kind, mode, number)?;
            }
            None => rustix::fs::symlinkat(entry.link.as_slice(), &parent, name)?,
        }
        Ok(attributes::apply_at(parent.as_fd().as_fd(), name, entry)?)
    }

    /// A directory over a directory merges; over anything else it replaces.
    fn directory(
        &mut self,
        parent: &OwnedFd,
        parents: &[&[u8]],
        name: &[u8],
        entry: &Entry,
    ) -> Result<(), Failure> {
        let existing = root::look(parent, name)?;
        if !existing.as_ref().is_some_and(is_directory) {
            self.clear(parent, name)?;
            self.count(BLOCK)?;
            rustix::fs::mkdirat(parent, name, Mode::RWXU)?;
        }
        let directory = root::enter(parent, name)?;
        if existing.as_ref().is_some_and(whiteout::is_whiteout) {
            attributes::set_opaque(&directory)?;
        }
        attributes::apply(directory.as_fd(), entry)?;
        let path = [parents, &[name]].concat().join(&b'/');
        self.times.push((path, entry.mtime));
        Ok(())
    }

    /// The link's own attributes are those of its target.
    fn hard_link(&mut self, parent: &OwnedFd, name: &[u8], entry: &Entry) -> Result<(), Failure> {
        let path = root::components(&entry.link);
        let Some((target, target_parents)) = path.split_last() else {
            return Err(io::Error::other("hard link to the root").into());
        };
        let target_parent = self.root.directory(target_parents)?;
        let there = rustix::fs::statat(&target_parent, *target, AtFlags::SYMLINK_NOFOLLOW)?;
        let existing = root::look(parent, name)?;
        if existing.is_some_and(|e| (e.st_dev, e.st_ino) == (there.st_dev, there.st_ino)) {
            return Ok(());
        }
        self.clear(parent, name)?;
        self.budget.take_inode()?;
        Ok(rustix::fs::linkat(
            &target_parent,
            *target,
            parent,
            name,
            AtFlags::empty(),
        )?)
    }

    /// `.wh.` and `hidden`. Independent of whether the entry it could mean in this layer came
    /// before or comes after: a whiteout speaks of the layers below only.
    pub fn whiteout(&mut self, parents: &[&[u8]], hidden: &[u8]) -> Result<(), Failure> {
        if hidden == whiteout::OPAQUE {
            return self.opaque(parents);
        }
        if hidden.starts_with(whiteout::AUFS) {
            return Ok(());
        }
        if matches!(hidden, b"" | b"." | b"..") {
            return Err(io::Error::other("a whiteout of nothing").into());
        }
        let parent = self.parent(parents)?;
        // Overlayfs would list a whiteout in a directory that has no counterpart below.
        if !self.is_below(parent.as_fd().as_fd(), hidden) {
            return Ok(());
        }
        match root::look(&parent, hidden)? {
            None => {
                self.count(0)?;
                let kind = FileType::CharacterDevice;
                Ok(rustix::fs::mknodat(
                    &parent,
                    hidden,
                    kind,
                    Mode::empty(),
                    0,
                )?)
            }
            Some(stat) if is_directory(&stat) => {
                Ok(attributes::set_opaque(root::enter(&parent, hidden)?)?)
            }
            Some(_) => Ok(()),
        }
    }

    fn opaque(&mut self, parents: &[&[u8]]) -> Result<(), Failure> {
        if parents.is_empty() {
            self.used.opaque_root = true;
        } else if !self.lower.is_empty() {
            let directory = self.parent(parents)?;
            attributes::set_opaque(&directory)?;
        }
        Ok(())
    }

    /// Whether some layer below has `name` in the directory that `parent` is in this one.
    fn is_below(&self, parent: BorrowedFd<'_>, name: &[u8]) -> bool {
        if self.lower.is_empty() {
            return false;
        }
        // Where the path cannot be told, a whiteout too many does less harm than one too few.
        let Some(path) = self.root.path_of(parent) else {
            return true;
        };
        let path = root::components(&path);
        self.lower.iter().any(|layer| {
            let Ok(directory) = layer.plain_directory(&path) else {
                return false;
            };
            root::look(&directory, name).map_or(true, |found| found.is_some())
        })
    }

    /// The directory that `path` names, made with all its parents where it is missing.
    fn parent(&mut self, path: &[&[u8]]) -> Result<Rc<OwnedFd>, Failure> {
        let key = path.join(&b'/');
        if let Some((last, parent)) = &self.last_parent
            && *last == key
        {
            return Ok(parent.clone());
        }
        let parent = match self.root.directory(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.make_parents(path)?,
            opened => opened?,
        };
        let parent = Rc::new(parent);
        self.last_parent = Some((key, parent.clone()));
        Ok(parent)
    }

    fn make_parents(&mut self, path: &[&[u8]]) -> Result<OwnedFd, Failure> {
        let mut current = self.root.directory(&[])?;
        for depth in 1..=path.len() {
            let (prefix, name) = (&path[..depth], path[depth - 1]);
            current = match self.root.directory(prefix) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    self.make_parent(&current, prefix, name)?
                }
                opened => opened?,
            };
        }
        Ok(current)
    }

    fn make_parent(
        &mut self,
        parent: &OwnedFd,
        path: &[&[u8]],
        name: &[u8],
    ) -> Result<OwnedFd, Failure> {
        if root::look(parent, name)?.is_some() {
            return Err(io::Error::other("a parent is a symbolic link to nowhere").into());
        }
        self.count(BLOCK)?;
        rustix::fs::mkdirat(parent, name, Mode::RWXU)?;
        let made = root::enter(parent, name)?;
        match self
            .lower
            .iter()
            .find_map(|layer| layer.plain_directory(path).ok())
        {
            Some(below) => {
                attributes::inherit(made.as_fd(), below.as_fd())?;
                let time = attributes::mtime(&rustix::fs::fstat(&below)?);
                self.times.push((path.join(&b'/'), time));
            }
            None => rustix::fs::fchmod(&made, Mode::from_raw_mode(0o755))?,
        }
        Ok(made)
    }

    /// Takes away what stands where an entry goes.
    fn clear(&mut self, parent: &OwnedFd, name: &[u8]) -> io::Result<()> {
        if root::look(parent, name)?.is_none() {
            return Ok(());
        }
        // It may be the directory that is remembered, or one of its parents.
        self.last_parent = None;
        removal::remove_at(parent.as_fd(), name, self.scratch.as_fd())
    }

    fn count(&mut self, bytes: u64) -> Result<(), Failure> {
        self.budget.take_inode()?;
        self.used.inodes += 1;
        self.used.bytes += bytes;
        Ok(())
    }
}

fn is_directory(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::Directory
}
