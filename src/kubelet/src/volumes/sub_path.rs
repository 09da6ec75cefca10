//! Parts of volumes. A container that shares the volume may swap a directory for a link at any
//! time, so the part is held by a descriptor from the moment it is found inside the volume, and
//! what is mounted is what the descriptor holds.

use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Component, Path, PathBuf};

use rustix::fs::{CWD, FileType, Mode, OFlags, ResolveFlags};
use rustix::mount::{UnmountFlags, mount_bind, unmount};

/// Directories that a pod asks for by naming them (upstream's mode).
const MODE: u32 = 0o750;

/// How often the kernel is asked again where to a path leads.
const TRIES: u32 = 128;

/// Mounts the part of `volume` that `sub_path` names at `place`, and gives `place`. What is
/// absent is made, as a directory. Links are followed only as far as they stay in the volume.
///
/// # Errors
/// The text ends the container's CreateContainerConfigError.
pub fn bind(volume: &Path, sub_path: &str, place: &Path) -> Result<(), String> {
    let relative = Path::new(sub_path);
    let below = |part: Component<'_>| matches!(part, Component::Normal(_) | Component::CurDir);
    if !relative.components().all(below) {
        return Err("it must be a relative path without '..'".to_owned());
    }
    let root = open(volume).map_err(|error| error.to_string())?;
    let part = find(&root, relative).map_err(|error| match error {
        rustix::io::Errno::XDEV | rustix::io::Errno::LOOP => {
            "a link in it leads out of the volume".to_owned()
        }
        other => other.to_string(),
    })?;
    mount(&part, place).map_err(|error| format!("cannot mount it: {error}"))
}

fn open(volume: &Path) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    rustix::fs::openat(CWD, volume, flags, Mode::empty())
}

/// A descriptor of what is there, beneath `root` all the way.
fn beneath(root: &OwnedFd, path: &Path) -> rustix::io::Result<OwnedFd> {
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    let mut tries = 0;
    loop {
        match rustix::fs::openat2(root, path, flags, Mode::empty(), resolve) {
            // Something was renamed while the kernel looked: it cannot tell, so it looks again;
            // not for ever, because a container may rename without pause.
            Err(rustix::io::Errno::AGAIN) if tries < TRIES => tries += 1,
            found => return found,
        }
    }
}

/// Opens the part, and makes the directories that are missing on the way.
fn find(root: &OwnedFd, relative: &Path) -> rustix::io::Result<OwnedFd> {
    let mut found = beneath(root, Path::new("."))?;
    let mut walked = PathBuf::new();
    for part in relative.components() {
        let Component::Normal(name) = part else {
            continue;
        };
        walked.push(name);
        found = match beneath(root, &walked) {
            Err(rustix::io::Errno::NOENT) => {
                make(&found, name)?;
                beneath(root, &walked)?
            }
            there => there?,
        };
    }
    Ok(found)
}

fn make(parent: &OwnedFd, name: &OsStr) -> rustix::io::Result<()> {
    match rustix::fs::mkdirat(parent, name, Mode::from_raw_mode(MODE)) {
        Err(rustix::io::Errno::EXIST) => Ok(()),
        made => made,
    }
}

fn mount(part: &OwnedFd, place: &Path) -> io::Result<()> {
    // An earlier start of the container may have mounted what was there then.
    match unmount(place, UnmountFlags::DETACH) {
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOENT) => {}
        other => other?,
    }
    let is_directory = FileType::from_raw_mode(rustix::fs::fstat(part)?.st_mode).is_dir();
    if is_directory {
        std::fs::create_dir_all(place)?;
    } else {
        std::fs::create_dir_all(place.parent().unwrap_or(place))?;
        std::fs::File::options()
            .create(true)
            .append(true)
            .open(place)?;
    }
    // The kernel leads this link to the very file, wherever its name leads by now.
    mount_bind(format!("/proc/self/fd/{}", part.as_raw_fd()), place)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::testing::Directory;

    #[test]
    fn parts_are_found_made_and_kept_inside() {
        let directory = Directory::new();
        let volume = directory.join("volume");
        fs::create_dir_all(volume.join("data/deep")).expect("made");
        fs::write(volume.join("data/file"), "inside").expect("written");
        symlink("data", volume.join("link")).expect("linked");
        symlink("/etc", volume.join("out")).expect("linked");
        symlink("../..", volume.join("data/up")).expect("linked");
        symlink("/proc/self/root", volume.join("magic")).expect("linked");

        let out = Err("a link in it leads out of the volume".to_owned());
        let dots = Err("it must be a relative path without '..'".to_owned());
        let rows = [
            ("data", Ok(())),
            ("./link/deep", Ok(())),
            ("link/file", Ok(())),
            ("new/er", Ok(())),
            ("out", out.clone()),
            ("out/passwd", out.clone()),
            ("data/up/x", out.clone()),
            ("magic/etc", out),
            ("data/../data", dots.clone()),
            ("/data", dots),
        ];
        for (index, (sub_path, expected)) in rows.into_iter().enumerate() {
            let place = directory.join("places").join(index.to_string());
            assert_eq!(bind(&volume, sub_path, &place), expected, "{sub_path}");
        }
        let file = directory.join("places/2");
        assert_eq!(fs::read_to_string(&file).expect("readable"), "inside");
        assert!(volume.join("new/er").is_dir());
    }

    #[test]
    fn what_is_mounted_stays_when_a_link_takes_its_place() {
        let directory = Directory::new();
        let (volume, place) = (directory.join("volume"), directory.join("place"));
        fs::create_dir_all(volume.join("data")).expect("made");
        let root = open(&volume).expect("there");
        let part = find(&root, Path::new("data")).expect("there");
        // The container strikes between look and mount.
        fs::rename(volume.join("data"), volume.join("old")).expect("renamed");
        symlink("/etc", volume.join("data")).expect("linked");
        mount(&part, &place).expect("mounted");
        fs::write(place.join("mark"), "").expect("writable");
        assert!(volume.join("old/mark").exists());
    }

    #[test]
    fn a_second_start_sees_what_is_there_now() {
        let directory = Directory::new();
        let (volume, place) = (directory.join("volume"), directory.join("place"));
        for text in ["one", "two"] {
            fs::create_dir_all(volume.join("d")).expect("made");
            fs::write(volume.join("d/f"), text).expect("written");
            bind(&volume, "d/f", &place).expect("mounted");
            assert_eq!(fs::read_to_string(&place).expect("readable"), text);
            fs::remove_dir_all(volume.join("d")).expect("removed");
        }
    }
}
