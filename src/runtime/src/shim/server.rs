//! The shim's loop: one `poll` over the socket, its clients, the containers' outputs and
//! SIGCHLD. Every request either is answered at once or leaves a note of who waits for what.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base::Clock;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::connection::Connection;
use super::container::{Client, Container, Ends, PLAN};
use super::log::LogFile;
use super::protocol::{self, Call, Event, Reply, Request};
use super::sys::{self, Exit};
use super::worker::{self, Stdio, Worker};
use super::{CONTAINERS, LIBCONTAINER};
use crate::cgroup::Hierarchies;
use crate::plan::{self, ContainerPlan, ContainerState, Phase};
use crate::process::Identity;

/// Whose descriptor is ready.
#[derive(Clone, Debug)]
enum Token {
    Listener,
    Signals,
    Client(Client),
    Gate(String),
    Output(String, usize),
}

/// A worker, whom to tell, and what its success means.
#[derive(Debug)]
struct Job {
    worker: Worker,
    client: Client,
    kind: JobKind,
}

#[derive(Debug)]
enum JobKind {
    Create {
        plan: Box<ContainerPlan>,
        directory: PathBuf,
        ends: Ends,
    },
    Start {
        id: String,
    },
    /// `deadline` is in monotonic time; once `late`, its client has been answered.
    Exec {
        id: String,
        deadline: Option<Duration>,
        late: bool,
        scratch: PathBuf,
    },
}

/// A command running in a container.
#[derive(Debug)]
struct Tenant {
    client: Client,
    deadline: Option<Duration>,
    timed_out: bool,
}

pub struct Shim {
    directory: PathBuf,
    listener: UnixListener,
    signals: OwnedFd,
    clock: Clock,
    host: Hierarchies,
    clients: BTreeMap<Client, Connection>,
    next_client: Client,
    containers: BTreeMap<String, Container>,
    jobs: Vec<Job>,
    tenants: BTreeMap<i32, Tenant>,
    /// Children that ended before their worker could say who they are.
    unclaimed: Vec<Exit>,
    next_exec: u64,
    ending: bool,
}

impl Shim {
    pub fn new(directory: PathBuf, listener: UnixListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        Ok(Self {
            directory,
            listener,
            signals: sys::child_signals()?,
            clock: Clock::system(),
            host: Hierarchies::discover()?,
            clients: BTreeMap::new(),
            next_client: 0,
            containers: BTreeMap::new(),
            jobs: Vec::new(),
            tenants: BTreeMap::new(),
            unclaimed: Vec::new(),
            next_exec: 0,
            ending: false,
        })
    }

    /// Serves until told to end.
    ///
    /// # Errors
    /// When waiting itself fails; containers then lose their shim.
    pub fn serve(&mut self) -> io::Result<()> {
        while !(self.ending && self.clients.values().all(|client| !client.wants_write())) {
            let ready = self.wait()?;
            for token in ready {
                self.handle(token);
            }
            self.meet_deadlines();
            self.clients
                .retain(|_, client| !client.closing || client.wants_write());
        }
        Ok(())
    }

    fn wait(&self) -> io::Result<Vec<Token>> {
        let mut tokens = vec![Token::Listener, Token::Signals];
        let mut fds = vec![
            PollFd::new(&self.listener, PollFlags::IN),
            PollFd::new(&self.signals, PollFlags::IN),
        ];
        for (number, client) in &self.clients {
            let mut interest = PollFlags::IN;
            interest.set(PollFlags::OUT, client.wants_write());
            tokens.push(Token::Client(*number));
            fds.push(PollFd::new(&client.stream, interest));
        }
        for (id, container) in &self.containers {
            if let Some(gate) = &container.gate {
                tokens.push(Token::Gate(id.clone()));
                fds.push(PollFd::new(gate, PollFlags::IN));
            }
            for (index, output) in container.outputs.iter().enumerate() {
                if let Some(output) = output {
                    tokens.push(Token::Output(id.clone(), index));
                    fds.push(PollFd::new(output, PollFlags::IN));
                }
            }
        }
        let timeout = self.next_deadline().map(|at| {
            let wait = at.saturating_sub(self.clock.monotonic());
            // Rounded up, so that the deadline has passed on waking.
            Timespec::try_from(wait + Duration::from_millis(1)).unwrap_or_default()
        });
        match poll(&mut fds, timeout.as_ref()) {
            Err(rustix::io::Errno::INTR) => return Ok(Vec::new()),
            other => other?,
        };
        let ready = tokens
            .into_iter()
            .zip(&fds)
            .filter(|(_, fd)| !fd.revents().is_empty());
        Ok(ready.map(|(token, _)| token).collect())
    }

    fn next_deadline(&self) -> Option<Duration> {
        let containers = self.containers.values().filter_map(Container::deadline);
        let tenants = self.tenants.values().filter_map(|tenant| tenant.deadline);
        let jobs = self.jobs.iter().filter_map(|job| match job.kind {
            JobKind::Exec { deadline, .. } => deadline,
            _ => None,
        });
        containers.chain(tenants).chain(jobs).min()
    }

    fn handle(&mut self, token: Token) {
        match token {
            Token::Listener => self.accept(),
            Token::Signals => self.reap(),
            Token::Client(number) => self.serve_client(number),
            Token::Gate(id) => self.pass_gate(&id),
            Token::Output(id, index) => {
                if let Some(container) = self.containers.get_mut(&id) {
                    container.drain(index, &self.clock);
                }
            }
        }
    }

    fn accept(&mut self) {
        while let Ok((stream, _)) = self.listener.accept() {
            match Connection::new(stream) {
                Ok(connection) => {
                    self.next_client += 1;
                    self.clients.insert(self.next_client, connection);
                }
                Err(error) => tracing::error!(%error, "accepting a client"),
            }
        }
    }

    fn serve_client(&mut self, number: Client) {
        let Some(client) = self.clients.get_mut(&number) else {
            return;
        };
        let request = client.flush().and_then(|()| client.receive());
        match request {
            Ok(None) => {}
            Ok(Some(request)) => {
                let fds = std::mem::take(&mut client.fds);
                if let Some(reply) = self.call(number, request, fds) {
                    self.reply(number, &reply);
                }
            }
            // It hung up or spoke nonsense; nothing it asked for is undone.
            Err(_) => drop(self.clients.remove(&number)),
        }
    }

    fn reply(&mut self, number: Client, reply: &Reply) {
        let Some(client) = self.clients.get_mut(&number) else {
            return;
        };
        client.closing = true;
        if client.send(reply).is_err() {
            // It hung up meanwhile; it will learn the outcome from the state.
            self.clients.remove(&number);
        }
    }

    /// The answer to a request, unless it comes later.
    fn call(&mut self, client: Client, request: Request, fds: Vec<OwnedFd>) -> Option<Reply> {
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

    fn subscribe(&mut self, number: Client) -> Option<Reply> {
        let states = self
            .containers
            .values()
            .map(|container| container.state.clone())
            .collect();
        let client = self.clients.get_mut(&number)?;
        client.subscribed = true;
        if client.send(&Event::Snapshot(states)).is_err() {
            self.clients.remove(&number);
        }
        None
    }

    /// Tells every subscriber of a container's state.
    fn publish(&mut self, state: &ContainerState) {
        let event = Event::Changed(state.clone());
        self.clients
            .retain(|_, client| !client.subscribed || client.send(&event).is_ok());
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
        let log = LogFile::open(&plan.log_path)
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

    fn forget(&mut self, id: &str) {
        let Some(container) = self.containers.remove(id) else {
            return;
        };
        if let Err(error) = self.host.remove(&container.plan.cgroup) {
            tracing::error!(id, %error, "removing the cgroup");
        }
        self.remove_libcontainer_state(id);
    }

    fn remove_libcontainer_state(&self, id: &str) {
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

    /// Takes the exits of all children that have ended.
    fn reap(&mut self) {
        let mut buffer = [0; 1024];
        // Emptied only to fall silent: how many signals there were says nothing.
        let _count = rustix::io::read(&self.signals, &mut buffer);
        while let Some(exit) = sys::reap() {
            self.child_exited(exit);
        }
        if self.jobs.is_empty() {
            // Nobody can claim them any more: intermediates, failed inits, adopted orphans.
            self.unclaimed = Vec::new();
        }
    }

    fn child_exited(&mut self, exit: Exit) {
        if let Some(index) = self.jobs.iter().position(|job| job.worker.pid == exit.pid) {
            let job = self.jobs.swap_remove(index);
            self.job_done(job);
        } else if let Some(tenant) = self.tenants.remove(&exit.pid) {
            self.tenant_exited(&tenant, exit);
        } else if let Some(id) = self.container_of(exit.pid) {
            self.init_exited(&id, exit);
        } else {
            self.unclaimed.push(exit);
        }
    }

    fn container_of(&self, pid: i32) -> Option<String> {
        let mut containers = self.containers.iter();
        containers
            .find(|(_, container)| container.init() == Some(pid))
            .map(|(id, _)| id.clone())
    }

    /// The exit of a process that ended before it was known.
    fn claim(&mut self, pid: i32) -> Option<Exit> {
        let index = self.unclaimed.iter().position(|exit| exit.pid == pid)?;
        Some(self.unclaimed.swap_remove(index))
    }

    fn job_done(&mut self, job: Job) {
        let outcome = job.worker.outcome();
        match (job.kind, outcome) {
            (
                JobKind::Create {
                    plan,
                    directory,
                    ends,
                },
                Ok(pid),
            ) => {
                self.created(job.client, *plan, &directory, ends, pid);
            }
            (JobKind::Create { plan, .. }, Err(message)) => {
                self.host.kill(&plan.cgroup);
                // A dying process may still hold it; the kubelet removes the pod's whole group.
                let _held = self.host.remove(&plan.cgroup);
                self.remove_libcontainer_state(&plan.id);
                self.reply(job.client, &Reply::Failed { message });
            }
            // The gate tells when init has executed the program.
            (JobKind::Start { .. }, Ok(_)) => {}
            (JobKind::Start { id }, Err(message)) => {
                let container = self.containers.get_mut(&id);
                // It may have been answered by init's exit.
                if container
                    .and_then(|container| container.starter.take())
                    .is_some()
                {
                    self.reply(job.client, &Reply::Failed { message });
                }
            }
            (JobKind::Exec { late: true, .. }, Ok(pid)) => sys::kill(pid, libc::SIGKILL),
            (JobKind::Exec { deadline, .. }, Ok(pid)) => {
                let tenant = Tenant {
                    client: job.client,
                    deadline,
                    timed_out: false,
                };
                match self.claim(pid) {
                    Some(exit) => self.tenant_exited(&tenant, exit),
                    None => drop(self.tenants.insert(pid, tenant)),
                }
            }
            (JobKind::Exec { id, scratch, .. }, Err(message)) => {
                // A worker that was killed leaves it.
                let _gone = std::fs::remove_dir_all(scratch);
                let gone = self
                    .containers
                    .get(&id)
                    .is_none_or(|it| it.init().is_none());
                let reply = match gone {
                    true => refused("the container has exited"),
                    false => Reply::Failed { message },
                };
                self.reply(job.client, &reply);
            }
        }
    }

    fn created(
        &mut self,
        client: Client,
        plan: ContainerPlan,
        directory: &Path,
        ends: Ends,
        pid: i32,
    ) {
        let id = plan.id.clone();
        adjust_oom_score(pid, plan.oom_score_adj);
        let container = Identity::of(pid)
            .map_err(|error| error.to_string())
            .and_then(|init| {
                let state = ContainerState::created(&id, init, self.clock.wall());
                Container::new(directory, plan, state, ends).map_err(|error| error.to_string())
            });
        match container {
            Ok(container) => {
                let state = container.state.clone();
                self.containers.insert(id.clone(), container);
                self.publish(&state);
                self.reply(client, &Reply::Container(state));
                if let Some(exit) = self.claim(pid) {
                    self.init_exited(&id, exit);
                }
            }
            Err(message) => {
                sys::kill(pid, libc::SIGKILL);
                self.remove_libcontainer_state(&id);
                self.reply(client, &Reply::Failed { message });
            }
        }
    }

    fn pass_gate(&mut self, id: &str) {
        let Some(container) = self.containers.get_mut(id) else {
            return;
        };
        if !container.pass_gate(&self.clock) || container.state.phase != Phase::Running {
            return;
        }
        container.save();
        let state = container.state.clone();
        let starter = container.starter.take();
        self.publish(&state);
        if let Some(client) = starter {
            self.reply(client, &Reply::Container(state));
        }
    }

    fn init_exited(&mut self, id: &str, exit: Exit) {
        // First whether it ran at all: Started comes before Stopped.
        self.pass_gate(id);
        let Some(container) = self.containers.get_mut(id) else {
            return;
        };
        container.init_exited(exit, &self.clock);
        if let Some(client) = container.starter.take() {
            let message = container.state.start_error.clone();
            let message = message.unwrap_or_else(|| "init was killed".to_owned());
            self.reply(client, &Reply::Failed { message });
        }
    }

    fn tenant_exited(&mut self, tenant: &Tenant, exit: Exit) {
        let reply = match tenant.timed_out {
            true => Reply::TimedOut,
            false => Reply::Exited { code: exit.code },
        };
        self.reply(tenant.client, &reply);
    }

    fn meet_deadlines(&mut self) {
        let now = self.clock.monotonic();
        for (pid, tenant) in &mut self.tenants {
            if tenant.deadline.is_some_and(|at| at <= now) {
                tenant.deadline = None;
                tenant.timed_out = true;
                // libcontainer made it the leader of a session.
                sys::kill(-pid, libc::SIGKILL);
                sys::kill(*pid, libc::SIGKILL);
            }
        }
        self.abandon_late_execs(now);
        let mut exited = Vec::new();
        for (id, container) in &mut self.containers {
            container.kill_if_due(&self.clock, &self.host);
            if container.sweep(&self.clock, &self.host) {
                exited.push(id.clone());
            }
        }
        for id in exited {
            self.exited(&id);
        }
    }

    /// Gives up execs whose command did not even start in time (a frozen container).
    fn abandon_late_execs(&mut self, now: Duration) {
        let mut answered = Vec::new();
        for job in &mut self.jobs {
            if let JobKind::Exec { deadline, late, .. } = &mut job.kind
                && deadline.is_some_and(|at| at <= now)
            {
                *deadline = None;
                *late = true;
                sys::kill(job.worker.pid, libc::SIGKILL);
                answered.push(job.client);
            }
        }
        for client in answered {
            self.reply(client, &Reply::TimedOut);
        }
    }

    fn exited(&mut self, id: &str) {
        let Some(container) = self.containers.get_mut(id) else {
            return;
        };
        container.save();
        let state = container.state.clone();
        let stoppers = std::mem::take(&mut container.stoppers);
        let removers = std::mem::take(&mut container.removers);
        self.publish(&state);
        for client in stoppers {
            self.reply(client, &Reply::Container(state.clone()));
        }
        if !removers.is_empty() {
            self.forget(id);
        }
        for client in removers {
            self.reply(client, &Reply::Done);
        }
    }
}

fn refused(message: &str) -> Reply {
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

/// Written to init from outside: libcontainer would write it to itself and fail where lowering
/// it needs CAP_SYS_RESOURCE. A refusal leaves the inherited value.
fn adjust_oom_score(pid: i32, value: i32) {
    if let Err(error) = std::fs::write(format!("/proc/{pid}/oom_score_adj"), value.to_string()) {
        tracing::error!(pid, value, %error, "oom_score_adj stays as it is");
    }
}
