//! Starting shims.

use std::ffi::OsString;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use cri::{Error, Result};
use rustix::fs::CWD;
use rustix::mount::{OpenTreeFlags, open_tree};

use super::internal;

/// The program every shim runs.
#[derive(Debug)]
pub struct Launcher {
    command: Vec<OsString>,
    /// The program's file on a read-only mount that is attached nowhere. Init is a shim until it
    /// executes the container's program, and a container can reach its file through
    /// `/proc/<pid>/exe`: there it must not be writable (CVE-2019-5736).
    sealed: OwnedFd,
}

impl Launcher {
    /// # Errors
    /// `InvalidArgument` for an empty command, `Internal` when the program cannot be opened.
    pub fn new(command: Vec<OsString>) -> Result<Self> {
        let Some(program) = command.first() else {
            return Err(Error::InvalidArgument(
                "the shim's command is empty".to_owned(),
            ));
        };
        let sealed = seal(Path::new(program)).map_err(internal("opening the shim's program"))?;
        Ok(Self { command, sealed })
    }

    /// Starts the shim of a sandbox and waits until it serves. Blocks.
    ///
    /// # Errors
    /// `Internal` with the shim's own words.
    pub fn launch(&self, directory: &Path) -> Result<()> {
        let mut command = Command::new(format!("/proc/self/fd/{}", self.sealed.as_raw_fd()));
        command
            .arg0("rk3s-shim")
            .args(&self.command[1..])
            .arg(directory)
            // What the server was started with (sockets, tokens) is no business of a container.
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        if let Ok(points) = std::env::var("RK3S_FAILPOINTS") {
            command.env("RK3S_FAILPOINTS", points);
        }
        let output = command.output().map_err(internal("starting a shim"))?;
        if output.status.success() {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&output.stderr);
        Err(Error::Internal(format!(
            "starting a shim: {}: {}",
            output.status,
            text.trim()
        )))
    }
}

fn seal(program: &Path) -> std::io::Result<OwnedFd> {
    let program = std::fs::canonicalize(program)?;
    let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
    let tree = open_tree(CWD, &program, flags)?;
    set_read_only(&tree)?;
    Ok(tree)
}

fn set_read_only(tree: &OwnedFd) -> std::io::Result<()> {
    /// `struct mount_attr`: set, clear, propagation, user namespace.
    const READ_ONLY: [u64; 4] = [libc::MOUNT_ATTR_RDONLY, 0, 0, 0];
    // SAFETY: the path is empty and NUL-terminated, the structure has the size that is told.
    let set = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            tree.as_raw_fd(),
            c"".as_ptr(),
            libc::AT_EMPTY_PATH,
            READ_ONLY.as_ptr(),
            size_of_val(&READ_ONLY),
        )
    };
    if set == 0 {
        Ok(())
    } else {
        Err(std::io::Error::last_os_error())
    }
}
