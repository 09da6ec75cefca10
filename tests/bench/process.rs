//! The processes that are measured, and what they hold in memory.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};

/// Killed when dropped.
pub struct Process(Child);

impl Process {
    pub fn start(command: &mut Command, log: &Path) -> Result<Self> {
        let log = std::fs::File::create(log)?;
        let command = command.stdin(Stdio::null()).stdout(log.try_clone()?);
        Ok(Self(command.stderr(log).spawn().with_context(|| {
            format!("{} starts", command.get_program().display())
        })?))
    }

    /// Bytes in memory now, and at most since [`Process::forget_peak`].
    pub fn resident(&self) -> Result<(u64, u64)> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0.id()))?;
        let field = |name: &str| {
            let line = status.lines().find(|line| line.starts_with(name));
            let number = line.and_then(|line| line.split_whitespace().nth(1));
            let kilobytes: u64 = number.context("a field of status")?.parse()?;
            anyhow::Ok(kilobytes << 10)
        };
        Ok((field("VmRSS:")?, field("VmHWM:")?))
    }

    pub fn forget_peak(&self) -> Result<()> {
        // 5 of proc(5): the peak becomes what there is.
        Ok(std::fs::write(
            format!("/proc/{}/clear_refs", self.0.id()),
            "5",
        )?)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ended = self.0.kill();
        let _reaped = self.0.wait();
    }
}

/// The server, with the places that the script names in variables.
pub fn rk3s(directory: &Path) -> Result<Process> {
    let binary = std::env::var_os("RK3S_BINARY").context("RK3S_BINARY is not set")?;
    let log = directory.join("server.log");
    Process::start(Command::new(binary).arg("server"), &log)
}

/// This program again, as the reference.
pub fn echo(directory: &Path) -> Result<Process> {
    let log = directory.join("echo.log");
    Process::start(Command::new(std::env::current_exe()?).arg("echo"), &log)
}
