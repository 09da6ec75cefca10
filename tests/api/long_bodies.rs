//! Bodies that are too long, of senders that stall and of senders that read no answer before they
//! have written all.
//!
//! Controls, each seen to go red: with a refusal that waits for the rest, the answers do not come;
//! where its place is kept, the last of them are 429; without `Connection: close` that header is
//! missed; with nothing taken of the rest, or only of who never waited to be told to go on, who
//! writes on is reset; with a rest that is taken for ever, the stalled connections do not end; with
//! one that is taken of who still waits, that one waits for its end.

use std::time::Duration;

use base::Clock;
use bytes::Bytes;
use futures::StreamExt;
use futures::stream;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use crate::wire::{Server, anonymous, within};

const REVIEWS: &str = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
/// One chunk of the coding; 49 are more than 3 MiB.
const CHUNK: usize = 64 * 1024;
const CHUNKS: usize = 49;
/// What a sender who waits is told once its body is asked for.
const GO_ON: &[u8; 25] = b"HTTP/1.1 100 Continue\r\n\r\n";

async fn connect(server: &Server) -> TlsStream<TcpStream> {
    server.connect(anonymous(&[b"http/1.1"])).await
}

fn head(token: &str, length: &str) -> String {
    format!(
        "POST {REVIEWS} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\n{length}\r\n\r\n"
    )
}

fn chunk() -> Vec<u8> {
    let data = " ".repeat(CHUNK);
    format!("{CHUNK:x}\r\n{data}\r\n").into_bytes()
}

/// Reads the answer to the end of its body, whose Status is 413; its head in small letters.
async fn refusal(stream: &mut TlsStream<TcpStream>) -> String {
    let (mut answer, mut buffer) = (String::new(), [0; 1024]);
    while !answer.ends_with("\"code\":413}") {
        let read = stream.read(&mut buffer).await.expect("an answer");
        assert_ne!(read, 0, "{answer}");
        answer += std::str::from_utf8(&buffer[..read]).expect("a text");
    }
    let (head, _) = answer.split_once("\r\n\r\n").expect("a head");
    assert!(head.starts_with("HTTP/1.1 413 "), "{head}");
    head.to_ascii_lowercase()
}

/// The clocks stand still until all have their answer.
#[tokio::test]
async fn are_refused_at_once_and_keep_no_place() {
    let server = Server::start().await;
    let token = server.world.token().await;
    let mut refused = Vec::new();
    // One user has 50 places for bodies that are to come.
    for at in 0..55 {
        let mut stream = connect(&server).await;
        if at == 0 {
            let head = head(&token, "Transfer-Encoding: chunked");
            stream.write_all(head.as_bytes()).await.expect("written");
            for _ in 0..CHUNKS {
                stream.write_all(&chunk()).await.expect("written");
            }
        } else {
            let head = head(&token, "Content-Length: 4000000");
            stream.write_all(head.as_bytes()).await.expect("written");
        }
        let head = within(refusal(&mut stream)).await;
        assert!(head.contains("\r\nconnection: close"), "{head}");
        refused.push(stream);
    }
    // What they still owe is waited for, but not for long.
    let ended = async {
        for mut stream in refused {
            let timed = Clock::system();
            let mut buffer = [0; 1];
            let mut end = std::pin::pin!(stream.read(&mut buffer));
            // The clock may move before the rest is waited for: it moves again.
            loop {
                server.world.hands.advance(Duration::from_secs(11));
                let turn = timed.timeout(Duration::from_millis(50), end.as_mut());
                match turn.await {
                    Ok(Ok(0) | Err(_)) => break,
                    Ok(Ok(_)) => panic!("more than an answer"),
                    Err(_) => {}
                }
            }
        }
    };
    within(ended).await;
    server.is_well().await;
    server.stop().await;
}

#[tokio::test]
async fn are_written_on_without_a_reset() {
    let server = Server::start().await;
    let token = server.world.token().await;
    let plain = format!("Content-Length: {}", CHUNK * (CHUNKS + 2));
    // How many pieces come before the answer.
    let coded = "Transfer-Encoding: chunked";
    let awaiting = format!("{coded}\r\nExpect: 100-continue");
    for (length, before) in [(coded, CHUNKS), (&awaiting, CHUNKS), (&plain, 0)] {
        let is_coded = before > 0;
        let piece = if is_coded { chunk() } else { vec![b' '; CHUNK] };
        let mut stream = connect(&server).await;
        let head = head(&token, length);
        stream.write_all(head.as_bytes()).await.expect("written");
        if length == awaiting {
            let mut told = [0; GO_ON.len()];
            let read = within(stream.read_exact(&mut told)).await;
            assert_eq!((read.expect("told"), &told), (GO_ON.len(), GO_ON));
        }
        for at in 0..CHUNKS + 2 {
            if at == before {
                within(refusal(&mut stream)).await;
            }
            let written = within(stream.write_all(&piece)).await;
            written.unwrap_or_else(|error| panic!("{length}, {at}: {error}"));
        }
        if is_coded {
            stream.write_all(b"0\r\n\r\n").await.expect("written");
        }
        let end = within(stream.read(&mut [0; 1])).await;
        assert_eq!(end.expect("no reset"), 0, "{length}");
    }
    server.stop().await;
}

#[tokio::test]
async fn are_not_asked_for_when_the_sender_waits_for_that() {
    let server = Server::start().await;
    let token = server.world.token().await;
    let mut stream = connect(&server).await;
    let head = head(&token, "Content-Length: 4000000\r\nExpect: 100-continue");
    stream.write_all(head.as_bytes()).await.expect("written");
    // Nothing precedes the refusal, and nothing follows it.
    within(refusal(&mut stream)).await;
    let end = within(stream.read(&mut [0; 1])).await;
    assert!(matches!(end, Ok(0) | Err(_)), "{end:?}");
    server.stop().await;
}

#[tokio::test]
async fn end_their_own_stream_alone() {
    let server = Server::start().await;
    let token = server.world.token().await;
    let io = TokioIo::new(server.connect(anonymous(&[b"h2"])).await);
    let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), io);
    let (mut sender, connection) = handshake.await.expect("HTTP/2");
    let driving = tokio::spawn(connection);
    for _ in 0..3 {
        let piece = Bytes::from(vec![b' '; CHUNK]);
        let pieces = (0..CHUNKS).map(move |_| Ok::<_, std::io::Error>(Frame::data(piece.clone())));
        let body = stream::iter(pieces).chain(stream::pending());
        let request = Request::post(format!("https://localhost{REVIEWS}"))
            .header("Authorization", format!("Bearer {token}"))
            .header("Content-Type", "application/json")
            .body(StreamBody::new(body.boxed()));
        let sent = sender.send_request(request.expect("a request"));
        let answer = within(sent).await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::PAYLOAD_TOO_LARGE);
        assert_eq!(answer.headers().get("connection"), None);
        let body = within(answer.into_body().collect()).await.expect("a body");
        assert!(body.to_bytes().ends_with(b"\"code\":413}"));
    }
    drop(sender);
    // How the connection ends is the server's business.
    let _ = within(driving).await;
    server.stop().await;
}
