//! The content of one layer, collected in an unnamed file.

use std::collections::HashMap;
use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use tar::{EntryType, Header};

use super::unnamed_file;

/// A layer to be written: entries in the order they are added. Everything added by hand belongs
/// to root and is dated 1970.
pub struct Layer {
    tar: tar::Builder<File>,
}

impl Layer {
    /// An empty layer.
    ///
    /// # Errors
    /// When the temporary directory takes no file.
    pub fn new() -> io::Result<Self> {
        let mut tar = tar::Builder::new(unnamed_file(&std::env::temp_dir())?);
        tar.follow_symlinks(false);
        Ok(Self { tar })
    }

    /// A regular file.
    ///
    /// # Errors
    /// The temporary file's.
    pub fn file(mut self, path: &str, mode: u32, content: &[u8]) -> io::Result<Self> {
        let mut header = header(EntryType::Regular, mode);
        header.set_size(content.len() as u64);
        self.tar.append_data(&mut header, path, content)?;
        Ok(self)
    }

    /// A regular file with the content of one on this machine.
    ///
    /// # Errors
    /// Those of reading it, or of the temporary file.
    pub fn copy(mut self, path: &str, mode: u32, from: &Path) -> io::Result<Self> {
        let file = File::open(from)?;
        let mut header = header(EntryType::Regular, mode);
        header.set_size(file.metadata()?.len());
        self.tar.append_data(&mut header, path, file)?;
        Ok(self)
    }

    /// A directory; missing parents need none of their own.
    ///
    /// # Errors
    /// The temporary file's.
    pub fn directory(mut self, path: &str, mode: u32) -> io::Result<Self> {
        let mut header = header(EntryType::Directory, mode);
        self.tar.append_data(&mut header, path, io::empty())?;
        Ok(self)
    }

    /// A symbolic link.
    ///
    /// # Errors
    /// The temporary file's.
    pub fn symlink(mut self, path: &str, target: &str) -> io::Result<Self> {
        let mut header = header(EntryType::Symlink, 0o777);
        self.tar.append_link(&mut header, path, target)?;
        Ok(self)
    }

    /// A second name of an earlier file.
    ///
    /// # Errors
    /// The temporary file's.
    pub fn hard_link(mut self, path: &str, target: &str) -> io::Result<Self> {
        let mut header = header(EntryType::Link, 0o644);
        self.tar.append_link(&mut header, path, target)?;
        Ok(self)
    }

    /// An entry whose header is the caller's, for what the other methods do not make. Name and
    /// checksum are filled in.
    ///
    /// # Errors
    /// The temporary file's.
    pub fn entry(mut self, header: &Header, path: &str, data: &[u8]) -> io::Result<Self> {
        self.tar.append_data(&mut header.clone(), path, data)?;
        Ok(self)
    }

    /// PAX records for the next entry.
    ///
    /// # Errors
    /// The temporary file's.
    pub fn pax(mut self, records: &[(&str, &[u8])]) -> io::Result<Self> {
        self.tar.append_pax_extensions(records.iter().copied())?;
        Ok(self)
    }

    /// Everything below a directory, sorted by name, with owners, modes, times, hard links and
    /// devices. Sockets are left out.
    ///
    /// # Errors
    /// Those of reading the tree, or of the temporary file.
    pub fn tree(mut self, root: &Path) -> io::Result<Self> {
        let mut first_names = HashMap::new();
        let mut pending = children(root, Path::new(""))?;
        while let Some(path) = pending.pop() {
            let metadata = fs::symlink_metadata(root.join(&path))?;
            if metadata.is_dir() {
                pending.extend(children(root, &path)?);
            }
            self.tree_entry(root, &path, &metadata, &mut first_names)?;
        }
        Ok(self)
    }

    fn tree_entry(
        &mut self,
        root: &Path,
        path: &Path,
        metadata: &Metadata,
        first_names: &mut HashMap<(u64, u64), PathBuf>,
    ) -> io::Result<()> {
        let mut header = Header::new_gnu();
        header.set_metadata(metadata);
        header.set_size(0);
        let kind = metadata.file_type();
        if metadata.nlink() > 1 && !kind.is_dir() {
            let inode = (metadata.dev(), metadata.ino());
            if let Some(first) = first_names.get(&inode) {
                header.set_entry_type(EntryType::Link);
                return self.tar.append_link(&mut header, path, first);
            }
            first_names.insert(inode, path.to_owned());
        }
        if kind.is_symlink() {
            self.tar
                .append_link(&mut header, path, fs::read_link(root.join(path))?)
        } else if kind.is_file() {
            header.set_size(metadata.len());
            self.tar
                .append_data(&mut header, path, File::open(root.join(path))?)
        } else if kind.is_socket() {
            Ok(())
        } else {
            self.tar.append_data(&mut header, path, io::empty())
        }
    }

    /// The finished tar stream, its position at the end.
    pub(crate) fn finish(self) -> io::Result<File> {
        self.tar.into_inner()
    }
}

fn header(kind: EntryType, mode: u32) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(0);
    header
}

/// Names in a directory, last first, so that popping gives them in order.
fn children(root: &Path, directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(root.join(directory))? {
        names.push(directory.join(entry?.file_name()));
    }
    names.sort_by(|a, b| b.cmp(a));
    Ok(names)
}
