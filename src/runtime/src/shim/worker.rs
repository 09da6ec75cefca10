//! libcontainer's calls, each in a forked child of the shim.
//!
//! `build()` may block for ever (a frozen cgroup), changes the caller's dumpable flag, directory
//! and memory. In a child of its own none of it matters, and `as_sibling` still makes the
//! container's process a child of the shim.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::panic::AssertUnwindSafe;
use std::path::Path;

use libcontainer::container::Container;
use libcontainer::container::builder::ContainerBuilder;
use libcontainer::oci_spec::runtime::{Process, Spec};
use libcontainer::syscall::syscall::SyscallType;
use serde::{Deserialize, Serialize};

use super::diagnostics::Capture;
use super::executor::Launcher;
use super::sys::{self, Fork};
use crate::plan::ContainerPlan;
use crate::seccomp::{self, Filters};

/// A child at work; its outcome can be read once it has ended.
#[derive(Debug)]
pub struct Worker {
    pub pid: i32,
    outcome: File,
}

/// What a worker reports: a pid (0 when there is none to tell), or why not.
#[derive(Debug, Serialize, Deserialize)]
enum Outcome {
    Pid(i32),
    Error(String),
}

impl Worker {
    /// Forks and does `work` there. Only `keep` and the standard descriptors stay open in it.
    ///
    /// # Errors
    /// When no pipe or process can be had.
    pub fn spawn(keep: &[RawFd], work: impl FnOnce() -> Result<i32, String>) -> io::Result<Self> {
        let (reader, writer) = sys::pipe()?;
        match sys::fork()? {
            Fork::Parent(pid) => {
                sys::set_nonblocking(&reader)?;
                Ok(Self {
                    pid,
                    outcome: File::from(reader),
                })
            }
            Fork::Child => run(File::from(writer), keep, work),
        }
    }

    /// What the ended worker achieved.
    pub fn outcome(mut self) -> Result<i32, String> {
        let mut text = Vec::new();
        match self.outcome.read_to_end(&mut text) {
            // A process of the container may hold the other end a moment longer.
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => {
                return Err(format!("reading a worker's outcome: {error}"));
            }
            _ => {}
        }
        match serde_json::from_slice(&text) {
            Ok(Outcome::Pid(pid)) => Ok(pid),
            Ok(Outcome::Error(error)) => Err(error),
            Err(_) => Err("the worker died".to_owned()),
        }
    }
}

fn run(mut outcome: File, keep: &[RawFd], work: impl FnOnce() -> Result<i32, String>) -> ! {
    sys::unblock_signals();
    let mut open = keep.to_vec();
    open.push(outcome.as_raw_fd());
    sys::close_others(&open);
    let capture = Capture::start();
    let result = std::panic::catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err("the worker panicked; see the shim's log".to_owned()));
    let result = match (result, capture) {
        (Ok(pid), _) => Outcome::Pid(pid),
        (Err(error), Ok(capture)) => Outcome::Error(explain(error, capture.text())),
        (Err(error), Err(_)) => Outcome::Error(error),
    };
    let text = serde_json::to_vec(&result).expect("an outcome is plain data");
    // The shim reads a missing outcome as a dead worker.
    let told = outcome.write_all(&text).is_ok();
    sys::exit_now(i32::from(!told))
}

fn explain(error: String, causes: String) -> String {
    if causes.is_empty() {
        error
    } else {
        format!("{error}: {causes}")
    }
}

/// The descriptors a process gets as standard input, output and error.
#[derive(Debug)]
pub struct Stdio {
    pub stdin: OwnedFd,
    pub stdout: OwnedFd,
    pub stderr: OwnedFd,
}

impl Stdio {
    pub fn fds(&self) -> [RawFd; 3] {
        [
            self.stdin.as_raw_fd(),
            self.stdout.as_raw_fd(),
            self.stderr.as_raw_fd(),
        ]
    }
}

/// Builds a container up to the point where its init waits to be started; gives init's pid.
///
/// # Errors
/// The text of what failed, with all causes known.
pub fn create(
    plan: &ContainerPlan,
    root: &Path,
    bundle: &Path,
    stdio: Stdio,
    gate: &OwnedFd,
) -> Result<i32, String> {
    let launcher = launcher(plan, Some(gate.as_raw_fd()))?;
    let container = ContainerBuilder::new(plan.id.clone(), SyscallType::Linux)
        .with_executor(launcher)
        .with_root_path(root)
        .map_err(|error| error.to_string())?
        .with_stdin(stdio.stdin)
        .with_stdout(stdio.stdout)
        .with_stderr(stdio.stderr)
        .as_init(bundle)
        .with_systemd(false)
        .with_detach(true)
        .as_sibling(true)
        .build()
        .map_err(|error| chain(&error))?;
    container
        .pid()
        .map(nix_pid)
        .ok_or_else(|| "the container has no init process".to_owned())
}

/// Lets a created init go.
///
/// # Errors
/// As [`create`].
pub fn start(root: &Path, id: &str) -> Result<i32, String> {
    let mut container = Container::load(root.join(id)).map_err(|error| chain(&error))?;
    container.start().map_err(|error| chain(&error))?;
    Ok(0)
}

/// Starts a command in a running container; gives its pid.
///
/// libcontainer leaves sockets behind in the state directory it is given, so it gets `scratch`,
/// which holds a copy of the state and is removed afterwards.
///
/// # Errors
/// As [`create`].
pub fn exec(
    plan: &ContainerPlan,
    root: &Path,
    bundle: &Path,
    scratch: &Path,
    args: Vec<String>,
    stdio: Stdio,
) -> Result<i32, String> {
    let result = (|| {
        let launcher = launcher(plan, None)?;
        let home = scratch.join(&plan.id);
        fs::create_dir_all(&home).map_err(|error| error.to_string())?;
        fs::copy(
            root.join(&plan.id).join("state.json"),
            home.join("state.json"),
        )
        .map_err(|error| format!("copying the container's state: {error}"))?;
        let process = scratch.join("process.json");
        write_process(bundle, &process, args)?;
        let pid = ContainerBuilder::new(plan.id.clone(), SyscallType::Linux)
            .with_executor(launcher)
            .with_root_path(scratch)
            .map_err(|error| error.to_string())?
            .with_stdin(stdio.stdin)
            .with_stdout(stdio.stdout)
            .with_stderr(stdio.stderr)
            .as_tenant()
            .with_detach(true)
            .as_sibling(true)
            .with_process(Some(&process))
            .build()
            .map_err(|error| chain(&error))?;
        Ok(nix_pid(pid))
    })();
    // What stays of it is removed with the sandbox.
    let _leftover = fs::remove_dir_all(scratch);
    result
}

/// The container's own process (user, environment, directory, limits) with other arguments.
fn write_process(bundle: &Path, target: &Path, args: Vec<String>) -> Result<(), String> {
    let spec = Spec::load(bundle.join("config.json")).map_err(|error| error.to_string())?;
    let mut process: Process = spec
        .process()
        .clone()
        .ok_or_else(|| "the bundle has no process".to_owned())?;
    process.set_args(Some(args));
    process.set_terminal(None);
    let text = serde_json::to_vec(&process).map_err(|error| error.to_string())?;
    fs::write(target, text).map_err(|error| error.to_string())
}

fn launcher(plan: &ContainerPlan, gate: Option<RawFd>) -> Result<Launcher, String> {
    let filters = match &plan.seccomp {
        Some(policy) => seccomp::compile(policy).map_err(|error| error.to_string())?,
        None => Filters::default(),
    };
    Ok(Launcher {
        filters,
        capabilities: plan.capabilities,
        no_new_privileges: plan.no_new_privileges,
        gate,
    })
}

/// libcontainer's pid type comes from a `nix` of its own, which this crate does not name.
fn nix_pid(pid: impl Into<libc::pid_t>) -> i32 {
    pid.into()
}

/// An error with its sources, which libcontainer's own text leaves out.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}
