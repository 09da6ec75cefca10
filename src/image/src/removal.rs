//! Removing trees that someone else filled: iterative and confined, however deep they are.
//!
//! A hostile image or container can nest directories deeper than a stack or the table of open
//! files reaches. So nothing is walked: a directory that is not empty is moved up, next to the
//! one being emptied, and waits there for its turn.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, Dir, DirEntry, FileType, Mode, OFlags};
use rustix::io::Errno;

/// Removes `name` in `parent`, whatever it is. Symlinks are removed, never followed. An absent
/// one is a success. `scratch` is a directory on the same file system that nobody else uses; it
/// is empty after a success.
///
/// # Errors
/// The first I/O error; what could be removed before it is gone.
pub fn remove_at(parent: BorrowedFd<'_>, name: &[u8], scratch: BorrowedFd<'_>) -> io::Result<()> {
    match rustix::fs::unlinkat(parent, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => return Ok(()),
        Err(Errno::ISDIR) => {}
        Err(error) => return Err(error.into()),
    }
    if !remove_directory(parent, name)? {
        move_to(scratch, parent, name)?;
        empty(scratch)?;
    }
    Ok(())
}

/// Moves the tree `path` into the directory `trash` and removes it there: gone under its name at
/// once, whatever interrupts the rest. An absent one is a success.
///
/// # Errors
/// The first I/O error.
pub fn remove_tree(path: &Path, trash: &Path) -> io::Result<()> {
    let own = trash.join(format!("r-{}", base::random::name_suffix(16)));
    std::fs::create_dir(&own)?;
    match std::fs::rename(path, own.join("0")) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        moved => moved?,
    }
    empty_directory(&own)?;
    std::fs::remove_dir(&own)
}

/// Removes everything below the directory `path`, which stays.
///
/// # Errors
/// The first I/O error; what could be removed before it is gone.
pub fn empty_directory(path: &Path) -> io::Result<()> {
    let directory = rustix::fs::open(path, READ, Mode::empty())?;
    empty(directory.as_fd())
}

const READ: OFlags = OFlags::DIRECTORY
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC)
    .union(OFlags::NONBLOCK);

/// Goes over `scratch`, which grows meanwhile, until a pass finds nothing.
fn empty(scratch: BorrowedFd<'_>) -> io::Result<()> {
    let mut found = true;
    while std::mem::take(&mut found) {
        for_each(scratch, |name, is_directory| {
            found = true;
            if is_directory {
                let directory = rustix::fs::openat(scratch, name, READ, Mode::empty())?;
                flatten(&directory, scratch)?;
                // What one reading of the directory missed is left for the next pass.
                remove_directory(scratch, name)?;
            } else {
                rustix::fs::unlinkat(scratch, name, AtFlags::empty())?;
            }
            Ok(())
        })?;
    }
    Ok(())
}

/// Empties one directory: files are removed, directories that are not empty move to `scratch`.
fn flatten(directory: &OwnedFd, scratch: BorrowedFd<'_>) -> io::Result<()> {
    for_each(directory.as_fd(), |name, is_directory| {
        if !is_directory {
            return Ok(rustix::fs::unlinkat(directory, name, AtFlags::empty())?);
        }
        if !remove_directory(directory.as_fd(), name)? {
            move_to(scratch, directory.as_fd(), name)?;
        }
        Ok(())
    })
}

/// False when the directory is not empty.
fn remove_directory(parent: BorrowedFd<'_>, name: &[u8]) -> io::Result<bool> {
    match rustix::fs::unlinkat(parent, name, AtFlags::REMOVEDIR) {
        Ok(()) | Err(Errno::NOENT) => Ok(true),
        Err(Errno::NOTEMPTY | Errno::EXIST) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// A random name, because a run that was killed may have left any other.
fn move_to(scratch: BorrowedFd<'_>, parent: BorrowedFd<'_>, name: &[u8]) -> io::Result<()> {
    let free = format!("m-{}", base::random::name_suffix(16));
    Ok(rustix::fs::renameat(
        parent,
        name,
        scratch,
        free.as_bytes(),
    )?)
}

/// Calls `visit` with each name in a directory and whether it is a directory. One name at a time:
/// a directory may hold millions.
fn for_each(
    directory: BorrowedFd<'_>,
    mut visit: impl FnMut(&[u8], bool) -> io::Result<()>,
) -> io::Result<()> {
    for entry in Dir::read_from(directory)? {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if !matches!(name, b"." | b"..") {
            visit(name, is_directory(directory, &entry)?)?;
        }
    }
    Ok(())
}

fn is_directory(parent: BorrowedFd<'_>, entry: &DirEntry) -> io::Result<bool> {
    let kind = match entry.file_type() {
        FileType::Unknown => {
            let nofollow = AtFlags::SYMLINK_NOFOLLOW;
            let stat = rustix::fs::statat(parent, entry.file_name(), nofollow)?;
            FileType::from_raw_mode(stat.st_mode)
        }
        kind => kind,
    };
    Ok(kind == FileType::Directory)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::testing::TestDir;

    #[test]
    fn removes_a_tree_deeper_than_a_path_or_a_stack() {
        let home = TestDir::new();
        let trash = home.path().join("trash");
        fs::create_dir(&trash).expect("fresh");
        let top = home.path().join("top");
        fs::create_dir(&top).expect("fresh");
        let mut directory = rustix::fs::open(&top, READ, Mode::empty()).expect("there");
        for _ in 0..5_000 {
            rustix::fs::mkdirat(&directory, c"d", Mode::RWXU).expect("made");
            rustix::fs::symlinkat("/etc", &directory, c"link").expect("made");
            directory = rustix::fs::openat(&directory, c"d", READ, Mode::empty()).expect("entered");
        }
        remove_tree(&top, &trash).expect("removed");
        remove_tree(&top, &trash).expect("an absent one is a success");
        assert_eq!(fs::read_dir(&trash).expect("there").count(), 0);
        assert!(!top.exists());
        assert!(Path::new("/etc").exists());
    }
}
