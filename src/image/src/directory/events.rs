//! What the kernel tells about a directory (inotify).

use std::ffi::{OsStr, OsString};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};
use rustix::io::Errno;
use tokio::io::unix::AsyncFd;

/// Something that concerns an import.
#[derive(Debug, PartialEq, Eq)]
pub enum Happening {
    /// A writer closed this file.
    Complete(OsString),
    /// This name was made: a rename, a link, or a file that is about to be written.
    Appeared(OsString),
    /// There was too much to tell.
    Missed,
    /// The directory itself was removed or renamed.
    DirectoryGone,
}

/// The stream of what happens in one directory.
pub struct Events(AsyncFd<OwnedFd>);

impl Events {
    /// From now on.
    pub fn of(path: &Path) -> io::Result<Self> {
        let inotify = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
        let flags = WatchFlags::CLOSE_WRITE
            | WatchFlags::MOVED_TO
            | WatchFlags::CREATE
            | WatchFlags::DELETE_SELF
            | WatchFlags::MOVE_SELF
            | WatchFlags::ONLYDIR;
        inotify::add_watch(&inotify, path, flags)?;
        // SAFETY: an OwnedFd is one open descriptor, always the same, and nothing takes it out of
        // the AsyncFd before that is dropped.
        let registered = unsafe { AsyncFd::register(inotify) };
        Ok(Self(registered?))
    }

    /// Waits for at least one event.
    pub async fn next(&mut self) -> io::Result<Vec<Happening>> {
        loop {
            let mut ready = self.0.readable().await?;
            let happened = read_all(self.0.get_ref())?;
            ready.clear_ready();
            if !happened.is_empty() {
                return Ok(happened);
            }
        }
    }
}

fn read_all(inotify: &OwnedFd) -> io::Result<Vec<Happening>> {
    let mut buffer = [MaybeUninit::uninit(); 4096];
    let mut reader = inotify::Reader::new(inotify, &mut buffer);
    let mut happened = Vec::new();
    loop {
        match reader.next() {
            Ok(event) => {
                let name = event
                    .file_name()
                    .map(|name| OsStr::from_bytes(name.to_bytes()));
                happened.extend(meaning(event.events(), name.map(OsStr::to_owned)));
            }
            Err(Errno::AGAIN) => return Ok(happened),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

fn meaning(flags: ReadFlags, name: Option<OsString>) -> Option<Happening> {
    let gone = ReadFlags::DELETE_SELF | ReadFlags::MOVE_SELF | ReadFlags::UNMOUNT;
    if flags.contains(ReadFlags::QUEUE_OVERFLOW) {
        Some(Happening::Missed)
    } else if flags.intersects(gone) {
        Some(Happening::DirectoryGone)
    } else if flags.contains(ReadFlags::ISDIR) {
        None
    } else if flags.contains(ReadFlags::CLOSE_WRITE) {
        name.map(Happening::Complete)
    } else if flags.intersects(ReadFlags::CREATE | ReadFlags::MOVED_TO) {
        name.map(Happening::Appeared)
    } else {
        // The watch was removed: the reason came before.
        None
    }
}
