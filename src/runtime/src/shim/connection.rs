//! A client of the shim: bytes in, bytes out, never waiting.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;

use serde::Serialize;

use super::protocol::{self, Request};
use super::sys;

/// Most bytes kept for a client that does not read; then it is dropped and must list anew.
const MAX_BACKLOG: usize = 1 << 20;

/// One connection.
#[derive(Debug)]
pub struct Connection {
    pub stream: UnixStream,
    inbox: Vec<u8>,
    /// Descriptors that came along.
    pub fds: Vec<OwnedFd>,
    outbox: VecDeque<u8>,
    /// Gets every change.
    pub subscribed: bool,
    /// Drop it once the outbox is empty.
    pub closing: bool,
}

impl Connection {
    /// # Errors
    /// When the stream cannot be made non-blocking.
    pub fn new(stream: UnixStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        Ok(Self {
            stream,
            inbox: Vec::new(),
            fds: Vec::new(),
            outbox: VecDeque::new(),
            subscribed: false,
            closing: false,
        })
    }

    /// Reads what is there; the request, once it is whole.
    ///
    /// # Errors
    /// When the connection is over: ended, broken, or talking nonsense.
    pub fn receive(&mut self) -> io::Result<Option<Request>> {
        let mut buffer = [0; 2048];
        loop {
            match sys::receive(&self.stream, &mut buffer, &mut self.fds) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => self.inbox.extend_from_slice(&buffer[..count]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        let request = protocol::decode(&mut self.inbox)?;
        if self.inbox.is_empty() {
            self.inbox = Vec::new();
        }
        Ok(request)
    }

    /// Queues a message and sends what the socket takes.
    ///
    /// # Errors
    /// When the connection is broken or its backlog too long.
    pub fn send<T: Serialize>(&mut self, message: &T) -> io::Result<()> {
        self.outbox.extend(protocol::encode(message)?);
        self.flush()?;
        if self.outbox.len() > MAX_BACKLOG {
            return Err(io::Error::other("a client does not read"));
        }
        Ok(())
    }

    /// Sends what the socket takes.
    ///
    /// # Errors
    /// When the connection is broken.
    pub fn flush(&mut self) -> io::Result<()> {
        while !self.outbox.is_empty() {
            let (front, _) = self.outbox.as_slices();
            match self.stream.write(front) {
                Ok(count) => drop(self.outbox.drain(..count)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.outbox = VecDeque::new();
        Ok(())
    }

    /// Whether there is something left to send.
    pub fn wants_write(&self) -> bool {
        !self.outbox.is_empty()
    }
}
