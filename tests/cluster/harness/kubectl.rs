//! Runs kubectl: the real one, or the embedded one.

use std::fmt;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};

/// One kubectl that talks to one server as its administrator.
#[derive(Clone, Debug)]
pub struct Kubectl {
    program: PathBuf,
    /// What comes before the command: `kubectl` for the embedded one.
    prefix: Vec<String>,
    kubeconfig: PathBuf,
}

/// What one run printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Printed {
    pub stdout: String,
    pub stderr: String,
    pub code: Option<i32>,
}

impl fmt::Display for Printed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.stdout)?;
        f.write_str(&self.stderr)?;
        match self.code {
            Some(0) => Ok(()),
            Some(code) => writeln!(f, "exit code {code}"),
            None => writeln!(f, "ended by a signal"),
        }
    }
}

impl Kubectl {
    pub fn new(program: PathBuf, prefix: &[&str], kubeconfig: PathBuf) -> Self {
        let prefix = prefix.iter().map(|&word| word.to_owned()).collect();
        Self {
            program,
            prefix,
            kubeconfig,
        }
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(&self.prefix)
            .args(args)
            .env("KUBECONFIG", &self.kubeconfig)
            // Its caches of discovery would outlive one server and mislead the next.
            .env("HOME", self.kubeconfig.with_file_name("home"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Whatever it prints, whatever its exit code.
    pub fn run(&self, args: &[&str]) -> Result<Printed> {
        finish(self.start(args)?)
    }

    /// As [`Self::run`], with `input` on standard input: for `-f -`.
    pub fn run_with(&self, args: &[&str], input: &str) -> Result<Printed> {
        let mut command = self.command(args);
        let mut child = command.stdin(Stdio::piped()).spawn()?;
        let mut stdin = child.stdin.take().context("piped")?;
        stdin.write_all(input.as_bytes())?;
        drop(stdin);
        finish(child)
    }

    fn start(&self, args: &[&str]) -> Result<Child> {
        self.command(args)
            .spawn()
            .with_context(|| format!("{}", self.program.display()))
    }

    /// Standard output of a run that must succeed.
    pub fn ok(&self, args: &[&str]) -> Result<String> {
        succeeded(args, self.run(args)?)
    }

    /// As [`Self::ok`], with `input` for `-f -`.
    pub fn ok_with(&self, args: &[&str], input: &str) -> Result<String> {
        succeeded(args, self.run_with(args, input)?)
    }

    /// A command line as a person types it, split at spaces.
    pub fn line(&self, line: &str) -> Result<String> {
        self.ok(&line.split(' ').collect::<Vec<_>>())
    }

    /// Runs in the background and hands over each line of its output as it comes.
    pub fn follow(&self, args: &[&str]) -> Result<Following> {
        let mut child = self.start(args)?;
        let stdout = child.stdout.take().context("piped")?;
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Ok(Following { child, lines })
    }
}

fn finish(child: Child) -> Result<Printed> {
    let output = child.wait_with_output()?;
    Ok(Printed {
        stdout: String::from_utf8(output.stdout)?,
        stderr: String::from_utf8(output.stderr)?,
        code: output.status.code(),
    })
}

fn succeeded(args: &[&str], printed: Printed) -> Result<String> {
    if printed.code == Some(0) {
        return Ok(printed.stdout);
    }
    Err(anyhow!("kubectl {}: {printed}", args.join(" ")))
}

/// A kubectl that runs until it is dropped, such as `get -w`.
pub struct Following {
    child: Child,
    lines: Receiver<String>,
}

impl Following {
    /// Lines up to and with the first that `last` accepts.
    pub fn until(
        &mut self,
        limit: Duration,
        mut last: impl FnMut(&str) -> bool,
    ) -> Result<Vec<String>> {
        let mut seen = Vec::new();
        loop {
            let Ok(line) = self.lines.recv_timeout(limit) else {
                bail!("no such line within {limit:?}; seen: {seen:#?}");
            };
            let done = last(&line);
            seen.push(line);
            if done {
                return Ok(seen);
            }
        }
    }

    /// Waits for its end by itself: `logs -f` ends with the container.
    pub fn finish(mut self) -> Result<Vec<String>> {
        let lines: Vec<String> = self.lines.iter().collect();
        let status = self.child.wait()?;
        let mut errors = String::new();
        if let Some(mut stderr) = self.child.stderr.take() {
            stderr.read_to_string(&mut errors)?;
        }
        if !status.success() {
            bail!("{status}: {errors}");
        }
        Ok(lines)
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}
