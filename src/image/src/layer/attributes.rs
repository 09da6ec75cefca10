//! Owner, mode, extended attributes and time of what an entry made.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use rustix::fs::{AtFlags, FileType, Gid, Mode, Stat, Timespec, Timestamps, Uid, XattrFlags};
use rustix::io::Errno;
use tracing::debug;

use crate::tarball::{Entry, Time};

/// Overlayfs' own attributes, which a layer must not bring along, and which are not inherited.
const OVERLAY: &[u8] = b"trusted.";
const USER_OVERLAY: &[u8] = b"user.overlay.";

/// Owner, then mode (chown clears setuid), then attributes (chown clears file capabilities), then
/// time. For files and directories, which can be held open.
pub fn apply(file: BorrowedFd<'_>, entry: &Entry) -> io::Result<()> {
    rustix::fs::fchown(file, Some(uid(entry.uid)), Some(gid(entry.gid)))?;
    rustix::fs::fchmod(file, Mode::from_raw_mode(entry.mode))?;
    for (name, value) in allowed(&entry.xattrs) {
        tolerate(
            name,
            rustix::fs::fsetxattr(file, name, value, XattrFlags::empty()),
        )?;
    }
    Ok(rustix::fs::futimens(file, &times(entry.mtime))?)
}

/// The same for what opening would follow, block on or act upon: symlinks, devices, pipes. The
/// caller has just made `name` in `parent`.
pub fn apply_at(parent: BorrowedFd<'_>, name: &[u8], entry: &Entry) -> io::Result<()> {
    let nofollow = AtFlags::SYMLINK_NOFOLLOW;
    rustix::fs::chownat(
        parent,
        name,
        Some(uid(entry.uid)),
        Some(gid(entry.gid)),
        nofollow,
    )?;
    let made = rustix::fs::statat(parent, name, nofollow)?;
    if FileType::from_raw_mode(made.st_mode) != FileType::Symlink {
        rustix::fs::chmodat(
            parent,
            name,
            Mode::from_raw_mode(entry.mode),
            AtFlags::empty(),
        )?;
    }
    // There is no setxattrat before Linux 6.13; the last component is not followed.
    let path = [
        format!("/proc/self/fd/{}/", parent.as_raw_fd()).as_bytes(),
        name,
    ]
    .concat();
    for (key, value) in allowed(&entry.xattrs) {
        let set = rustix::fs::lsetxattr(path.as_slice(), key, value, XattrFlags::empty());
        tolerate(key, set)?;
    }
    Ok(rustix::fs::utimensat(
        parent,
        name,
        &times(entry.mtime),
        nofollow,
    )?)
}

/// Gives a directory the attributes of the same directory in a layer below.
pub fn inherit(directory: BorrowedFd<'_>, from: BorrowedFd<'_>) -> io::Result<()> {
    let stat = rustix::fs::fstat(from)?;
    rustix::fs::fchown(directory, Some(uid(stat.st_uid)), Some(gid(stat.st_gid)))?;
    rustix::fs::fchmod(directory, Mode::from_raw_mode(stat.st_mode & 0o7777))?;
    let xattrs = read_xattrs(from)?;
    for (name, value) in allowed(&xattrs) {
        tolerate(
            name,
            rustix::fs::fsetxattr(directory, name, value, XattrFlags::empty()),
        )?;
    }
    Ok(())
}

/// The modification time of something that exists.
pub fn mtime(stat: &Stat) -> Time {
    Time {
        seconds: stat.st_mtime,
        nanoseconds: u32::try_from(stat.st_mtime_nsec).unwrap_or_default(),
    }
}

pub fn set_mtime(directory: BorrowedFd<'_>, time: Time) -> io::Result<()> {
    Ok(rustix::fs::futimens(directory, &times(time))?)
}

pub fn uid(id: u32) -> Uid {
    Uid::from_raw(id)
}

pub fn gid(id: u32) -> Gid {
    Gid::from_raw(id)
}

fn allowed(xattrs: &[(Vec<u8>, Vec<u8>)]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let fits = |name: &[u8]| !name.starts_with(OVERLAY) && !name.starts_with(USER_OVERLAY);
    xattrs
        .iter()
        .map(|(name, value)| (&name[..], &value[..]))
        .filter(move |(name, _)| fits(name))
}

/// An attribute the file system or the security module does not take is left out, as containerd
/// does; without its capabilities a program would fail in ways hard to understand, so those must
/// hold.
fn tolerate(name: &[u8], set: Result<(), Errno>) -> io::Result<()> {
    match set {
        Err(error @ (Errno::NOTSUP | Errno::PERM)) if name != b"security.capability" => {
            debug!(name = %String::from_utf8_lossy(name), %error, "left out an attribute");
            Ok(())
        }
        set => Ok(set?),
    }
}

fn read_xattrs(file: BorrowedFd<'_>) -> io::Result<Vec<(Vec<u8>, Vec<u8>)>> {
    let names = match read_sized(|buffer| rustix::fs::flistxattr(file, buffer)) {
        Err(Errno::NOTSUP) => return Ok(Vec::new()),
        names => names?,
    };
    let names = names
        .split(|byte| *byte == 0)
        .filter(|name| !name.is_empty());
    names
        .map(|name| {
            let text = CString::new(name).expect("split at NUL");
            let value = read_sized(|buffer| rustix::fs::fgetxattr(file, text.as_c_str(), buffer))?;
            Ok((name.to_vec(), value))
        })
        .collect()
}

/// Attribute lists and values are at most 64 KiB (`XATTR_LIST_MAX`, `XATTR_SIZE_MAX`).
fn read_sized(read: impl FnOnce(&mut [u8]) -> Result<usize, Errno>) -> Result<Vec<u8>, Errno> {
    let mut buffer = vec![0; 64 * 1024];
    let length = read(&mut buffer)?;
    buffer.truncate(length);
    Ok(buffer)
}

fn times(time: Time) -> Timestamps {
    let moment = Timespec {
        tv_sec: time.seconds,
        tv_nsec: time.nanoseconds.into(),
    };
    Timestamps {
        last_access: moment,
        last_modification: moment,
    }
}

/// Marks a directory as hiding the directory of the same name below.
pub fn set_opaque(directory: impl AsFd) -> io::Result<()> {
    let set = XattrFlags::empty();
    Ok(rustix::fs::fsetxattr(
        directory,
        c"trusted.overlay.opaque",
        b"y",
        set,
    )?)
}
