//! The reference for reads and watches: axum, with the server's own TLS configuration, that
//! gives back what it was given last and passes frames on to whoever follows.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, State};
use axum::routing::get;
use base::Clock;
use bytes::Bytes;
use futures::StreamExt;
use futures::stream;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use pki::{Pki, PkiOptions};
use tokio::net::TcpListener;
use tokio::sync::{broadcast, watch};
use tokio_rustls::TlsAcceptor;

use crate::wire::Connection;

const PORT: u16 = 16443;
/// GET reads it, PUT sets it.
pub const VALUE: &str = "/value";
/// GET follows, PATCH passes on a frame.
pub const FRAMES: &str = "/frames";

#[derive(Clone)]
struct Shared {
    value: watch::Sender<Bytes>,
    frames: broadcast::Sender<Bytes>,
}

pub async fn run(directory: &Path) -> Result<()> {
    let localhost = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let pki = Pki::open(PkiOptions::new(directory, Clock::system(), "echo"))?;
    let acceptor = TlsAcceptor::from(pki.server_config()?);
    let socket = TcpListener::bind((localhost, PORT)).await?;
    pki.kubeconfig(PORT)
        .write(&directory.join("rk3s.yaml"), 0o600)?;
    let shared = Shared {
        value: watch::Sender::new(Bytes::new()),
        frames: broadcast::Sender::new(1 << 16),
    };
    let router = Router::new()
        .route("/readyz", get(async || "ok"))
        .route(VALUE, get(value).put(set_value))
        .route(FRAMES, get(follow).patch(pass_on))
        .layer(DefaultBodyLimit::disable())
        .with_state(shared);
    loop {
        let (stream, _) = socket.accept().await?;
        stream.set_nodelay(true)?;
        let (acceptor, router) = (acceptor.clone(), router.clone());
        tokio::spawn(async move {
            let stream = acceptor.accept(stream).await?;
            let service = TowerToHyperService::new(router);
            let builder = Arc::new(auto::Builder::new(TokioExecutor::new()));
            let served = builder.serve_connection(TokioIo::new(stream), service);
            served.await.map_err(|error| anyhow::anyhow!(error))
        });
    }
}

async fn value(State(shared): State<Shared>) -> Bytes {
    shared.value.borrow().clone()
}

async fn set_value(State(shared): State<Shared>, body: Bytes) {
    shared.value.send_replace(body);
}

async fn follow(State(shared): State<Shared>) -> Body {
    let frames = stream::unfold(shared.frames.subscribe(), |mut frames| async {
        let frame = frames.recv().await.ok()?;
        Some((Ok::<_, std::convert::Infallible>(frame), frames))
    });
    Body::from_stream(frames.boxed())
}

async fn pass_on(State(shared): State<Shared>, body: Bytes) -> Result<(), String> {
    let frame = [&body[..], b"\n"].concat();
    let sent = shared.frames.send(frame.into());
    sent.map(drop).map_err(|error| error.to_string())
}

/// What [`VALUE`] gives from now on.
pub async fn set(connection: &mut Connection, value: Bytes) -> Result<()> {
    let set = connection.ask("PUT", VALUE, "", value).await;
    set.map(drop).context("the reference takes a value")
}
