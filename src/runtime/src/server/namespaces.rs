//! The namespaces that a pod's containers share, kept alive by files.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use rustix::mount::{UnmountFlags, mount_bind, unmount};
use rustix::thread::{LinkNameSpaceType, UnshareFlags, move_into_link_name_space};

/// What to make for one pod.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The files to pin them to; `None` for the host's namespace.
    pub ipc: Option<PathBuf>,
    pub uts: Option<PathBuf>,
    pub hostname: String,
    /// Only to be entered, for its settings.
    pub netns: Option<PathBuf>,
    pub sysctls: BTreeMap<String, String>,
}

/// Makes and pins them. Blocks.
///
/// # Errors
/// The first step that failed; the caller unpins.
pub fn pin(wanted: Wanted) -> io::Result<()> {
    // A thread of its own: namespaces belong to threads, and a pool's thread lives on.
    let made = std::thread::Builder::new()
        .name("namespaces".into())
        .spawn(move || make(&wanted))?;
    made.join()
        .map_err(|_| io::Error::other("making namespaces panicked"))?
}

fn make(wanted: &Wanted) -> io::Result<()> {
    let mut flags = UnshareFlags::empty();
    flags.set(UnshareFlags::NEWIPC, wanted.ipc.is_some());
    flags.set(UnshareFlags::NEWUTS, wanted.uts.is_some());
    if !flags.is_empty() {
        // SAFETY: neither flag changes memory, files or the working directory; NEWIPC and NEWUTS
        // affect this thread alone, which ends with this function.
        unsafe { rustix::thread::unshare_unsafe(flags)? };
    }
    if let Some(file) = &wanted.ipc {
        bind("ipc", file)?;
    }
    if let Some(file) = &wanted.uts {
        rustix::system::sethostname(wanted.hostname.as_bytes())?;
        bind("uts", file)?;
    }
    if let Some(netns) = &wanted.netns {
        let netns = File::open(netns)?;
        move_into_link_name_space(netns.as_fd(), Some(LinkNameSpaceType::Network))?;
    }
    for (name, value) in &wanted.sysctls {
        set(name, value, wanted)?;
    }
    Ok(())
}

fn bind(kind: &str, file: &Path) -> io::Result<()> {
    File::create(file)?;
    Ok(mount_bind(format!("/proc/thread-self/ns/{kind}"), file)?)
}

/// Sets one kernel parameter in the namespaces of this thread, and refuses those that would
/// reach the host's.
fn set(name: &str, value: &str, wanted: &Wanted) -> io::Result<()> {
    // Slashes separate when the name has any: `net/ipv4/conf/eth0.1/forwarding`.
    let path = if name.contains('/') {
        name.to_owned()
    } else {
        name.replace('.', "/")
    };
    let refuse = |why: &str| Err(io::Error::other(format!("sysctl {name}: {why}")));
    if path.split('/').any(|part| part.is_empty() || part == "..") {
        return refuse("not a name");
    }
    let own = match path.split_once('/') {
        Some(("net", _)) => wanted.netns.is_some(),
        Some(("kernel", rest)) => {
            wanted.ipc.is_some()
                && (rest.starts_with("shm") || rest.starts_with("msg") || rest == "sem")
        }
        Some(("fs", rest)) => wanted.ipc.is_some() && rest.starts_with("mqueue/"),
        _ => false,
    };
    if !own {
        return refuse("it does not belong to a namespace of the pod");
    }
    fs::write(Path::new("/proc/sys").join(path), value)
        .map_err(|error| io::Error::new(error.kind(), format!("sysctl {name}={value}: {error}")))
}

/// Unmounts what is mounted at `path`, all of it; nothing there is a success.
///
/// # Errors
/// The kernel's refusal.
pub fn unmount_all(path: &Path) -> io::Result<()> {
    loop {
        match unmount(path, UnmountFlags::DETACH | UnmountFlags::NOFOLLOW) {
            Ok(()) => {}
            Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOENT) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
}
