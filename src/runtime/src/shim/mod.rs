//! `rk3s shim`: one small process per pod, the parent of its containers.
//!
//! Entry point: [`main`], called by the program before it starts any thread. libcontainer clones
//! processes that go on running Rust code, which is undefined in a process with threads; here
//! there is one thread, and a `poll` loop.

mod calls;
mod children;
mod connection;
mod container;
mod diagnostics;
mod executor;
pub mod log;
pub mod protocol;
mod server;
mod sys;
mod worker;

pub use container::{PLAN, STATE};

use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The socket's name in the sandbox's directory.
pub const SOCKET: &str = "shim.sock";
/// The shim's own messages.
pub const LOG: &str = "shim.log";
/// The shim's [`crate::process::Identity`], for the server that finds it dead or alive.
pub const IDENTITY: &str = "shim.json";
/// The directory of the sandbox's containers.
pub const CONTAINERS: &str = "containers";
/// libcontainer's state, a directory per container.
pub const LIBCONTAINER: &str = "libcontainer";

/// Runs a shim: `args` is the sandbox's directory, alone. Returns once the shim serves (as its
/// launcher) or has been told to end (as the shim).
#[must_use]
pub fn main(args: &[OsString]) -> ExitCode {
    let [directory] = args else {
        // The one message a person sees who starts this by hand.
        let _unseen = writeln!(io::stderr(), "usage: rk3s shim DIRECTORY");
        return ExitCode::from(2);
    };
    match launch(Path::new(directory)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _unseen = writeln!(io::stderr(), "rk3s shim: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Forks the shim away from its launcher, so that it belongs to init and to no session, and
/// waits until its socket can be connected to.
fn launch(directory: &Path) -> io::Result<()> {
    let (reader, writer) = sys::pipe()?;
    match sys::fork()? {
        sys::Fork::Parent(_) => {
            drop(writer);
            let mut trouble = String::new();
            fs::File::from(reader).read_to_string(&mut trouble)?;
            match trouble.strip_prefix("ready") {
                Some(_) => Ok(()),
                None if trouble.is_empty() => Err(io::Error::other("it died at once")),
                None => Err(io::Error::other(trouble)),
            }
        }
        sys::Fork::Child => {
            drop(reader);
            let mut launcher = fs::File::from(writer);
            match prepare(directory) {
                Ok(mut shim) => {
                    launcher.write_all(b"ready")?;
                    drop(launcher);
                    shim.serve()
                }
                Err(error) => {
                    launcher.write_all(error.to_string().as_bytes())?;
                    Ok(())
                }
            }
        }
    }
}

fn prepare(directory: &Path) -> io::Result<server::Shim> {
    rustix::process::setsid()?;
    let directory: PathBuf = fs::canonicalize(directory)?;
    redirect_output(&directory)?;
    diagnostics::start();
    sys::become_subreaper()?;
    // The kernel should take a container first. Refused without CAP_SYS_RESOURCE, which is no
    // reason to serve no containers.
    let _unprotected = fs::write("/proc/self/oom_score_adj", "-998");
    // A socket's path is limited to 108 bytes, a relative one is short.
    std::env::set_current_dir(&directory)?;
    match fs::remove_file(SOCKET) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    for directory in [CONTAINERS, LIBCONTAINER] {
        fs::create_dir_all(directory)?;
    }
    let listener = UnixListener::bind(SOCKET)?;
    let pid = i32::try_from(std::process::id()).map_err(io::Error::other)?;
    let identity = serde_json::to_vec(&crate::process::Identity::of(pid)?)?;
    base::fsio::write_atomic(&directory.join(IDENTITY), &identity, 0o600)?;
    server::Shim::new(directory, listener)
}

/// Standard input and output become `/dev/null`, standard error the shim's log.
fn redirect_output(directory: &Path) -> io::Result<()> {
    let log = OpenOptions::new()
        .append(true)
        .create(true)
        .open(directory.join(LOG))?;
    let null = OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/null")?;
    rustix::stdio::dup2_stdin(&null)?;
    rustix::stdio::dup2_stdout(&null)?;
    rustix::stdio::dup2_stderr(&log)?;
    Ok(())
}
