//! The working directory, which images and Pods may name without having it.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Component, Path};

use rustix::fs::{Gid, Mode, OFlags, Uid};
use rustix::io::Errno;

use super::user::open_inside;

/// Makes `directory` inside the root file system `root`, owned by the given user where it is
/// new. Links are followed as the container would follow them, never out of the root.
///
/// # Errors
/// The underlying I/O error; `NotADirectory` when something else is in the way.
pub fn ensure_directory(root: &Path, directory: &Path, uid: u32, gid: u32) -> io::Result<()> {
    let root: OwnedFd = File::open(root)?.into();
    let mut path = String::from(".");
    for part in directory.components() {
        let name = match part {
            Component::Normal(name) => name.to_str(),
            Component::ParentDir => Some(".."),
            _ => continue,
        };
        let name = name.ok_or_else(|| io::Error::other("the working directory is not UTF-8"))?;
        let parent = open_inside(&root, &path, OFlags::PATH | OFlags::DIRECTORY)?;
        path.push('/');
        path.push_str(name);
        match open_inside(&root, &path, OFlags::PATH | OFlags::DIRECTORY) {
            Err(Errno::NOENT) => {
                rustix::fs::mkdirat(&parent, name, Mode::from_raw_mode(0o755))?;
                let flags = rustix::fs::AtFlags::SYMLINK_NOFOLLOW;
                let (uid, gid) = (Uid::from_raw(uid), Gid::from_raw(gid));
                rustix::fs::chownat(&parent, name, Some(uid), Some(gid), flags)?;
            }
            other => drop(other?),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::{MetadataExt, symlink};

    #[test]
    fn links_stay_inside_the_root() {
        let root = std::env::temp_dir().join(format!("workdir-{}", base::random::uuid()));
        fs::create_dir_all(root.join("srv")).expect("fresh directory");
        symlink("/srv", root.join("link")).expect("linked");
        symlink("../../../../../srv", root.join("up")).expect("linked");
        ensure_directory(&root, Path::new("/link/a"), 7, 8).expect("made");
        ensure_directory(&root, Path::new("up/b/../c"), 0, 0).expect("made");
        assert_eq!(fs::metadata(root.join("srv/a")).expect("there").uid(), 7);
        assert!(root.join("srv/b").is_dir() && root.join("srv/c").is_dir());
        fs::remove_dir_all(root).expect("removable");
    }
}
