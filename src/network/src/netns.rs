//! Network namespaces: made, kept by a file each, entered.
//!
//! A thread that changed its namespace never goes back into a pool: everything here runs on a
//! thread made for it, which then ends. Sockets stay in the namespace they were opened in, so
//! such a thread can hand them out.

use std::fs::{self, DirBuilder, File};
use std::io::{self, ErrorKind};
use std::os::fd::OwnedFd;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use rustix::mount::UnmountFlags;
use rustix::thread::{LinkNameSpaceType, UnshareFlags};
use tokio::sync::oneshot;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{what} {}: {source}", .path.display())]
    Io {
        what: &'static str,
        path: PathBuf,
        source: io::Error,
    },
}

/// `NSFS_MAGIC`: what a file system says of itself that is a namespace.
const NSFS: i64 = 0x6e73_6673;
/// The calling thread's namespace.
const OWN: &str = "/proc/thread-self/ns/net";
/// System calls and a few strings need no more.
const STACK: usize = 256 << 10;

/// Runs `body` inside the network namespace that `path` names, on a thread of its own. What it
/// opens stays there: dial a pod's loopback so, and use the connection anywhere.
///
/// # Errors
/// Opening or entering the namespace, what `body` says, or a panic in it.
pub async fn in_netns<T, F>(path: &Path, body: F) -> io::Result<T>
where
    T: Send + 'static,
    F: FnOnce() -> io::Result<T> + Send + 'static,
{
    let path = path.to_owned();
    on_fresh_thread(move || {
        let namespace = File::open(path)?;
        enter(&namespace.into())?;
        body()
    })
    .await
}

/// As [`in_netns`], by descriptor.
pub(crate) async fn in_namespace<T, F>(namespace: &OwnedFd, body: F) -> io::Result<T>
where
    T: Send + 'static,
    F: FnOnce() -> io::Result<T> + Send + 'static,
{
    let namespace = namespace.try_clone()?;
    on_fresh_thread(move || {
        enter(&namespace)?;
        body()
    })
    .await
}

fn enter(namespace: &OwnedFd) -> io::Result<()> {
    rustix::thread::move_into_link_name_space(
        std::os::fd::AsFd::as_fd(namespace),
        Some(LinkNameSpaceType::Network),
    )
    .map_err(io::Error::from)
}

async fn on_fresh_thread<T, F>(body: F) -> io::Result<T>
where
    T: Send + 'static,
    F: FnOnce() -> io::Result<T> + Send + 'static,
{
    let (answer, answered) = oneshot::channel();
    std::thread::Builder::new()
        .name("netns".into())
        .stack_size(STACK)
        .spawn(move || {
            // A caller that has gone away wants no answer.
            let _ = answer.send(body());
        })?;
    answered
        .await
        .map_err(|_| io::Error::other("panicked inside a network namespace"))?
}

/// The namespaces of pods, each pinned by a file of the pod's uid in one directory.
#[derive(Clone, Debug)]
pub struct Pins {
    directory: PathBuf,
}

impl Pins {
    /// The pins in `directory`, which need not exist yet.
    pub fn new(directory: &Path) -> Self {
        let directory = directory.to_owned();
        Self { directory }
    }

    /// Makes the directory.
    ///
    /// # Errors
    /// [`Error::Io`]
    pub fn create(&self) -> Result<(), Error> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.directory)
            .map_err(at("create", &self.directory))
    }

    pub fn path(&self, uid: &str) -> PathBuf {
        self.directory.join(uid)
    }

    /// The pod's namespace, if it is pinned.
    ///
    /// # Errors
    /// [`Error::Io`]
    pub fn get(&self, uid: &str) -> Result<Option<OwnedFd>, Error> {
        let path = self.path(uid);
        let file = match File::open(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            other => other.map_err(at("open", &path))?,
        };
        let kind = rustix::fs::fstatfs(&file)
            .map_err(io::Error::from)
            .map_err(at("look at", &path))?
            .f_type;
        // A plain file: the pinning was broken off before the mount.
        Ok((kind == NSFS).then(|| file.into()))
    }

    /// The pod's namespace, made and pinned if there is none.
    ///
    /// # Errors
    /// [`Error::Io`]
    pub async fn pin(&self, uid: &str) -> Result<OwnedFd, Error> {
        if let Some(namespace) = self.get(uid)? {
            return Ok(namespace);
        }
        let path = self.path(uid);
        let pinned = path.clone();
        on_fresh_thread(move || {
            File::create(&pinned)?;
            // SAFETY: without UnshareFlags::FILES the descriptor table stays shared.
            unsafe { rustix::thread::unshare_unsafe(UnshareFlags::NEWNET) }?;
            rustix::mount::mount_bind(OWN, &pinned)?;
            Ok(File::open(OWN)?.into())
        })
        .await
        .map_err(at("pin a network namespace at", &path))
    }

    /// Lets go of the pod's namespace. It ends, with its interfaces, once no process and no
    /// socket is left in it. An unknown pod is a success.
    ///
    /// Copies of the mount in other mount namespaces do not keep it: removing the file detaches
    /// them too (Linux 4.1 on).
    ///
    /// # Errors
    /// [`Error::Io`]
    pub fn unpin(&self, uid: &str) -> Result<(), Error> {
        let path = self.path(uid);
        unmount_all(&path)?;
        match fs::remove_file(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            other => other.map_err(at("remove", &path)),
        }
    }

    /// The uids of all files, pinning or not.
    ///
    /// # Errors
    /// [`Error::Io`]
    pub fn list(&self) -> Result<Vec<String>, Error> {
        let entries = match fs::read_dir(&self.directory) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            other => other.map_err(at("list", &self.directory))?,
        };
        entries
            .map(|entry| {
                let name = entry.map_err(at("list", &self.directory))?.file_name();
                Ok(name.to_string_lossy().into_owned())
            })
            .collect()
    }

    /// Unpins everything and removes the directory.
    ///
    /// # Errors
    /// [`Error::Io`]
    pub fn remove(&self) -> Result<(), Error> {
        for uid in self.list()? {
            self.unpin(&uid)?;
        }
        match fs::remove_dir(&self.directory) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            other => other.map_err(at("remove", &self.directory)),
        }
    }
}

/// Unmounts all that lies on `path`.
fn unmount_all(path: &Path) -> Result<(), Error> {
    loop {
        match rustix::mount::unmount(path, UnmountFlags::DETACH | UnmountFlags::NOFOLLOW) {
            Ok(()) => {}
            // Not a mount point, or nothing there.
            Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOENT) => return Ok(()),
            Err(errno) => return Err(at("unmount", path)(errno.into())),
        }
    }
}

fn at(what: &'static str, path: &Path) -> impl Fn(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Io {
        what,
        path: path.clone(),
        source,
    }
}
