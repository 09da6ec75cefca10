//! Requests to a server on loopback that answers what it is told.

use super::*;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// Answers the connections one after the other; gives the requests.
async fn serve<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, answer: &str) -> String {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        if stream.read(&mut byte).await.expect("readable") == 0 {
            break;
        }
        request.push(byte[0]);
    }
    stream.write_all(answer.as_bytes()).await.expect("writable");
    stream.shutdown().await.expect("closable");
    String::from_utf8(request).expect("text")
}

async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound");
    (listener, address)
}

fn target(address: SocketAddr, change: impl FnOnce(&mut HTTPGetAction)) -> Target {
    let mut action = HTTPGetAction {
        path: Some("/healthz?x=1".into()),
        port: IntOrString::String("web".into()),
        ..HTTPGetAction::default()
    };
    change(&mut action);
    let container = Container {
        ports: Some(vec![api::core::ContainerPort {
            name: Some("web".into()),
            container_port: i32::from(address.port()),
            ..api::core::ContainerPort::default()
        }]),
        ..Container::default()
    };
    Target::of(&action, &container, "127.0.0.1").expect("a target")
}

async fn ask(target: &Target) -> Result<Answer, String> {
    get(&Clock::system(), target, Duration::from_secs(20)).await
}

#[tokio::test]
async fn the_request_is_a_probes() {
    let (listener, address) = listen().await;
    let target = target(address, |action| {
        action.http_headers = Some(vec![api::core::HTTPHeader {
            name: "Host".into(),
            value: "example".into(),
        }]);
    });
    let serving = async {
        let (stream, _) = listener.accept().await.expect("a connection");
        serve(stream, "HTTP/1.1 503 No\r\ncontent-length: 4\r\n\r\nbusy").await
    };
    let (request, answer) = tokio::join!(serving, ask(&target));
    assert_eq!(
        request,
        "GET /healthz?x=1 HTTP/1.1\r\nhost: example\r\nuser-agent: kube-probe/1.35\r\n\
         accept: */*\r\nconnection: close\r\n\r\n"
    );
    let answer = answer.expect("an answer");
    assert_eq!(
        (answer.status.as_u16(), answer.body.as_str()),
        (503, "busy")
    );
}

#[tokio::test]
async fn redirects_are_followed_on_the_same_host_only() {
    let (listener, address) = listen().await;
    let target = target(address, |_| {});
    let serving = async {
        let mut requests = String::new();
        for location in [
            format!("http://{address}/a/b"),
            "c".into(),
            "http://elsewhere/".into(),
        ] {
            let (stream, _) = listener.accept().await.expect("a connection");
            let answer =
                format!("HTTP/1.1 302 Found\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n");
            let request = serve(stream, &answer).await;
            requests.push_str(request.lines().next().unwrap_or_default());
            requests.push('\n');
        }
        requests
    };
    let (requests, answer) = tokio::join!(serving, ask(&target));
    assert_eq!(
        requests,
        "GET /healthz?x=1 HTTP/1.1\nGET /a/b HTTP/1.1\nGET /a/c HTTP/1.1\n"
    );
    assert_eq!(answer.expect("an answer").status.as_u16(), 302);
}

#[tokio::test]
async fn failures_are_in_gos_words() {
    let (listener, address) = listen().await;
    drop(listener);
    let refused = ask(&target(address, |_| {})).await;
    assert_eq!(
        refused.expect_err("nobody listens"),
        format!(
            "Get \"http://{address}/healthz?x=1\": dial tcp {address}: connect: connection refused"
        )
    );
    let (listener, address) = listen().await;
    let target = target(address, |_| {});
    let (clock, hands) = Clock::manual(jiff::Timestamp::UNIX_EPOCH);
    let asking = get(&clock, &target, Duration::from_secs(1));
    let serving = async {
        let connection = listener.accept().await.expect("a connection");
        hands.advance(Duration::from_secs(1));
        connection
    };
    let (_connection, late) = tokio::join!(serving, asking);
    assert_eq!(
        late.expect_err("nobody answers"),
        format!(
            "Get \"http://{address}/healthz?x=1\": context deadline exceeded (Client.Timeout \
             exceeded while awaiting headers)"
        )
    );
}

#[tokio::test]
async fn certificates_are_not_looked_at() {
    let (listener, address) = listen().await;
    // Self-signed, for another name; nothing else trusts it.
    let certificate = include_bytes!("testdata/certificate.der").as_slice();
    let key = include_bytes!("testdata/key.der").as_slice();
    let key = rustls::pki_types::PrivatePkcs8KeyDer::from(key);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("default versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.into()], key.into())
        .expect("a certificate");
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let target = target(address, |action| action.scheme = Some("HTTPS".into()));
    let serving = async {
        let (stream, _) = listener.accept().await.expect("a connection");
        let stream = acceptor.accept(stream).await.expect("a handshake");
        serve(stream, "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await
    };
    let (_, answer) = tokio::join!(serving, ask(&target));
    assert_eq!(answer.expect("an answer").body, "ok");
}

#[test]
fn ports_have_numbers_or_names() {
    let container = Container::default();
    let rows = [
        (IntOrString::Int(80), Ok(80)),
        (IntOrString::Int(0), Err("invalid port number: 0")),
        (IntOrString::String("81".into()), Ok(81)),
        (IntOrString::String("web".into()), Err("port web not found")),
    ];
    for (given, expected) in rows {
        assert_eq!(port(&given, &container), expected.map_err(str::to_owned));
    }
}
