//! A directory that nothing leaves: every lookup is the kernel's, confined with openat2.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use rustix::fs::{AtFlags, Mode, OFlags, ResolveFlags, Stat};
use rustix::io::Errno;

/// Lookups race with renames anywhere on the machine when a symlink holds `..`; the kernel then
/// asks to try again.
const RETRIES: usize = 128;

/// The directory a layer is unpacked into, or one of the layers below it.
pub struct Root(OwnedFd);

/// The components of a path as tar and Go clean it: relative to the root, without `.`, each `..`
/// taking back the component before it. Empty for the root itself.
pub fn components(path: &[u8]) -> Vec<&[u8]> {
    let mut components = Vec::new();
    for component in path.split(|byte| *byte == b'/') {
        match component {
            b"" | b"." => {}
            b".." => {
                components.pop();
            }
            name => components.push(name),
        }
    }
    components
}

impl Root {
    pub fn new(directory: OwnedFd) -> Self {
        Self(directory)
    }

    /// The directory at `path`. Symlinks are followed as if this were `/`.
    pub fn directory(&self, path: &[&[u8]]) -> io::Result<OwnedFd> {
        self.open(path, ResolveFlags::IN_ROOT)
    }

    /// The directory at `path`, where no component is a symlink.
    pub fn plain_directory(&self, path: &[&[u8]]) -> io::Result<OwnedFd> {
        self.open(path, ResolveFlags::IN_ROOT | ResolveFlags::NO_SYMLINKS)
    }

    /// Where `directory` lies below this root, if it does.
    pub fn path_of(&self, directory: BorrowedFd<'_>) -> Option<Vec<u8>> {
        let path = |fd: BorrowedFd<'_>| {
            let link = format!("/proc/self/fd/{}", fd.as_raw_fd());
            rustix::fs::readlink(link, Vec::new())
                .ok()
                .map(CString::into_bytes)
        };
        let (root, path) = (path(self.0.as_fd())?, path(directory)?);
        let below = path.strip_prefix(root.as_slice())?;
        (below.is_empty() || below.starts_with(b"/")).then(|| below.to_vec())
    }

    fn open(&self, path: &[&[u8]], how: ResolveFlags) -> io::Result<OwnedFd> {
        let joined = if path.is_empty() {
            b".".to_vec()
        } else {
            path.join(&b'/')
        };
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let how = how | ResolveFlags::NO_MAGICLINKS | ResolveFlags::NO_XDEV;
        for _ in 0..RETRIES {
            match rustix::fs::openat2(&self.0, joined.as_slice(), flags, Mode::empty(), how) {
                Err(Errno::AGAIN | Errno::INTR) => {}
                opened => return Ok(opened?),
            }
        }
        Err(Errno::AGAIN.into())
    }
}

/// What `name` in `parent` is, a symlink itself included; `None` when there is nothing.
pub fn look(parent: impl AsFd, name: &[u8]) -> io::Result<Option<Stat>> {
    match rustix::fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => Ok(Some(stat)),
        Err(Errno::NOENT) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The directory `name` in `parent`; a symlink is refused.
pub fn enter(parent: impl AsFd, name: &[u8]) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(rustix::fs::openat(parent, name, flags, Mode::empty())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_cleaned_lexically() {
        for (path, expected) in [
            ("a/b/c", "a/b/c"),
            ("/a//./b/", "a/b"),
            ("../../etc/passwd", "etc/passwd"),
            ("a/../../b", "b"),
            ("./", ""),
            ("a/..", ""),
        ] {
            assert_eq!(
                components(path.as_bytes()).join(&b'/'),
                expected.as_bytes(),
                "{path}"
            );
        }
    }
}
