//! The shim's loop: one `poll` over the socket, its clients, the containers' outputs and
//! SIGCHLD. Every request either is answered at once or leaves a note of who waits for what.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::time::Duration;

use base::Clock;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::connection::Connection;
use super::container::{Client, Container, Ends};
use super::protocol::{Event, Reply};
use super::sys::{self, Exit};
use super::worker::Worker;
use crate::cgroup::Hierarchies;
use crate::plan::{ContainerPlan, ContainerState};

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
pub(super) struct Job {
    pub worker: Worker,
    pub client: Client,
    pub kind: JobKind,
}

#[derive(Debug)]
pub(super) enum JobKind {
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
pub(super) struct Tenant {
    pub client: Client,
    pub deadline: Option<Duration>,
    pub timed_out: bool,
}

pub struct Shim {
    pub(super) directory: PathBuf,
    pub(super) listener: UnixListener,
    pub(super) signals: OwnedFd,
    pub(super) clock: Clock,
    pub(super) host: Hierarchies,
    pub(super) clients: BTreeMap<Client, Connection>,
    pub(super) next_client: Client,
    pub(super) containers: BTreeMap<String, Container>,
    pub(super) jobs: Vec<Job>,
    pub(super) tenants: BTreeMap<i32, Tenant>,
    /// Children that ended before their worker could say who they are.
    pub(super) unclaimed: Vec<Exit>,
    pub(super) next_exec: u64,
    pub(super) ending: bool,
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
            Timespec::try_from(wait + Duration::from_millis(1))
                .expect("waits are u64 milliseconds at most")
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

    pub(super) fn reply(&mut self, number: Client, reply: &Reply) {
        let Some(client) = self.clients.get_mut(&number) else {
            return;
        };
        client.closing = true;
        let lost = base::failpoint::at("shim::before-reply").is_some();
        if lost || client.send(reply).is_err() {
            // It hung up meanwhile; it will learn the outcome from the state.
            self.clients.remove(&number);
        }
    }

    pub(super) fn subscribe(&mut self, number: Client) -> Option<Reply> {
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
    pub(super) fn publish(&mut self, state: &ContainerState) {
        let event = Event::Changed(state.clone());
        self.clients
            .retain(|_, client| !client.subscribed || client.send(&event).is_ok());
    }
}
