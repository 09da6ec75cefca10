//! A container's root file system: read-only layers under a writable directory, as overlayfs
//! mounts them.

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags};
use rustix::io::Errno;
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MountFlags, MoveMountFlags, fsconfig_create,
    fsconfig_set_string, fsmount, fsopen, move_mount,
};

/// The directories of one container, all below the store's root and absolute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overlay {
    /// Read-only layers, top first; never empty.
    pub lower: Vec<PathBuf>,
    /// Takes what the container writes.
    pub upper: PathBuf,
    /// Overlayfs' own, on the same file system as `upper`.
    pub work: PathBuf,
}

impl Overlay {
    /// Mounts the file system at the existing directory `target`.
    ///
    /// # Errors
    /// The kernel's; `EBUSY` or `ELOOP` when `upper` is mounted elsewhere.
    pub fn mount(&self, target: &Path) -> io::Result<()> {
        match self.detached() {
            Ok(mount) => {
                let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH;
                Ok(move_mount(&mount, c"", CWD, target, flags)?)
            }
            Err(error) if is_unsupported(&error) => self.mount_by_options(target),
            Err(error) => Err(error),
        }
    }

    /// A mount that is attached nowhere: it is gone when the descriptor is closed. Needs Linux
    /// 6.5, where a layer can be handed over at a time.
    ///
    /// # Errors
    /// The kernel's.
    pub fn detached(&self) -> io::Result<OwnedFd> {
        let context = fsopen(c"overlay", FsOpenFlags::FSOPEN_CLOEXEC)?;
        fsconfig_set_string(&context, c"source", c"overlay")?;
        for layer in &self.lower {
            set_directory(&context, c"lowerdir+", layer)?;
        }
        set_directory(&context, c"upperdir", &self.upper)?;
        set_directory(&context, c"workdir", &self.work)?;
        // Without it, an upper directory whose former mount lingers cannot be mounted again.
        fsconfig_set_string(&context, c"index", c"off")?;
        fsconfig_create(&context)?;
        Ok(fsmount(
            &context,
            FsMountFlags::FSMOUNT_CLOEXEC,
            MountAttrFlags::empty(),
        )?)
    }

    /// For older kernels. All options together must fit a page, so each directory is named by a
    /// descriptor: 127 layers of `/proc/self/fd/NNN:` do, whatever the store's path is. It also
    /// spares escaping colons and commas.
    fn mount_by_options(&self, target: &Path) -> io::Result<()> {
        let lower = self
            .lower
            .iter()
            .map(|path| open(path))
            .collect::<io::Result<Vec<_>>>()?;
        let (upper, work) = (open(&self.upper)?, open(&self.work)?);
        let layers: Vec<String> = lower
            .iter()
            .map(|layer| by_descriptor(layer.as_fd()))
            .collect();
        let options = format!(
            "index=off,lowerdir={},upperdir={},workdir={}\0",
            layers.join(":"),
            by_descriptor(upper.as_fd()),
            by_descriptor(work.as_fd()),
        );
        let options = CStr::from_bytes_with_nul(options.as_bytes())
            .expect("digits and slashes before one NUL");
        let flags = MountFlags::empty();
        Ok(rustix::mount::mount(
            c"overlay",
            target,
            c"overlay",
            flags,
            Some(options),
        )?)
    }
}

/// A parameter is at most 255 bytes long; a longer path is named by a descriptor.
fn set_directory(context: &OwnedFd, key: &CStr, path: &Path) -> io::Result<()> {
    if path.as_os_str().len() < 256 {
        return Ok(fsconfig_set_string(context, key, path)?);
    }
    let directory = open(path)?;
    Ok(fsconfig_set_string(
        context,
        key,
        by_descriptor(directory.as_fd()),
    )?)
}

fn open(path: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok(rustix::fs::open(path, flags, Mode::empty())?)
}

fn by_descriptor(directory: BorrowedFd<'_>) -> String {
    format!("/proc/self/fd/{}", directory.as_raw_fd())
}

/// No new mount calls (before 5.2, or refused by a seccomp filter), or no `lowerdir+`.
fn is_unsupported(error: &io::Error) -> bool {
    matches!(
        Errno::from_io_error(error),
        Some(Errno::NOSYS | Errno::INVAL)
    )
}

#[cfg(test)]
mod tests;
