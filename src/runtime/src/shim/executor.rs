//! The last step before the program: filter, capabilities, signals, `execve`.
//!
//! It replaces libcontainer's own last steps, which give an exec'd process no seccomp filter and
//! need libseccomp. It runs in init (or in the exec'd process) with all of root's capabilities.

use std::ffi::{CStr, CString};
use std::io::{self, Write};
use std::os::fd::RawFd;

use libcontainer::oci_spec::runtime::Spec;
use libcontainer::workload::{
    Executor, ExecutorError, ExecutorSetEnvsError, ExecutorValidationError,
};

use crate::seccomp::{self, Filters};

/// A command that is not there, and one that is there but cannot be executed, as shells say it.
const NOT_FOUND: i32 = 127;
const NOT_EXECUTABLE: i32 = 126;

/// Runs the program of a spec with these rights.
#[derive(Clone, Debug)]
pub struct Launcher {
    pub filters: Filters,
    pub capabilities: u64,
    pub no_new_privileges: bool,
    /// Where an init reports why it could not execute its program. It closes at `execve`, which
    /// says that it could. `None` for exec'd processes, which tell it on standard error.
    pub gate: Option<RawFd>,
}

impl Executor for Launcher {
    fn validate(&self, _spec: &Spec) -> Result<(), ExecutorValidationError> {
        // A program that is missing is found out by `execve`; looking twice would be a race.
        Ok(())
    }

    fn setup_envs(
        &self,
        envs: std::collections::HashMap<String, String>,
    ) -> Result<(), ExecutorSetEnvsError> {
        for (name, _) in std::env::vars_os() {
            // SAFETY: a process that libcontainer cloned from a single-threaded one has no other
            // thread that could read the environment.
            unsafe { std::env::remove_var(name) };
        }
        for (name, value) in envs {
            // Images may carry entries that no environment can hold; execve would drop them too.
            if name.is_empty() || name.contains(['=', '\0']) || value.contains('\0') {
                continue;
            }
            // SAFETY: as above.
            unsafe { std::env::set_var(name, value) };
        }
        Ok(())
    }

    fn exec(&self, spec: &Spec) -> Result<(), ExecutorError> {
        let args = spec
            .process()
            .as_ref()
            .and_then(|process| process.args().as_ref());
        let args = args.ok_or(ExecutorError::InvalidArg)?;
        let (code, text) = match self.restrict() {
            Ok(()) => execute(args),
            Err(error) => (NOT_EXECUTABLE, format!("restricting the process: {error}")),
        };
        self.report(&text);
        // SAFETY: ends the process at once, without the exit handlers of the program it was
        // cloned from.
        unsafe { libc::_exit(code) }
    }
}

impl Launcher {
    fn report(&self, text: &str) {
        let target = self.gate.unwrap_or(2);
        let line = format!("{text}\n");
        // SAFETY: `gate` was opened by the shim for this process and 2 is standard error; the
        // file is forgotten, so neither is closed here.
        let mut file = std::mem::ManuallyDrop::new(unsafe {
            <std::fs::File as std::os::fd::FromRawFd>::from_raw_fd(target)
        });
        // Nobody else is left to tell; the exit code says it too.
        let _lost = file.write_all(line.as_bytes());
    }

    /// Without no_new_privs loading a filter takes CAP_SYS_ADMIN, so it comes before the
    /// capabilities go. With it the order is the other one, so that the filter need not allow
    /// `capset`.
    fn restrict(&self) -> io::Result<()> {
        reset_signals();
        if self.no_new_privileges {
            drop_capabilities(self.capabilities)?;
            seccomp::load(&self.filters)
        } else {
            seccomp::load(&self.filters)?;
            drop_capabilities(self.capabilities)
        }
    }
}

/// Rust ignores SIGPIPE and the shim blocks SIGCHLD; a program expects neither.
fn reset_signals() {
    for signal in 1..=libc::SIGRTMAX() {
        // SAFETY: SIG_DFL is a valid disposition; signals that cannot be set (KILL, STOP and the
        // C library's own) are refused, which is as wanted.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
    super::sys::unblock_signals();
}

/// Makes `keep` the bounding, permitted and effective set; inheritable and ambient become empty.
fn drop_capabilities(keep: u64) -> io::Result<()> {
    for capability in 0..64 {
        if keep & (1 << capability) != 0 {
            continue;
        }
        // SAFETY: PR_CAPBSET_DROP takes a number; an unknown one is EINVAL.
        let dropped = unsafe { libc::prctl(libc::PR_CAPBSET_DROP, capability, 0, 0, 0) };
        if dropped != 0 {
            let error = io::Error::last_os_error();
            // Past the last capability of this kernel.
            if error.raw_os_error() == Some(libc::EINVAL) {
                break;
            }
            return Err(error);
        }
    }
    /// `_LINUX_CAPABILITY_VERSION_3`: two 32-bit words per set.
    const VERSION: u32 = 0x2008_0522;
    let header: [u32; 2] = [VERSION, 0];
    let low = u32::try_from(keep & u64::from(u32::MAX)).expect("masked to 32 bits");
    let high = u32::try_from(keep >> 32).expect("shifted to 32 bits");
    // Effective, permitted, inheritable; the low words first.
    let sets: [u32; 6] = [low, low, 0, high, high, 0];
    // SAFETY: header and sets have the layout of the kernel's structures of that version.
    let set = unsafe { libc::syscall(libc::SYS_capset, header.as_ptr(), sets.as_ptr()) };
    if set == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Executes the program as `execvp` would, without falling back to a shell; returns only when
/// it could not, with the exit code and the reason.
fn execute(args: &[String]) -> (i32, String) {
    let Some(name) = args.first() else {
        return (NOT_EXECUTABLE, "exec: no command given".to_owned());
    };
    let Ok(argv) = args
        .iter()
        .map(|arg| CString::new(arg.as_str()))
        .collect::<Result<Vec<_>, _>>()
    else {
        return (
            NOT_EXECUTABLE,
            format!("exec: {name:?}: an argument holds a NUL"),
        );
    };
    let mut worst = io::Error::from_raw_os_error(libc::ENOENT);
    for candidate in candidates(name) {
        let error = execve(&candidate, &argv);
        match error.raw_os_error() {
            Some(libc::ENOENT | libc::ENOTDIR) => {}
            // Searching goes on past a file that may not be executed, as shells do.
            Some(libc::EACCES) => worst = error,
            _ => {
                worst = error;
                break;
            }
        }
    }
    if worst.raw_os_error() == Some(libc::ENOENT) {
        let reason = if name.contains('/') {
            "no such file or directory"
        } else {
            "executable file not found in $PATH"
        };
        (NOT_FOUND, format!("exec: {name:?}: {reason}"))
    } else {
        (NOT_EXECUTABLE, format!("exec: {name:?}: {worst}"))
    }
}

/// The paths to try for a command.
fn candidates(name: &str) -> Vec<CString> {
    let paths = if name.contains('/') {
        vec![name.to_owned()]
    } else {
        let path = std::env::var("PATH").unwrap_or_default();
        path.split(':')
            .map(|directory| if directory.is_empty() { "." } else { directory })
            .map(|directory| format!("{directory}/{name}"))
            .collect()
    };
    // A NUL was refused before, so nothing is lost here.
    paths
        .into_iter()
        .filter_map(|path| CString::new(path).ok())
        .collect()
}

fn execve(path: &CStr, argv: &[CString]) -> io::Error {
    let mut pointers: Vec<*const libc::c_char> = argv.iter().map(|arg| arg.as_ptr()).collect();
    pointers.push(std::ptr::null());
    // SAFETY: `path` and the arguments are NUL-terminated and live until the call returns; the
    // array ends with a null pointer; the environment is the one set up before.
    unsafe { libc::execv(path.as_ptr(), pointers.as_ptr()) };
    io::Error::last_os_error()
}
