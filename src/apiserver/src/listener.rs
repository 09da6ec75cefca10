//! The TLS listener: HTTP/1.1 and HTTP/2 on one port, optional client certificates, everything
//! bounded.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use base::{Clock, Shutdown};
use jiff::Timestamp;
use rustls::ServerConfig;
use rustls::pki_types::CertificateDer;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_rustls::TlsAcceptor;
use tracing::{debug, warn};
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::ApiServer;
use crate::connection::{self, Cx};

/// A handshake may take this long.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// What is under way when the server stops may take this long to end.
const DRAIN: Duration = Duration::from_secs(5);
/// Connections at once, where the limit of open files allows so many.
const MOST: usize = 8192;
/// Of four places, three are for other machines: who sits at this one always gets in.
const FOR_OTHERS: (usize, usize) = (3, 4);

/// The other end of a connection, put beside each of its requests.
#[derive(Clone, Debug)]
pub struct Peer {
    pub address: SocketAddr,
    /// The chain that the client presented, its own certificate first; not yet verified.
    pub certificates: Arc<Vec<CertificateDer<'static>>>,
    /// When the client's own certificate ends.
    pub certificate_until: Option<Timestamp>,
}

/// The port cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    #[error(
        "cannot listen on {address}: the port is in use; stop the program that uses it or choose another port with --https-listen-port"
    )]
    InUse { address: SocketAddr },
    #[error("cannot listen on {address}: {source}")]
    Other {
        address: SocketAddr,
        source: io::Error,
    },
}

/// A bound socket that does not accept yet.
pub struct Listener {
    socket: TcpListener,
    address: SocketAddr,
}

impl Listener {
    /// Binds the address; port 0 takes a free one.
    ///
    /// # Errors
    /// [`ListenError`], with the remedy.
    pub async fn bind(address: SocketAddr) -> Result<Self, ListenError> {
        let bound = TcpListener::bind(address).await;
        let socket = bound.map_err(|source| match source.kind() {
            io::ErrorKind::AddrInUse => ListenError::InUse { address },
            _ => ListenError::Other { address, source },
        })?;
        let address = socket
            .local_addr()
            .map_err(|source| ListenError::Other { address, source })?;
        Ok(Self { socket, address })
    }

    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `shutdown`; then refuses new connections, tells the others to go, and waits
    /// for what is under way.
    pub async fn serve(
        self,
        server: ApiServer,
        tls: Arc<ServerConfig>,
        clock: Clock,
        shutdown: Shutdown,
    ) {
        let acceptor = TlsAcceptor::from(tls);
        let places = Places::new(most_connections());
        loop {
            let accepted = tokio::select! {
                accepted = self.socket.accept() => accepted,
                () = shutdown.stopping() => break,
            };
            let (stream, address) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Out of files: some must close before the next can open.
                    warn!(%error, "cannot accept a connection");
                    clock.sleep(Duration::from_millis(100)).await;
                    continue;
                }
            };
            let Some(place) = places.take(address) else {
                debug!(peer = %address, "refused a connection: too many are open");
                continue;
            };
            let arrival = Arrival {
                server: server.clone(),
                acceptor: acceptor.clone(),
                clock: clock.clone(),
                shutdown: shutdown.clone(),
                address,
                place,
            };
            base::tasks::spawn("connection", arrival.serve(stream));
        }
        drop(self.socket);
        if clock.timeout(DRAIN, places.all_free()).await.is_err() {
            debug!("connections were still open after the drain");
        }
    }
}

/// Half of the open files: the other half is the store's, the node's and the containers'.
fn most_connections() -> usize {
    let files = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    let half = files.map_or(MOST, |files| usize::try_from(files / 2).unwrap_or(MOST));
    half.clamp(64, MOST)
}

/// How many connections may be open, of which some are kept for clients on this machine.
struct Places {
    all: Arc<Semaphore>,
    others: Arc<Semaphore>,
    most: u32,
}

/// One connection's place.
struct Place {
    _all: OwnedSemaphorePermit,
    _others: Option<OwnedSemaphorePermit>,
}

impl Places {
    fn new(most: usize) -> Self {
        Self {
            all: Arc::new(Semaphore::new(most)),
            others: Arc::new(Semaphore::new(most * FOR_OTHERS.0 / FOR_OTHERS.1)),
            most: u32::try_from(most).unwrap_or(u32::MAX),
        }
    }

    fn take(&self, address: SocketAddr) -> Option<Place> {
        let others = if address.ip().to_canonical().is_loopback() {
            None
        } else {
            Some(self.others.clone().try_acquire_owned().ok()?)
        };
        let all = self.all.clone().try_acquire_owned().ok()?;
        Some(Place {
            _all: all,
            _others: others,
        })
    }

    /// Resolves when no connection is open any more.
    async fn all_free(&self) {
        // The semaphore is never closed, so that this can only succeed.
        let _closed = self.all.acquire_many(self.most).await;
    }
}

/// A connection that was just accepted.
struct Arrival {
    server: ApiServer,
    acceptor: TlsAcceptor,
    clock: Clock,
    shutdown: Shutdown,
    address: SocketAddr,
    place: Place,
}

impl Arrival {
    async fn serve(self, stream: TcpStream) {
        let _place = self.place;
        // Small answers go out at once; where this fails they go out later.
        let _ = stream.set_nodelay(true);
        let handshake = self.acceptor.accept(stream);
        let refused = &self.server.0.metrics.handshake_errors;
        let stream = match self.clock.timeout(HANDSHAKE, handshake).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => {
                refused.inc();
                return debug!(peer = %self.address, %error, "TLS handshake failed");
            }
            Err(_) => {
                refused.inc();
                return debug!(peer = %self.address, "TLS handshake took too long");
            }
        };
        let certificates = stream.get_ref().1.peer_certificates();
        let certificates = certificates.unwrap_or_default().to_vec();
        let peer = Peer {
            address: self.address,
            certificate_until: certificates.first().and_then(until),
            certificates: Arc::new(certificates),
        };
        let cx = Cx {
            server: self.server,
            clock: self.clock,
            shutdown: self.shutdown,
            peer,
        };
        connection::serve(cx, stream).await;
    }
}

/// When a certificate ends; whether it can be read at all is the authenticator's question.
fn until(certificate: &CertificateDer<'_>) -> Option<Timestamp> {
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    Timestamp::from_second(certificate.validity().not_after.timestamp()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_machines_cannot_take_every_place() {
        let places = Places::new(64);
        let other: SocketAddr = "192.0.2.1:1".parse().expect("an address");
        let mut held: Vec<Place> = Vec::new();
        while let Some(place) = places.take(other) {
            held.push(place);
        }
        assert_eq!(held.len(), 48);
        let own: SocketAddr = "[::ffff:127.0.0.1]:1".parse().expect("an address");
        while let Some(place) = places.take(own) {
            held.push(place);
        }
        assert_eq!(held.len(), 64);
        held.clear();
        assert!(places.take(other).is_some());
    }
}
