//! One container as its shim holds it: outputs, log, state, and what it waits for.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base::Clock;

use super::log::{CHUNK, LogFile, Stream};
use super::sys::{self, Exit};
use crate::cgroup::Hierarchies;
use crate::plan::{self, ContainerPlan, ContainerState, FileError, Phase};

/// The state file's name beside the plan and the bundle.
pub const STATE: &str = "state.json";
/// The plan's.
pub const PLAN: &str = "plan.json";

/// Most bytes taken from one output before others get their turn.
const FAIR_SHARE: usize = 4 * CHUNK;

/// How often a dying cgroup is looked at again.
const SWEEP_EVERY: Duration = Duration::from_millis(10);
/// How long it may take until the container is called Exited regardless (a process in an
/// uninterruptible wait does not die); its cgroup is then removed with the container.
const SWEEP_LIMIT: Duration = Duration::from_millis(1500);

/// A connection's number.
pub type Client = u64;

#[derive(Debug)]
pub struct Container {
    pub plan: ContainerPlan,
    pub state: ContainerState,
    directory: PathBuf,
    /// Standard output and error, until their end.
    pub outputs: [Option<File>; 2],
    log: LogFile,
    /// Keeps standard input from ending.
    _stdin: Option<OwnedFd>,
    /// Readable when init reports that it cannot execute; ends when it has executed.
    pub gate: Option<File>,
    gate_text: Vec<u8>,
    /// Waits for the gate to end.
    pub starter: Option<Client>,
    /// When what is left of a stopping container gets killed.
    pub kill_at: Option<Duration>,
    /// Wait for Exited.
    pub stoppers: Vec<Client>,
    /// Wait for the removal that follows Exited.
    pub removers: Vec<Client>,
    /// Init is gone; the rest is being killed.
    sweep: Option<Sweep>,
}

#[derive(Debug)]
struct Sweep {
    next: Duration,
    give_up: Duration,
}

/// What a container is made of before its init exists.
#[derive(Debug)]
pub struct Ends {
    pub outputs: [OwnedFd; 2],
    pub stdin: Option<OwnedFd>,
    pub gate: OwnedFd,
    pub log: LogFile,
}

impl Container {
    /// A container whose init has just been created; its state is on disk on return.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub fn new(
        directory: &Path,
        plan: ContainerPlan,
        state: ContainerState,
        ends: Ends,
    ) -> Result<Self, FileError> {
        plan::write(&directory.join(STATE), &state)?;
        let [stdout, stderr] = ends.outputs;
        Ok(Self {
            plan,
            state,
            directory: directory.to_owned(),
            outputs: [Some(File::from(stdout)), Some(File::from(stderr))],
            log: ends.log,
            _stdin: ends.stdin,
            gate: Some(File::from(ends.gate)),
            gate_text: Vec::new(),
            starter: None,
            kill_at: None,
            stoppers: Vec::new(),
            removers: Vec::new(),
            sweep: None,
        })
    }

    /// The init process, while it is not reaped.
    pub fn init(&self) -> Option<i32> {
        self.state.init.as_ref().map(|init| init.pid)
    }

    /// Copies what an output has to the log. Keeps going when the log cannot be written: losing
    /// lines is better than a container that hangs in `write`.
    pub fn drain(&mut self, index: usize, clock: &Clock) {
        let Some(output) = &mut self.outputs[index] else {
            return;
        };
        let stream = if index == 0 {
            Stream::Stdout
        } else {
            Stream::Stderr
        };
        let mut buffer = [0; CHUNK];
        let mut taken = 0;
        while taken < FAIR_SHARE {
            match output.read(&mut buffer) {
                Ok(0) => {
                    self.outputs[index] = None;
                    return;
                }
                Ok(count) => {
                    taken += count;
                    if let Err(error) = self.log.append(stream, clock.wall(), &buffer[..count]) {
                        tracing::error!(id = self.plan.id, %error, "log lines are lost");
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) => {
                    tracing::error!(id = self.plan.id, %error, "reading an output");
                    self.outputs[index] = None;
                    return;
                }
            }
        }
    }

    /// # Errors
    /// When the file cannot be opened; the old one stays in use.
    pub fn reopen_log(&mut self) -> io::Result<()> {
        self.log.reopen()
    }

    /// Reads the gate; `true` once it has ended, which makes the container Running (or tells why
    /// it never will be).
    pub fn pass_gate(&mut self, clock: &Clock) -> bool {
        let Some(gate) = &mut self.gate else {
            return false;
        };
        let mut buffer = [0; 512];
        loop {
            match gate.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => self.gate_text.extend_from_slice(&buffer[..count]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return false,
            }
        }
        self.gate = None;
        if self.gate_text.is_empty() {
            // Init may also have been killed before it was let go; then nobody waits for a start.
            if self.starter.is_some() {
                self.state.started_at = Some(clock.wall());
                self.state.phase = Phase::Running;
            }
        } else {
            let text = String::from_utf8_lossy(&self.gate_text)
                .trim_end()
                .to_owned();
            self.state.start_error = Some(text);
        }
        true
    }

    /// Notes that init has ended and starts to kill the rest.
    pub fn init_exited(&mut self, exit: Exit, clock: &Clock) {
        self.state.init = None;
        self.state.finished_at = Some(clock.wall());
        self.state.signal = exit.signal;
        self.state.exit_code = exit.code;
        if self.state.start_error.is_some() {
            // What runtimes answer for a program that could not be executed.
            self.state.exit_code = 128;
        }
        let now = clock.monotonic();
        self.sweep = Some(Sweep {
            next: now,
            give_up: now + SWEEP_LIMIT,
        });
    }

    /// When [`Container::sweep`] or [`Container::kill_if_due`] has something to do.
    pub fn deadline(&self) -> Option<Duration> {
        let kill = self.kill_at.filter(|_| self.state.init.is_some());
        [self.sweep.as_ref().map(|sweep| sweep.next), kill]
            .into_iter()
            .flatten()
            .min()
    }

    /// Kills everything once the grace is over.
    pub fn kill_if_due(&mut self, clock: &Clock, host: &Hierarchies) {
        if self.kill_at.is_some_and(|at| at <= clock.monotonic()) {
            self.kill_at = None;
            self.kill_all(host);
        }
    }

    /// Kills init and everything in the cgroup.
    pub fn kill_all(&self, host: &Hierarchies) {
        if let Some(pid) = self.init() {
            sys::kill(pid, libc::SIGKILL);
        }
        host.kill(&self.plan.cgroup);
    }

    /// Kills what init left behind; `true` when the container has become Exited.
    pub fn sweep(&mut self, clock: &Clock, host: &Hierarchies) -> bool {
        let Some(sweep) = &mut self.sweep else {
            return false;
        };
        let now = clock.monotonic();
        if now < sweep.next {
            return false;
        }
        if now < sweep.give_up {
            sweep.next = now + SWEEP_EVERY;
            if !host.kill(&self.plan.cgroup) {
                return false;
            }
        }
        let kills = host.oom_kills(&self.plan.cgroup);
        match host.remove(&self.plan.cgroup) {
            Err(_) if now < sweep.give_up => return false,
            Err(error) => tracing::error!(id = self.plan.id, %error, "removing its cgroup"),
            Ok(()) => {}
        }
        self.finish(kills > 0, clock);
        true
    }

    fn finish(&mut self, oom_killed: bool, clock: &Clock) {
        self.sweep = None;
        self.kill_at = None;
        // All that was written is in the pipes by now, and no pipe holds more than this; an
        // output that a process outside keeps open does not hold the container up.
        for index in 0..self.outputs.len() {
            for _ in 0..16 {
                self.drain(index, clock);
            }
            self.outputs[index] = None;
        }
        self.state.oom_killed = oom_killed;
        self.state.phase = Phase::Exited;
    }

    /// Writes the changed state down.
    pub fn save(&mut self) {
        self.state.revision += 1;
        if let Err(error) = plan::write(&self.directory.join(STATE), &self.state) {
            // The server hears of the change all the same; only the death of this shim now
            // would show it an older state, which it then corrects by looking at the process.
            tracing::error!(id = self.plan.id, %error, "writing the state");
        }
    }
}
