//! The TLS listener: HTTP/1.1 and HTTP/2 on one port, optional client certificates.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::body::Body;
use base::{Clock, Shutdown};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use rustls::ServerConfig;
use rustls::pki_types::CertificateDer;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;
use tracing::{debug, warn};

use crate::ApiServer;

/// A handshake, or the headers of a request, may take this long.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// What is under way when the server stops may take this long to end.
const DRAIN: Duration = Duration::from_secs(5);
/// Streams on one HTTP/2 connection (upstream's default).
const MAX_STREAMS: u32 = 250;
const PENDING_RESETS: usize = 20;

/// The other end of a connection, put beside each of its requests.
#[derive(Clone, Debug)]
pub struct Peer {
    pub address: SocketAddr,
    /// The chain that the client presented, its own certificate first; not yet verified.
    pub certificates: Arc<Vec<CertificateDer<'static>>>,
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

    /// Serves until `shutdown`, then lets what is under way end.
    pub async fn serve(
        self,
        server: ApiServer,
        tls: Arc<ServerConfig>,
        clock: Clock,
        shutdown: Shutdown,
    ) {
        let acceptor = TlsAcceptor::from(tls);
        let graceful = GracefulShutdown::new();
        loop {
            let accepted = tokio::select! {
                accepted = self.socket.accept() => accepted,
                () = shutdown.stopping() => break,
            };
            match accepted {
                Ok((stream, address)) => {
                    let connection = Connection {
                        server: server.clone(),
                        acceptor: acceptor.clone(),
                        clock: clock.clone(),
                        address,
                    };
                    let watcher = graceful.watcher();
                    base::tasks::spawn("connection", connection.serve(stream, watcher));
                }
                Err(error) => {
                    // Out of file descriptors: let some close before the next try.
                    warn!(%error, "cannot accept a connection");
                    clock.sleep(Duration::from_millis(100)).await;
                }
            }
        }
        drop(self.socket);
        if clock.timeout(DRAIN, graceful.shutdown()).await.is_err() {
            debug!("connections were still open after the drain");
        }
    }
}

struct Connection {
    server: ApiServer,
    acceptor: TlsAcceptor,
    clock: Clock,
    address: SocketAddr,
}

impl Connection {
    async fn serve(self, stream: TcpStream, watcher: hyper_util::server::graceful::Watcher) {
        // Small answers go out at once; where this fails they go out later.
        let _ = stream.set_nodelay(true);
        let handshake = self
            .clock
            .timeout(HANDSHAKE, self.acceptor.accept(stream))
            .await;
        let stream = match handshake {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return debug!(peer = %self.address, %error, "TLS handshake failed"),
            Err(_) => return debug!(peer = %self.address, "TLS handshake took too long"),
        };
        let certificates = stream
            .get_ref()
            .1
            .peer_certificates()
            .unwrap_or_default()
            .to_vec();
        let peer = Peer {
            address: self.address,
            certificates: Arc::new(certificates),
        };
        let router = self.server.router().layer(Extension(peer));
        let service = tower::service_fn(move |request: http::Request<hyper::body::Incoming>| {
            router.clone().oneshot(request.map(Body::new))
        });
        let builder = builder();
        let connection = builder.serve_connection_with_upgrades(
            TokioIo::new(stream),
            TowerToHyperService::new(service),
        );
        if let Err(error) = watcher.watch(connection).await {
            debug!(peer = %self.address, error = %error, "connection ended");
        }
    }
}

fn builder() -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HANDSHAKE);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .max_pending_accept_reset_streams(PENDING_RESETS)
        .keep_alive_interval(Duration::from_secs(30))
        .keep_alive_timeout(Duration::from_secs(20));
    builder
}
