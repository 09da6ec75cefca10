//! Interfaces, addresses and routes of one network namespace, over rtnetlink.

mod bridge;
mod port;
mod survey;

use std::io;
use std::os::fd::{FromRawFd, IntoRawFd, OwnedFd};

use futures::TryStreamExt;
use netlink_packet_route::link::{InfoKind, LinkAttribute, LinkInfo, LinkMessage};
use netlink_sys::protocols::NETLINK_ROUTE;
use netlink_sys::{Socket, TokioSocket};
use rtnetlink::Handle;
use rustix::net::sockopt;
use tokio::task::JoinHandle;

use crate::mac::Mac;
use crate::netns;

pub use bridge::BridgePlan;
pub use port::{POD_INTERFACE, PortPlan};
pub use survey::{Address, DefaultRoute};

/// Room for the answers to some hundred requests under way; a skb takes a page or more.
const RECEIVE_BUFFER: usize = 4 << 20;

/// Why the kernel did not change or tell something.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("netlink socket: {0}")]
    Socket(#[from] io::Error),
    #[error("{what}: {}", reason(.source))]
    Request {
        what: String,
        source: rtnetlink::Error,
    },
    /// A name is taken by an interface of another kind.
    #[error("interface {name}: exists and is not a bridge")]
    NotABridge { name: String },
    #[error("interface {name}: vanished")]
    Vanished { name: String },
}

fn reason(error: &rtnetlink::Error) -> String {
    match error {
        rtnetlink::Error::NetlinkError(message) => message.to_io().to_string(),
        other => other.to_string(),
    }
}

fn during(what: impl Into<String>) -> impl FnOnce(rtnetlink::Error) -> Error {
    let what = what.into();
    move |source| Error::Request { what, source }
}

/// The errno of a request the kernel refused, 0 for other failures.
fn errno(error: &rtnetlink::Error) -> i32 {
    match error {
        rtnetlink::Error::NetlinkError(message) => message.raw_code().abs(),
        _ => 0,
    }
}

/// Drops the error that says that what was to be removed is not there.
fn unless_gone(result: Result<(), rtnetlink::Error>) -> Result<(), rtnetlink::Error> {
    match result {
        Err(error) if [libc::ENODEV, libc::ENOENT, libc::ESRCH].contains(&errno(&error)) => Ok(()),
        other => other,
    }
}

/// What matters about an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    pub index: u32,
    pub name: String,
    pub up: bool,
    pub loopback: bool,
    pub mtu: u32,
    pub mac: Option<Mac>,
    /// The bridge it is a port of.
    pub controller: Option<u32>,
    /// The index of its other end, in that one's namespace.
    pub peer: Option<u32>,
    is_bridge: bool,
}

/// A netlink socket and the task that serves it.
pub struct Links {
    handle: Handle,
    connection: JoinHandle<Option<()>>,
}

impl Links {
    /// Of the calling thread's network namespace.
    ///
    /// # Errors
    /// [`Error::Socket`]
    pub fn here() -> Result<Self, Error> {
        Ok(Self::over(Socket::new(NETLINK_ROUTE)?)?)
    }

    /// Of another network namespace, which lives at least until [`Links::close`].
    ///
    /// # Errors
    /// [`Error::Socket`]
    pub async fn inside(namespace: &OwnedFd) -> Result<Self, Error> {
        let socket = netns::in_namespace(namespace, || Socket::new(NETLINK_ROUTE)).await?;
        Ok(Self::over(socket)?)
    }

    fn over(socket: Socket) -> io::Result<Self> {
        // An answer that finds no room is lost, and the connection with it.
        sockopt::set_socket_recv_buffer_size_force(&socket, RECEIVE_BUFFER)?;
        // Done here once more, because from_raw_fd panics where it fails.
        socket.set_non_blocking(true)?;
        // SAFETY: the descriptor was just given up by its only owner.
        let socket = unsafe { TokioSocket::from_raw_fd(socket.into_raw_fd()) };
        let (connection, handle, _) = rtnetlink::from_socket(socket);
        let connection = base::tasks::spawn("netlink", connection);
        Ok(Self { handle, connection })
    }

    /// Closes the socket; once this returns it keeps its namespace alive no longer.
    pub async fn close(self) {
        drop(self.handle);
        // The connection ends with its last handle; how it ends changes nothing any more.
        let _ = self.connection.await;
    }

    /// The interface of that name.
    ///
    /// # Errors
    /// [`Error::Request`]
    pub async fn find(&self, name: &str) -> Result<Option<Link>, Error> {
        let mut found = self.handle.link().get().match_name(name).execute();
        match found.try_next().await {
            Ok(message) => Ok(message.map(Link::read)),
            Err(error) if errno(&error) == libc::ENODEV => Ok(None),
            Err(error) => Err(during(format!("find interface {name}"))(error)),
        }
    }

    /// All interfaces, by index.
    ///
    /// # Errors
    /// [`Error::Request`]
    pub async fn all(&self) -> Result<Vec<Link>, Error> {
        let messages: Vec<_> = self
            .handle
            .link()
            .get()
            .execute()
            .try_collect()
            .await
            .map_err(during("list interfaces"))?;
        Ok(messages.into_iter().map(Link::read).collect())
    }

    /// Deletes an interface; one that is gone is a success. Takes some 25 ms: where the
    /// interface's namespace ends anyway, let that take it away.
    ///
    /// # Errors
    /// [`Error::Request`]
    pub async fn delete(&self, link: &Link) -> Result<(), Error> {
        unless_gone(self.handle.link().del(link.index).execute().await)
            .map_err(during(format!("delete interface {}", link.name)))
    }
}

impl Link {
    fn read(message: LinkMessage) -> Self {
        let flags = message.header.flags;
        let mut link = Self {
            index: message.header.index,
            name: String::new(),
            up: flags.contains(netlink_packet_route::link::LinkFlags::Up),
            loopback: flags.contains(netlink_packet_route::link::LinkFlags::Loopback),
            mtu: 0,
            mac: None,
            controller: None,
            peer: None,
            is_bridge: false,
        };
        for attribute in message.attributes {
            match attribute {
                LinkAttribute::IfName(name) => link.name = name,
                LinkAttribute::Mtu(mtu) => link.mtu = mtu,
                LinkAttribute::Address(bytes) => link.mac = bytes.try_into().ok().map(Mac),
                LinkAttribute::Controller(index) => link.controller = Some(index),
                LinkAttribute::Link(index) => link.peer = Some(index),
                LinkAttribute::LinkInfo(infos) => {
                    link.is_bridge = infos.contains(&LinkInfo::Kind(InfoKind::Bridge));
                }
                _ => {}
            }
        }
        link
    }
}
