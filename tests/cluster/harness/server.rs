//! The server under test: one process of the release binary with directories of its own.

use std::fs::{self, File};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::machine;
use super::wait::eventually;

/// Everything that a server touches, all of it below `root` or named after the test.
#[derive(Clone, Debug)]
pub struct Places {
    pub root: PathBuf,
}

pub const CGROUP: &str = "/rk3s-test";
pub const BRIDGE: &str = "rk3stest0";
pub const NODE: &str = "test-node";

impl Places {
    pub fn new(root: &str) -> Self {
        Self { root: root.into() }
    }

    pub fn data(&self) -> PathBuf {
        self.root.join("data")
    }

    pub fn images(&self) -> PathBuf {
        self.data().join("agent/images")
    }

    pub fn kubeconfig(&self) -> PathBuf {
        self.root.join("kubeconfig/rk3s.yaml")
    }

    pub fn log(&self) -> PathBuf {
        self.root.join("server.log")
    }

    /// Flags that every command of the binary takes.
    pub fn flags(&self) -> Vec<String> {
        let at = |name: &str| self.root.join(name).display().to_string();
        vec![
            format!("--config={}", at("config.yaml")),
            format!("--data-dir={}", at("data")),
            format!("--run-dir={}", at("run")),
            format!("--kubelet-dir={}", at("kubelet")),
            format!("--log-dir={}", at("pods")),
            format!("--cgroup-root={CGROUP}"),
            format!("--bridge={BRIDGE}"),
            format!("--node-name={NODE}"),
            format!("--write-kubeconfig={}", self.kubeconfig().display()),
        ]
    }

    /// Standard output of `rk3s <command>`, which must succeed.
    pub fn ok(&self, name: &str, more: &[&str]) -> Result<String> {
        machine::succeeded(&mut self.command(name, more)?)
    }

    /// `rk3s <command>`, of one word or two, with these places and no variables of the caller's.
    pub fn command(&self, name: &str, more: &[&str]) -> Result<Command> {
        fs::create_dir_all(&self.root)?;
        let config = self.root.join("config.yaml");
        if !config.exists() {
            fs::write(&config, "# Set by a test where it matters.\n")?;
        }
        let mut command = Command::new(machine::binary()?);
        command
            .args(name.split(' '))
            .args(self.flags())
            .args(more)
            .env_clear()
            .stdin(Stdio::null());
        Ok(command)
    }
}

/// A running server; killed when dropped, because a test that fails leaves no process.
pub struct Server {
    pub places: Places,
    child: Child,
}

impl Server {
    /// Starts it; its log goes on in the same file.
    pub fn start(places: &Places) -> Result<Self> {
        let mut command = places.command("server", &[])?;
        let log = File::options()
            .create(true)
            .append(true)
            .open(places.log())?;
        command.stdout(log.try_clone()?).stderr(log);
        let child = command.spawn().context("the server starts")?;
        let places = places.clone();
        Ok(Self { places, child })
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Its exit status, should it have ended.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// `kill -9`.
    pub fn kill(mut self) -> Result<()> {
        self.child.kill()?;
        let status = self.child.wait()?;
        match status.signal() {
            Some(9) => Ok(()),
            _ => bail!("the server had ended by itself: {status}"),
        }
    }

    /// SIGTERM; it must end by itself, cleanly.
    pub fn terminate(mut self) -> Result<()> {
        machine::run("kill", &["-TERM", &self.pid().to_string()])?;
        let status = eventually(
            "the server ends on SIGTERM",
            Duration::from_secs(15),
            || Ok(self.child.try_wait()?.ok_or_else(|| "it runs".to_owned())),
        )?;
        if !status.success() {
            bail!("SIGTERM: {status}; {}", last_lines(&self.places.log(), 5));
        }
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // After `kill` and `terminate` it is gone already.
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// The end of a file, for a failing test's words.
pub fn last_lines(path: &Path, count: usize) -> String {
    let text = fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}
