//! The kubelet's HTTPS server: logs, health, what runs here.

mod query;
mod routes;

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use base::{Clock, Shutdown};
use bytes::Bytes;
use futures::future::BoxFuture;
use http::header::AUTHORIZATION;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use rustls::ServerConfig;
use rustls::pki_types::CertificateDer;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tracing::{debug, warn};

pub(crate) use routes::Logs;

/// A handshake may take this long.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// Who may ask the kubelet what: authentication and authorization are the cluster's.
pub trait Gate: Send + Sync {
    /// Whether the holder of these credentials may use one of these parts of the node's API, as
    /// RBAC names them (`nodes/proxy`, `nodes/log`), with this verb.
    ///
    /// # Errors
    /// The HTTP status and the text of the refusal.
    fn check<'a>(
        &'a self,
        caller: Caller<'a>,
        verb: &'a str,
        subresources: &'a [&'a str],
    ) -> BoxFuture<'a, Result<(), (StatusCode, String)>>;
}

/// What came with a request to the kubelet.
#[derive(Clone, Copy, Debug)]
pub struct Caller<'a> {
    /// The client's chain, its own certificate first.
    pub peer: &'a [CertificateDer<'static>],
    /// The token of `Authorization: Bearer`.
    pub bearer: Option<&'a str>,
}

type Body = UnsyncBoxBody<Bytes, io::Error>;

/// A bound socket.
pub(crate) struct Server {
    listener: TcpListener,
    acceptor: TlsAcceptor,
    gate: Arc<dyn Gate>,
    logs: Arc<Logs>,
    clock: Clock,
}

impl Server {
    /// Binds the kubelet's port.
    ///
    /// # Errors
    /// When the port is in use or may not be had.
    pub(crate) async fn bind(
        address: SocketAddr,
        tls: Arc<ServerConfig>,
        gate: Arc<dyn Gate>,
        logs: Arc<Logs>,
        clock: Clock,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        Ok(Self {
            listener,
            acceptor: TlsAcceptor::from(tls),
            gate,
            logs,
            clock,
        })
    }

    pub(crate) fn port(&self) -> io::Result<u16> {
        Ok(self.listener.local_addr()?.port())
    }

    /// Serves until shutdown.
    pub(crate) async fn serve(self, shutdown: Shutdown) {
        let server = Arc::new(self);
        loop {
            let accepted = tokio::select! {
                accepted = server.listener.accept() => accepted,
                () = shutdown.stopping() => return,
            };
            match accepted {
                Ok((stream, _)) => {
                    let server = server.clone();
                    base::tasks::spawn("kubelet connection", async move {
                        if let Err(error) = server.connection(stream).await {
                            debug!(%error, "a connection to the kubelet ended");
                        }
                    });
                }
                Err(error) => {
                    warn!(%error, "the kubelet cannot accept a connection");
                    // Out of file descriptors: let some close before the next try.
                    server.clock.sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }

    async fn connection(self: Arc<Self>, stream: TcpStream) -> Result<(), String> {
        let handshake = self
            .clock
            .timeout(HANDSHAKE, self.acceptor.accept(stream))
            .await;
        let stream = handshake
            .map_err(|e| e.to_string())?
            .map_err(|e| e.to_string())?;
        let peer = stream
            .get_ref()
            .1
            .peer_certificates()
            .unwrap_or_default()
            .to_vec();
        let service = hyper::service::service_fn(move |request: Request<Incoming>| {
            let (server, peer) = (self.clone(), peer.clone());
            async move { Ok::<Response<Body>, Infallible>(server.answer(&request, &peer).await) }
        });
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder.http1().timer(TokioTimer::new());
        builder.http2().timer(TokioTimer::new());
        let served = builder
            .serve_connection(TokioIo::new(stream), service)
            .await;
        served.map_err(|error| error.to_string())
    }

    async fn answer(
        &self,
        request: &Request<Incoming>,
        peer: &[CertificateDer<'static>],
    ) -> Response<Body> {
        let subresources = routes::subresources(request.uri().path());
        let bearer = bearer(request.headers());
        let caller = Caller { peer, bearer };
        if let Err((code, text)) = self
            .gate
            .check(caller, verb(request.method()), subresources)
            .await
        {
            return routes::text(code, text);
        }
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return routes::text(StatusCode::METHOD_NOT_ALLOWED, "405: Method Not Allowed");
        }
        self.logs.route(request.uri()).await
    }
}

/// As RBAC names what an HTTP method does to the node's API. Upstream gives the others no verb
/// (`NewNodeAuthorizerAttributesGetter`): only a right to all verbs covers them.
fn verb(method: &Method) -> &'static str {
    match *method {
        Method::POST => "create",
        Method::GET => "get",
        Method::PUT => "update",
        Method::PATCH => "patch",
        Method::DELETE => "delete",
        _ => "",
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    let bearer = scheme.eq_ignore_ascii_case("bearer");
    bearer.then_some(token.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_authorized_as_upstream_names_it() {
        let methods = [
            ("POST", "create"),
            ("GET", "get"),
            ("PUT", "update"),
            ("PATCH", "patch"),
            ("DELETE", "delete"),
            // No verb: only the right to all of them will do.
            ("HEAD", ""),
            ("OPTIONS", ""),
            ("TRACE", ""),
            ("CONNECT", ""),
            ("LIST", ""),
            ("get", ""),
        ];
        for (method, expected) in methods {
            let method = Method::from_bytes(method.as_bytes()).expect("a method");
            assert_eq!(verb(&method), expected, "{method}");
        }
        let paths: [(&str, &[&str]); 24] = [
            ("/healthz", &["healthz", "proxy"]),
            ("/healthz/ping", &["healthz", "proxy"]),
            ("/pods", &["pods", "proxy"]),
            ("/pods/", &["pods", "proxy"]),
            ("/runningpods/", &["pods", "proxy"]),
            ("/configz", &["configz", "proxy"]),
            ("/stats", &["stats"]),
            ("/stats/summary", &["stats"]),
            ("/metrics", &["metrics"]),
            ("/metrics/cadvisor", &["metrics"]),
            ("/logs", &["log"]),
            ("/logs/kubelet.log", &["log"]),
            ("/checkpoint/ns/pod/c", &["checkpoint"]),
            ("/statusz", &["statusz"]),
            ("/flagz", &["configz"]),
            ("/", &["proxy"]),
            ("/containerLogs/ns/pod/c", &["proxy"]),
            ("/exec/ns/pod/c", &["proxy"]),
            ("/attach/ns/pod/c", &["proxy"]),
            ("/run/ns/pod/c", &["proxy"]),
            ("/portForward/ns/pod", &["proxy"]),
            ("/debug/pprof/heap", &["proxy"]),
            // A beginning is not the whole name.
            ("/metricsx", &["proxy"]),
            ("/x/metrics", &["proxy"]),
        ];
        for (path, expected) in paths {
            assert_eq!(routes::subresources(path), expected, "{path}");
        }
    }
}
