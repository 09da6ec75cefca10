//! One connection: its protocol, its limits, and its end.
//!
//! A connection ends by itself when its client leaves, is idle too long, sends no request, or
//! does not take its answers; and gracefully when the server stops.

mod activity;
mod delivery;

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use base::{Clock, Shutdown};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;
use tracing::debug;

pub(crate) use self::delivery::MayLast;

use self::activity::{Activity, Verdict};
use crate::ApiServer;
use crate::listener::Peer;

/// Streams on one HTTP/2 connection (upstream's default).
const MAX_STREAMS: u32 = 250;
/// Streams that a client opened and reset before they were looked at: more ends the connection
/// (CVE-2023-44487).
const PENDING_RESETS: usize = 20;
/// Streams that the server reset and still remembers.
const ERROR_RESETS: usize = 64;
/// What a client may send on one stream, and on all, before it is read (upstream: 256 KiB for a
/// stream, 250 times that for the connection).
const STREAM_WINDOW: u32 = 256 * 1024;
const CONNECTION_WINDOW: u32 = 1024 * 1024;
/// All headers of a request; the frames they come in are limited with it (CVE-2024-27316).
const HEADERS: u32 = 64 * 1024;
/// What waits to be sent on one stream.
const SEND_BUFFER: usize = 128 * 1024;
/// hyper counts the time between two requests of HTTP/1.1 as time for headers.
const HEADER_TIME: Duration = activity::IDLE;
/// A connection that was told to go may take this long.
const LEAVE: Duration = Duration::from_secs(5);

/// What a connection needs.
pub(crate) struct Cx {
    pub server: ApiServer,
    pub clock: Clock,
    pub shutdown: Shutdown,
    pub peer: Peer,
}

/// Answers requests until the connection ends.
pub(crate) async fn serve(cx: Cx, stream: TlsStream<TcpStream>) {
    let Cx {
        server,
        clock,
        shutdown,
        peer,
    } = cx;
    let address = peer.address;
    let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    let activity = Arc::new(Activity::new(clock.clone()));
    let seen = activity.clone();
    let service = tower::service_fn(move |request: http::Request<Incoming>| {
        let (server, peer, busy) = (server.clone(), peer.clone(), seen.enter());
        async move {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(peer);
            let response = server.handle(request).await;
            Ok::<_, std::convert::Infallible>(delivery::deliver(response, busy).await)
        }
    });
    let builder = builder(http2);
    let connection = builder
        .serve_connection_with_upgrades(TokioIo::new(stream), TowerToHyperService::new(service));
    tokio::pin!(connection);
    let mut look = activity.first_look();
    let mut leaving = false;
    loop {
        tokio::select! {
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    debug!(peer = %address, error = %error, "connection ended");
                }
                return;
            }
            () = shutdown.stopping(), if !leaving => {
                // The listener's drain is the limit.
                leaving = true;
                look = Duration::MAX;
                connection.as_mut().graceful_shutdown();
            }
            () = clock.sleep_until(look) => match activity.judge() {
                Verdict::Alive { until } => look = until,
                Verdict::Idle if !leaving => {
                    leaving = true;
                    look = clock.monotonic() + LEAVE;
                    connection.as_mut().graceful_shutdown();
                }
                verdict => return debug!(peer = %address, ?verdict, "closed a connection"),
            },
        }
    }
}

/// The client and the server have agreed on the protocol within TLS: nothing is guessed from the
/// first bytes, for which one would have to wait.
fn builder(http2: bool) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .max_buf_size(HEADERS as usize)
        .header_read_timeout(HEADER_TIME);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .max_pending_accept_reset_streams(PENDING_RESETS)
        .max_local_error_reset_streams(ERROR_RESETS)
        .max_header_list_size(HEADERS)
        .max_send_buf_size(SEND_BUFFER)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .keep_alive_interval(Duration::from_secs(30))
        .keep_alive_timeout(Duration::from_secs(20));
    if http2 {
        builder.http2_only()
    } else {
        builder.http1_only()
    }
}
