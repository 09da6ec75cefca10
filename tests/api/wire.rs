//! The server on a port of its own, over TLS, and clients that do not behave.
//!
//! Controls, each seen to go red: a protection taken out of `apiserver`, and what then never comes.
//! `max_pending_accept_reset_streams(usize::MAX)` (without the line h2 has the same limit by
//! itself): the GOAWAY for the rapid reset. `max_header_list_size` of a gigabyte: the one for
//! endless headers. No look at a connection's activity: the end of those that are idle after the
//! handshake, and of the one whose answer nobody takes. No time limit of the handshake: the end of
//! the silent ones. No deadline, of requests or of the bodies of watches: the 504. No
//! `graceful_shutdown`: the end of the watch's connection.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use apiserver::Listener;
use base::clock::Hands;
use base::{Clock, Shutdown};
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use pki::PkiOptions;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ProtocolVersion};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::world::{PKI, World};

/// What a test waits for at most.
const PATIENCE: Duration = Duration::from_secs(20);

pub struct Server {
    pub world: World,
    address: SocketAddr,
    shutdown: Shutdown,
    /// Moves the connections' clock; the world's own is another.
    hands: Hands,
    serving: tokio::task::JoinHandle<()>,
}

impl Server {
    pub async fn start() -> Self {
        let world = World::new().await;
        let listener = Listener::bind("127.0.0.1:0".parse().expect("an address")).await;
        let listener = listener.expect("a free port");
        let address = listener.address();
        let (clock, hands) = Clock::manual("2026-01-10T12:00:00Z".parse().expect("a time"));
        let tls = PKI.server_config().expect("a configuration");
        let shutdown = world.shutdown.clone();
        let serving = listener.serve(world.api.clone(), tls, clock, shutdown.clone());
        Self {
            world,
            address,
            shutdown,
            hands,
            serving: tokio::spawn(serving),
        }
    }

    pub async fn connect(&self, config: ClientConfig) -> TlsStream<TcpStream> {
        let stream = TcpStream::connect(self.address)
            .await
            .expect("a connection");
        let name = ServerName::try_from("localhost").expect("a name");
        let connector = TlsConnector::from(Arc::new(config));
        connector.connect(name, stream).await.expect("a handshake")
    }

    /// One request on one HTTP/1.1 connection.
    async fn ask(
        &self,
        config: ClientConfig,
        request: Request<Full<Bytes>>,
    ) -> (StatusCode, Bytes) {
        let stream = self.connect(config).await;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .expect("HTTP");
        let driving = tokio::spawn(connection);
        let answer = sender.send_request(request).await.expect("an answer");
        let (head, body) = answer.into_parts();
        let body = body.collect().await.expect("a body").to_bytes();
        drop(sender);
        // The connection ends with its sender; how is the server's business.
        let _ = driving.await;
        (head.status, body)
    }

    /// Somebody else is answered as ever.
    pub async fn is_well(&self) {
        let (code, _) = self.ask(anonymous(&[b"http/1.1"]), get("/version")).await;
        assert_eq!(code, 200);
    }

    pub async fn stop(self) {
        self.shutdown.stop();
        within(self.serving).await.expect("the listener ends");
    }
}

pub async fn within<F: Future>(future: F) -> F::Output {
    let timed = Clock::system();
    let done = timed.timeout(PATIENCE, future).await;
    done.expect("in time")
}

pub fn anonymous(alpn: &[&[u8]]) -> ClientConfig {
    let config = PKI.client_config(None).expect("a configuration");
    let mut config = (*config).clone();
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    config
}

pub fn administrator() -> ClientConfig {
    let config = PKI
        .client_config_as(pki::LeafName::Admin)
        .expect("a configuration");
    let mut config = (*config).clone();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config
}

/// With the certificate of an authority that the server does not know.
pub fn foreign() -> ClientConfig {
    let directory = tempfile::tempdir().expect("a directory");
    let options = PkiOptions::new(directory.path(), Clock::system(), "node-1");
    let other = pki::Pki::open(options).expect("another authority");
    let leaf = other.leaf(pki::LeafName::Admin);
    let config = PKI.client_config(Some(&leaf)).expect("a configuration");
    let mut config = (*config).clone();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config
}

fn get(path: &str) -> Request<Full<Bytes>> {
    let request = Request::get(path).header("Host", "localhost");
    request.body(Full::default()).expect("a request")
}

#[tokio::test]
async fn who_asks_is_told_by_certificate_or_token() {
    let server = Server::start().await;
    let http1: &[&[u8]] = &[b"http/1.1"];
    let token = |token: &str| {
        let mut request = get("/api/v1/nodes");
        let value = format!("Bearer {token}").parse().expect("a header");
        request.headers_mut().insert("Authorization", value);
        request
    };
    let rows = [
        ("nobody, public", anonymous(http1), get("/healthz"), 200),
        ("nobody, else", anonymous(http1), get("/api/v1/nodes"), 403),
        ("administrator", administrator(), get("/api/v1/nodes"), 200),
        ("foreign authority", foreign(), get("/healthz"), 401),
        ("unknown token", anonymous(http1), token("a.b.c"), 401),
        ("token beyond ASCII", anonymous(http1), token("ä"), 401),
        ("empty token, as none", anonymous(http1), token(""), 403),
    ];
    for (who, config, request, expected) in rows {
        let (code, body) = within(server.ask(config, request)).await;
        assert_eq!(code, expected, "{who}: {body:?}");
        if expected == 401 {
            let status: Value = serde_json::from_slice(&body).expect("a Status");
            assert_eq!(status["message"], "Unauthorized");
            assert_eq!(status["reason"], "Unauthorized");
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn both_versions_of_tls_and_of_http_are_spoken() {
    let server = Server::start().await;
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        for alpn in [&b"h2"[..], b"http/1.1"] {
            let roots = {
                let mut roots = rustls::RootCertStore::empty();
                let pem = PKI.server_ca_pem().as_bytes();
                use rustls::pki_types::pem::PemObject;
                for der in rustls::pki_types::CertificateDer::pem_slice_iter(pem) {
                    roots
                        .add(der.expect("a certificate"))
                        .expect("an authority");
                }
                roots
            };
            let mut config = ClientConfig::builder_with_protocol_versions(&[version])
                .with_root_certificates(roots)
                .with_no_client_auth();
            config.alpn_protocols = vec![alpn.to_vec()];
            let stream = server.connect(config).await;
            let session = stream.get_ref().1;
            let spoken = session.protocol_version();
            assert!(matches!(
                spoken,
                Some(ProtocolVersion::TLSv1_2 | ProtocolVersion::TLSv1_3)
            ));
            assert_eq!(spoken, Some(version.version));
            assert_eq!(session.alpn_protocol(), Some(alpn));
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn idle_connections_harm_nobody_and_end() {
    let server = Server::start().await;
    // Half say nothing at all, half have shaken hands: every one holds a place.
    let mut silent = Vec::new();
    let mut shaken = Vec::new();
    for _ in 0..60 {
        silent.push(
            TcpStream::connect(server.address)
                .await
                .expect("a connection"),
        );
        shaken.push(server.connect(anonymous(&[b"h2"])).await);
    }
    server.is_well().await;
    server.hands.advance(Duration::from_secs(33));
    for mut stream in silent {
        within(async { while stream.read_u8().await.is_ok() {} }).await;
    }
    for mut stream in shaken {
        within(async { while stream.read_u8().await.is_ok() {} }).await;
    }
    server.is_well().await;
    server.stop().await;
}

#[tokio::test]
async fn a_body_that_does_not_come_ends_the_request_alone() {
    let server = Server::start().await;
    // What lasts has no deadline, but its body has.
    for line in [
        "POST /api/v1/namespaces/default/configmaps",
        "GET /api/v1/configmaps?watch=1",
    ] {
        let mut stream = server.connect(administrator()).await;
        let head = format!(
            "{line} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
             Content-Length: 100\r\n\r\n{{"
        );
        stream.write_all(head.as_bytes()).await.expect("written");
        // The clock may move before the body is waited for: it moves again.
        let waiting = async {
            let (timed, mut answer) = (Clock::system(), [0; 12]);
            // One read for all the turns: a read that is given up has taken bytes along.
            let mut read = std::pin::pin!(stream.read_exact(&mut answer));
            let read = loop {
                server.world.hands.advance(Duration::from_secs(61));
                let turn = timed.timeout(Duration::from_millis(50), read.as_mut());
                if let Ok(read) = turn.await {
                    break read;
                }
            };
            read.expect("an answer");
            answer
        };
        assert_eq!(&within(waiting).await, b"HTTP/1.1 504", "{line}");
    }
    server.is_well().await;
    server.stop().await;
}

#[tokio::test]
async fn an_answer_that_nobody_takes_ends_the_connection() {
    let server = Server::start().await;
    let big = "x".repeat(900_000);
    for name in ["a", "b", "c", "d", "e", "f", "g", "h"] {
        let object = json!({"metadata": {"name": name}, "data": {"k": big}});
        let all = "/api/v1/namespaces/default/configmaps";
        server.world.create(all, &object).await;
    }
    let mut stream = server.connect(administrator()).await;
    let head = "GET /api/v1/configmaps HTTP/1.1\r\nHost: localhost\r\n\r\n";
    stream.write_all(head.as_bytes()).await.expect("written");
    stream.read_u8().await.expect("the answer begins");
    server.is_well().await;
    let ended = async {
        // Not a byte is taken while the clock runs; what is in flight is less than the answer.
        for _ in 0..10 {
            server.hands.advance(Duration::from_secs(60));
            tokio::task::yield_now().await;
        }
        let mut taken = 0;
        let mut buffer = vec![0; 1 << 16];
        while let Ok(read @ 1..) = stream.read(&mut buffer).await {
            taken += read;
        }
        taken
    };
    let taken = within(ended).await;
    assert!(taken < 7_200_000, "the whole answer came: {taken} bytes");
    server.is_well().await;
    server.stop().await;
}

/// A frame of HTTP/2.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len())
        .expect("a short frame")
        .to_be_bytes();
    let mut frame = length[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// `GET / https`, with the authority `a`, in HPACK's static table.
const HEADERS: &[u8] = &[0x82, 0x87, 0x84, 0x41, 0x01, b'a'];
/// Kinds of frames.
const HEADERS_FRAME: u8 = 1;
const RESET: u8 = 3;
const SETTINGS: u8 = 4;
const GO_AWAY: u8 = 7;
const CONTINUATION: u8 = 9;

/// The reason of the GOAWAY that ends a connection, or `None` when it just ends.
async fn reason(stream: &mut TlsStream<TcpStream>) -> Option<u32> {
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).await.ok()?;
        let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
        let mut payload = vec![0; length];
        stream.read_exact(&mut payload).await.ok()?;
        if head[3] == GO_AWAY {
            let code = payload.get(4..8)?.try_into().ok()?;
            return Some(u32::from_be_bytes(code));
        }
    }
}

#[tokio::test]
async fn a_rapid_reset_ends_its_own_connection() {
    const ENHANCE_YOUR_CALM: u32 = 11;
    let server = Server::start().await;
    let mut stream = server.connect(anonymous(&[b"h2"])).await;
    let mut attack = [PREFACE, &frame(SETTINGS, 0, 0, &[])].concat();
    for stream in (1..2000).step_by(2) {
        attack.extend(frame(HEADERS_FRAME, 0x5, stream, HEADERS));
        attack.extend(frame(RESET, 0, stream, &8_u32.to_be_bytes()));
    }
    // The server may hang up before it has read it all.
    let _ = stream.write_all(&attack).await;
    assert_eq!(within(reason(&mut stream)).await, Some(ENHANCE_YOUR_CALM));
    server.is_well().await;
    server.stop().await;
}

#[tokio::test]
async fn endless_headers_end_their_own_connection() {
    let server = Server::start().await;
    let mut stream = server.connect(anonymous(&[b"h2"])).await;
    let mut attack = [PREFACE, &frame(SETTINGS, 0, 0, &[])].concat();
    attack.extend(frame(HEADERS_FRAME, 0x1, 1, HEADERS));
    // A literal header without index: `x: <16,000 bytes>`, again and again.
    let mut field = vec![0x00, 0x01, b'x', 0x7f, 0x81, 0x7c];
    field.extend(vec![b'y'; 16_000]);
    for _ in 0..200 {
        attack.extend(frame(CONTINUATION, 0, 1, &field));
    }
    // As above.
    let _ = stream.write_all(&attack).await;
    let ended = within(reason(&mut stream)).await;
    assert!(
        ended.is_none() || ended.is_some_and(|code| code != 0),
        "{ended:?}"
    );
    server.is_well().await;
    server.stop().await;
}

#[tokio::test]
async fn a_stop_lets_what_is_under_way_end() {
    let server = Server::start().await;
    let stream = server.connect({
        let mut config = administrator();
        config.alpn_protocols = vec![b"h2".to_vec()];
        config
    });
    let handshake =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream.await));
    let (mut sender, connection) = handshake.await.expect("HTTP/2");
    let driving = tokio::spawn(connection);
    let request = |path: &str| {
        let uri = format!("https://localhost{path}");
        Request::get(uri)
            .body(Full::<Bytes>::default())
            .expect("a request")
    };
    let watch: Response<Incoming> = sender
        .send_request(request("/api/v1/nodes?watch=1"))
        .await
        .expect("a watch");
    let ready = sender
        .send_request(request("/readyz"))
        .await
        .expect("an answer");
    assert_eq!(ready.status(), 200);
    server.shutdown.stop();
    let body = within(watch.into_body().collect()).await;
    assert!(body.is_ok(), "the watch ends cleanly: {body:?}");
    within(server.serving).await.expect("the listener ends");
    // A GOAWAY without an error ends the client's side as well.
    within(driving)
        .await
        .expect("driven")
        .expect("ended in peace");
    drop(sender);
    let refused = TcpStream::connect(server.address).await;
    assert!(refused.is_err(), "nobody listens any more");
    // Who is still inside is told that this server is leaving.
    let ready = server
        .world
        .ask("GET", "/readyz", &crate::world::Said::nothing())
        .await;
    assert_eq!(ready.code, 500);
    assert!(String::from_utf8_lossy(&ready.body).contains("[-]shutdown failed: reason withheld"));
}
