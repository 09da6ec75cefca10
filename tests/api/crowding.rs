//! One client that takes what it can, and the others who are answered as ever.
//!
//! Controls, each seen to go red: with a share of the whole for one user (`SHARE` of 1), or without
//! a limit of bodies, the answers 429 do not come; a HEAD that is answered like a GET ends its
//! HTTP/2 stream with PROTOCOL_ERROR; without its Content-Length the two differ; where a place that
//! is dropped stays taken, requests after those that were given up are refused.

use std::sync::Arc;

use bytes::Bytes;
use futures::StreamExt;
use futures::stream::{self, FuturesUnordered};
use http::response::Parts;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Empty, StreamBody};
use hyper::body::Frame;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::json;
use store::testing::{Layer, Layered};
use store::{BoxFuture, KeyValue, MemStore, Revision, Store as _};
use tokio::sync::watch;

use crate::wire::{Server, administrator, anonymous, within};
use crate::world::{Said, World};

const REVIEWS: &str = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";

/// How a body begins. h2 ends a connection on which many smaller frames wait to be read.
const BEGUN: &[u8] = &[b' '; 1024];

/// A review in which nothing is asked beyond what everybody may ask.
fn review() -> Said {
    Said::json(&json!({"spec": {"nonResourceAttributes": {"path": "/", "verb": "get"}}}))
}

/// A store that never answers a read of `stuck`.
struct Stuck(watch::Sender<usize>);

impl Layer for Stuck {
    fn get<'a>(
        &'a self,
        store: &'a MemStore,
        key: &'a str,
        at: Option<Revision>,
    ) -> BoxFuture<'a, Result<Option<KeyValue>, store::Error>> {
        if key.ends_with("/stuck") {
            self.0.send_modify(|asked| *asked += 1);
            return Box::pin(std::future::pending());
        }
        store.get(key, at)
    }
}

#[tokio::test]
async fn a_request_that_is_given_up_gives_its_place_back() {
    /// All that the cluster's own have.
    const PLACES: usize = 400;
    const READING: &str = "apiserver_current_inflight_requests{request_kind=\"readOnly\"} ";
    let reached = watch::Sender::new(0);
    let layer = Stuck(reached.clone());
    let world = World::over(|store| Arc::new(Layered { store, layer })).await;
    let world = Arc::new(world);
    let map = |name| format!("/api/v1/namespaces/default/configmaps/{name}");
    let own = Said {
        user: "system:serviceaccount:kube-system:namespace-controller".to_owned(),
        ..Said::nothing()
    };
    let taken = async || {
        let text = world.get("/metrics").await.body;
        let text = String::from_utf8_lossy(&text).into_owned();
        let line = text.lines().find_map(|line| line.strip_prefix(READING));
        line.map(str::to_owned).expect("a gauge")
    };
    assert_eq!(taken().await, "1", "it asks itself");
    let asking: Vec<_> = (0..PLACES)
        .map(|_| {
            let (world, own, uri) = (world.clone(), own.clone(), map("stuck"));
            tokio::spawn(async move { world.ask("GET", &uri, &own).await })
        })
        .collect();
    let mut all = reached.subscribe();
    let all = within(all.wait_for(|asked| *asked == PLACES)).await;
    drop(all.expect("never closed"));
    assert_eq!(taken().await, (PLACES + 1).to_string());
    world.expect(429, "GET", &map("other"), &own).await;
    for asking in asking {
        asking.abort();
        let ended = asking.await.expect_err("it was stuck");
        assert!(ended.is_cancelled());
    }
    assert_eq!(taken().await, "1");
    let answer = world.send("GET", &map("other"), &own).await;
    assert_eq!(answer.status(), StatusCode::NOT_FOUND);
    assert_eq!(taken().await, "2", "an answer that nobody takes");
    drop(answer);
    assert_eq!(taken().await, "1");
}

#[tokio::test]
async fn bodies_that_do_not_come_keep_nobody_else_out() {
    let server = Server::start().await;
    let token = server.world.token().await;
    let stream = server.connect(anonymous(&[b"h2"])).await;
    let io = TokioIo::new(stream);
    let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), io);
    let (sender, connection) = handshake.await.expect("HTTP/2");
    let driving = tokio::spawn(connection);
    let mut waiting: FuturesUnordered<_> = (0..205)
        .map(|_| {
            let begun = Frame::data(Bytes::from_static(BEGUN));
            let begun = stream::once(std::future::ready(Ok::<_, std::io::Error>(begun)));
            let request = Request::post(format!("https://localhost{REVIEWS}"))
                .header("Authorization", format!("Bearer {token}"))
                .header("Content-Type", "application/json")
                .body(StreamBody::new(begun.chain(stream::pending()).boxed()));
            let mut sender = sender.clone();
            async move { sender.send_request(request.expect("a request")).await }
        })
        .collect();
    // One user has a quarter of 200 places; the rest of the crowd is told so at once.
    for _ in 0..155 {
        let answer = within(waiting.next()).await.expect("205 are under way");
        assert_eq!(
            answer.expect("an answer").status(),
            StatusCode::TOO_MANY_REQUESTS
        );
    }
    let mut other = review();
    other.user = "system:serviceaccount:kube-system:other".to_owned();
    server.world.expect(201, "POST", REVIEWS, &other).await;
    server.is_well().await;
    drop((waiting, sender));
    // How the connection ends is the server's business.
    let _ = within(driving).await;
    server.stop().await;
}

#[tokio::test]
async fn a_head_has_no_body_over_both_versions() {
    let server = Server::start().await;
    let maps = "/api/v1/namespaces/default/configmaps";
    let large = json!({"metadata": {"name": "large"}, "data": {"k": "x".repeat(300_000)}});
    server.world.create(maps, &large).await;
    // A large list is made while it is sent: its length is told by neither.
    for (path, known) in [("/api/v1/namespaces/default", true), (maps, false)] {
        for alpn in [&b"h2"[..], b"http/1.1"] {
            let (head, body) = ask(&server, alpn, "HEAD", path).await;
            assert_eq!(head.status, 200);
            assert!(body.is_empty());
            let said = head.headers.get("content-length");
            assert_eq!(said.is_some(), known, "{path}");
            let (head, body) = ask(&server, alpn, "GET", path).await;
            assert_eq!(said, head.headers.get("content-length"));
            assert!(said.is_none_or(|said| *said == body.len().to_string()));
        }
    }
    server.stop().await;
}

/// One request on a connection of its own.
async fn ask(server: &Server, alpn: &[u8], method: &str, path: &str) -> (Parts, Bytes) {
    let mut config = administrator();
    config.alpn_protocols = vec![alpn.to_vec()];
    let io = TokioIo::new(server.connect(config).await);
    let request = |uri: &str| {
        let request = Request::builder().method(method).uri(uri);
        let request = request.header("Host", "localhost");
        request.body(Empty::<Bytes>::new()).expect("a request")
    };
    let answer = if alpn == b"h2" {
        let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), io);
        let (mut sender, connection) = handshake.await.expect("HTTP/2");
        tokio::spawn(connection);
        within(sender.send_request(request(&format!("https://localhost{path}")))).await
    } else {
        let handshake = hyper::client::conn::http1::handshake(io).await;
        let (mut sender, connection) = handshake.expect("HTTP/1.1");
        tokio::spawn(connection);
        within(sender.send_request(request(path))).await
    };
    let (head, body) = answer.expect("an answer").into_parts();
    let body = within(body.collect()).await.expect("a body, or none");
    (head, body.to_bytes())
}
