//! What images and containers take on disk.

use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags};

use super::{ImageStore, Result, StoreError};

/// The image file system.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FsUsage {
    /// The store's root.
    pub mountpoint: PathBuf,
    /// What unpacked layers take, each counted once.
    pub used: Usage,
    pub capacity_bytes: u64,
    pub available_bytes: u64,
    pub inodes: u64,
    pub inodes_free: u64,
}

/// Space taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    pub bytes: u64,
    pub inodes: u64,
}

/// Directories nested deeper than this are not counted: each level holds a descriptor open.
const MAX_DEPTH: usize = 256;

impl ImageStore {
    /// What images take, and what their file system has.
    ///
    /// # Errors
    /// I/O.
    pub fn fs_usage(&self) -> Result<FsUsage> {
        let system = rustix::fs::statvfs(&self.root)
            .map_err(|error| StoreError::io("stat", &self.root)(error.into()))?;
        let index = self.index();
        Ok(FsUsage {
            mountpoint: self.root.clone(),
            used: Usage {
                bytes: index.layers.values().map(|layer| layer.bytes).sum(),
                inodes: index.layers.values().map(|layer| layer.inodes).sum(),
            },
            capacity_bytes: system.f_blocks.saturating_mul(system.f_frsize),
            available_bytes: system.f_bavail.saturating_mul(system.f_frsize),
            inodes: system.f_files,
            inodes_free: system.f_ffree,
        })
    }

    /// What a container wrote. Walks its directory; files that vanish meanwhile are not counted.
    ///
    /// # Errors
    /// [`StoreError::ContainerId`], [`StoreError::NotFound`], I/O.
    pub fn snapshot_usage(&self, container_id: &str) -> Result<Usage> {
        let path = self.snapshot(container_id)?.join("u");
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match rustix::fs::open(&path, flags, Mode::empty()) {
            Ok(top) => measure(top).map_err(|e| StoreError::io("measure", &path)(e.into())),
            Err(rustix::io::Errno::NOENT) => Err(StoreError::NotFound(container_id.to_owned())),
            Err(error) => Err(StoreError::io("open", &path)(error.into())),
        }
    }
}

fn measure(top: OwnedFd) -> rustix::io::Result<Usage> {
    let mut usage = Usage {
        bytes: 0,
        inodes: 1,
    };
    let mut open = vec![(Dir::read_from(&top)?, top)];
    while let Some((entries, directory)) = open.last_mut() {
        let Some(entry) = entries.next() else {
            open.pop();
            continue;
        };
        let entry = entry?;
        if matches!(entry.file_name().to_bytes(), b"." | b"..") {
            continue;
        }
        let nofollow = AtFlags::SYMLINK_NOFOLLOW;
        // Gone since it was listed.
        let Ok(stat) = rustix::fs::statat(&*directory, entry.file_name(), nofollow) else {
            continue;
        };
        usage.inodes += 1;
        usage.bytes += u64::try_from(stat.st_blocks).unwrap_or_default() * 512;
        if FileType::from_raw_mode(stat.st_mode) == FileType::Directory {
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let child =
                rustix::fs::openat(directory.as_fd(), entry.file_name(), flags, Mode::empty());
            if let Ok(child) = child
                && open.len() < MAX_DEPTH
            {
                open.push((Dir::read_from(&child)?, child));
            }
        }
    }
    Ok(usage)
}
