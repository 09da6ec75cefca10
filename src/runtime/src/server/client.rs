//! Calls to a shim.

use std::fs::File;
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::os::unix::net::UnixStream as StdStream;
use std::path::{Path, PathBuf};

use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags};
use serde::de::DeserializeOwned;
use tokio::io::AsyncReadExt;
use tokio::net::UnixStream;

use crate::shim::SOCKET;
use crate::shim::protocol::{self, Call, Event, Reply, Request};

/// Reaches the shim of one sandbox.
#[derive(Clone, Debug)]
pub struct ShimClient {
    directory: PathBuf,
}

/// No shim answers there: it is gone or never came.
#[derive(Debug, thiserror::Error)]
#[error("the shim of {directory} is gone: {source}")]
pub struct Gone {
    directory: PathBuf,
    source: io::Error,
}

impl ShimClient {
    /// A client of the shim that serves in a sandbox's directory.
    pub fn new(directory: &Path) -> Self {
        Self {
            directory: directory.to_owned(),
        }
    }

    /// Makes one call, sending descriptors along, and waits for its answer.
    ///
    /// # Errors
    /// [`Gone`]; whether the call took effect is then unknown.
    pub async fn call(&self, call: Call, fds: &[BorrowedFd<'_>]) -> Result<Reply, Gone> {
        let mut stream = self.send(call, fds).map_err(|source| self.gone(source))?;
        let mut buffer = Vec::new();
        receive(&mut stream, &mut buffer)
            .await
            .map_err(|source| self.gone(source))
    }

    /// Opens the stream of changes, which begins with a snapshot.
    ///
    /// # Errors
    /// [`Gone`].
    pub async fn subscribe(&self) -> Result<Subscription, Gone> {
        let stream = self
            .send(Call::Subscribe, &[])
            .map_err(|source| self.gone(source))?;
        Ok(Subscription {
            client: self.clone(),
            stream,
            buffer: Vec::new(),
        })
    }

    fn gone(&self, source: io::Error) -> Gone {
        Gone {
            directory: self.directory.clone(),
            source,
        }
    }

    fn send(&self, call: Call, fds: &[BorrowedFd<'_>]) -> io::Result<UnixStream> {
        // A socket's path is limited to 108 bytes; through the descriptor any directory will do.
        let directory = File::open(&self.directory)?;
        let path = format!("/proc/self/fd/{}/{SOCKET}", directory.as_raw_fd());
        let stream = StdStream::connect(path)?;
        let message = protocol::encode(&Request {
            version: protocol::VERSION,
            call,
        })?;
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(3))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        if !fds.is_empty() && !control.push(SendAncillaryMessage::ScmRights(fds)) {
            return Err(io::Error::other("too many descriptors for one call"));
        }
        let mut slices: &[u8] = &message;
        while !slices.is_empty() {
            // The descriptors go with the first bytes; the shim reads without pause.
            let sent = rustix::net::sendmsg(
                &stream,
                &[IoSlice::new(slices)],
                &mut control,
                SendFlags::NOSIGNAL,
            )?;
            slices = &slices[sent..];
            control.clear();
        }
        stream.set_nonblocking(true)?;
        UnixStream::from_std(stream)
    }
}

/// What a shim tells on its own.
#[derive(Debug)]
pub struct Subscription {
    client: ShimClient,
    stream: UnixStream,
    buffer: Vec<u8>,
}

impl Subscription {
    /// The next event.
    ///
    /// # Errors
    /// [`Gone`] when the shim has ended or dropped us.
    pub async fn next(&mut self) -> Result<Event, Gone> {
        let event = receive(&mut self.stream, &mut self.buffer).await;
        event.map_err(|source| self.client.gone(source))
    }
}

async fn receive<T: DeserializeOwned>(
    stream: &mut UnixStream,
    buffer: &mut Vec<u8>,
) -> io::Result<T> {
    loop {
        if let Some(message) = protocol::decode(buffer)? {
            return Ok(message);
        }
        if stream.read_buf(buffer).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}
