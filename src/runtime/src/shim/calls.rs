//! What clients ask for.

use std::fs::OpenOptions;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::PathBuf;
use std::time::Duration;

use super::container::{Client, Container, Ends, PLAN};
use super::log::{LIMITS, LogFile};
use super::protocol::{self, Call, Reply, Request};
use super::server::{Job, JobKind, Shim};
use super::sys;
use super::worker::{self, Stdio, Worker};
use super::{CONTAINERS, LIBCONTAINER};
use crate::plan::{self, ContainerPlan, Phase};

impl Shim {
    /// The answer to a request, unless it comes later.
    pub(super) fn call(
        &mut self,
        client: Client,
        request: Request,
        fds: Vec<OwnedFd>,
    ) -> Option<Reply> {
        if request.version > protocol::VERSION {
            let message = format!(
                "this shim speaks version {} and not {}; the pod must be made anew",
                protocol::VERSION,
                request.version
            );
            return Some(Reply::Refused { message });
        }
        match request.call {
            Call::Subscribe => self.subscribe(client),
            Call::Create { id } => self.create(client, id),
            Call::Start { id } => self.start(client, id),
            Call::Stop {
                id,
                signal,
                grace_ms,
            } => self.stop(client, &id, signal, grace_ms),
            Call::Remove { id } => self.remove(client, &id),
            Call::Exec {
                id,
                args,
                timeout_ms,
            } => {
                let timeout = timeout_ms.map(Duration::from_millis);
                self.exec(client, id, args, timeout, fds)
            }
            Call::ReopenLog { id } => Some(self.reopen_log(&id)),
            Call::Shutdown if self.containers.is_empty() && self.jobs.is_empty() => {
                self.ending = true;
                Some(Reply::Done)
            }
            Call::Shutdown => Some(refused("the shim still has containers")),
        }
    }

    fn container_directory(&self, id: &str) -> PathBuf {
        self.directory.join(CONTAINERS).join(id)
    }

    fn create(&mut self, client: Client, id: String) -> Option<Reply> {
        if let Some(container) = self.containers.get(&id) {
            return Some(Reply::Container(container.state.clone()));
        }
        match self.begin_create(client, &id) {
            Ok(job) => {
                self.jobs.push(job);
                None
            }
            Err(message) => Some(Reply::Failed { message }),
        }
    }

    fn begin_create(&self, client: Client, id: &str) -> Result<Job, String> {
        let directory = self.container_directory(id);
        let plan: ContainerPlan =
            plan::read(&directory.join(PLAN)).map_err(|error| error.to_string())?;
        let log = LogFile::open(&plan.log_path, LIMITS)
            .map_err(|error| format!("{}: {error}", plan.log_path.display()))?;
        let (stdio, gate_writer, ends) =
            open_ends(&plan, log).map_err(|error| error.to_string())?;
        let mut keep = stdio.fds().to_vec();
        keep.push(gate_writer.as_raw_fd());
        let root = self.directory.join(LIBCONTAINER);
        let worker = Worker::spawn(&keep, || {
            worker::create(&plan, &root, &directory, stdio, &gate_writer)
        });
        let worker = worker.map_err(|error| error.to_string())?;
        Ok(Job {
            worker,
            client,
            kind: JobKind::Create {
                plan: Box::new(plan),
                directory,
                ends,
            },
        })
    }

    fn start(&mut self, client: Client, id: String) -> Option<Reply> {
        let root = self.directory.join(LIBCONTAINER);
        let Some(container) = self.containers.get_mut(&id) else {
            return Some(Reply::NotFound);
        };
        match container.state.phase {
            Phase::Running => return Some(Reply::Container(container.state.clone())),
            Phase::Exited => return Some(refused("the container has exited")),
            Phase::Created if container.starter.is_some() => {
                return Some(refused("the container is being started"));
            }
            Phase::Created => {}
        }
        match Worker::spawn(&[], || worker::start(&root, &id)) {
            Ok(worker) => {
                container.starter = Some(client);
                self.jobs.push(Job {
                    worker,
                    client,
                    kind: JobKind::Start { id },
                });
                None
            }
            Err(error) => Some(Reply::Failed {
                message: error.to_string(),
            }),
        }
    }

    fn stop(&mut self, client: Client, id: &str, signal: i32, grace_ms: u64) -> Option<Reply> {
        let Some(container) = self.containers.get_mut(id) else {
            return Some(Reply::NotFound);
        };
        if container.state.phase == Phase::Exited {
            return Some(Reply::Container(container.state.clone()));
        }
        container.stoppers.push(client);
        let running = container.state.phase == Phase::Running;
        if grace_ms == 0 || !running {
            container.kill_all(&self.host);
            return None;
        }
        let at = self.clock.monotonic() + Duration::from_millis(grace_ms);
        container.kill_at = Some(container.kill_at.map_or(at, |earlier| earlier.min(at)));
        if let Some(init) = container.init() {
            sys::kill(init, signal);
        }
        None
    }

    fn remove(&mut self, client: Client, id: &str) -> Option<Reply> {
        let Some(container) = self.containers.get_mut(id) else {
            return Some(Reply::Done);
        };
        if container.state.phase == Phase::Exited {
            self.forget(id);
            return Some(Reply::Done);
        }
        container.removers.push(client);
        container.kill_all(&self.host);
        None
    }

    pub(super) fn forget(&mut self, id: &str) {
        let Some(container) = self.containers.remove(id) else {
            return;
        };
        if let Err(error) = self.host.remove(&container.plan.cgroup) {
            tracing::error!(id, %error, "removing the cgroup");
        }
        self.remove_libcontainer_state(id);
    }

    pub(super) fn remove_libcontainer_state(&self, id: &str) {
        // A leftover is removed with the sandbox; ids are never used twice.
        let _leftover = std::fs::remove_dir_all(self.directory.join(LIBCONTAINER).join(id));
    }

    fn exec(
        &mut self,
        client: Client,
        id: String,
        args: Vec<String>,
        timeout: Option<Duration>,
        fds: Vec<OwnedFd>,
    ) -> Option<Reply> {
        let Some(container) = self.containers.get(&id) else {
            return Some(Reply::NotFound);
        };
        if container.state.phase != Phase::Running || container.init().is_none() {
            return Some(refused("the container is not running"));
        }
        let Ok([stdin, stdout, stderr]) = <[OwnedFd; 3]>::try_from(fds) else {
            return Some(refused("exec needs three descriptors"));
        };
        let stdio = Stdio {
            stdin,
            stdout,
            stderr,
        };
        self.next_exec += 1;
        let root = self.directory.join(LIBCONTAINER);
        let scratch = root.join(format!("exec-{}", self.next_exec));
        let directory = self.container_directory(&id);
        let keep = stdio.fds();
        let worker = Worker::spawn(&keep, || {
            worker::exec(&container.plan, &root, &directory, &scratch, args, stdio)
        });
        match worker {
            Ok(worker) => {
                let deadline = timeout.map(|timeout| self.clock.monotonic() + timeout);
                let kind = JobKind::Exec {
                    id,
                    deadline,
                    late: false,
                    scratch,
                };
                self.jobs.push(Job {
                    worker,
                    client,
                    kind,
                });
                None
            }
            Err(error) => Some(Reply::Failed {
                message: error.to_string(),
            }),
        }
    }

    fn reopen_log(&mut self, id: &str) -> Reply {
        match self.containers.get_mut(id).map(Container::reopen_log) {
            None => Reply::NotFound,
            Some(Ok(())) => Reply::Done,
            Some(Err(error)) => Reply::Failed {
                message: error.to_string(),
            },
        }
    }
}

pub(super) fn refused(message: &str) -> Reply {
    Reply::Refused {
        message: message.to_owned(),
    }
}

/// Opens what a container's init gets and the shim keeps: init's descriptors, its end of the
/// gate, and our ends.
fn open_ends(plan: &ContainerPlan, log: LogFile) -> io::Result<(Stdio, OwnedFd, Ends)> {
    let (out_reader, stdout) = sys::pipe()?;
    let (err_reader, stderr) = sys::pipe()?;
    let (gate, gate_writer) = sys::pipe()?;
    for fd in [&out_reader, &err_reader, &gate] {
        sys::set_nonblocking(fd.as_fd())?;
    }
    let (stdin, stdin_writer) = if plan.stdin {
        let (reader, writer) = sys::pipe()?;
        (reader, Some(writer))
    } else {
        (
            OpenOptions::new().read(true).open("/dev/null")?.into(),
            None,
        )
    };
    let ends = Ends {
        outputs: [out_reader, err_reader],
        stdin: stdin_writer,
        gate,
        log,
    };
    Ok((
        Stdio {
            stdin,
            stdout,
            stderr,
        },
        gate_writer,
        ends,
    ))
}
