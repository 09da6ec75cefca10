//! HTTPS against real servers on loopback: who is asked, who asks, and what is known when a
//! connection ends.

use std::convert::Infallible;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use api::Pod;
use base::{Shutdown, TraceId};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http_body_util::StreamBody;
use hyper::body::Frame;
use hyper::service::service_fn;
use hyper_util::server::conn::auto;
use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::{Client, ClientError, Kubeconfig};

/// An authority, and a certificate that it has issued: PEM texts.
struct Pki {
    authority: String,
    server: (String, String),
    client: (String, String),
}

impl Pki {
    fn new() -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut authority = CertificateParams::default();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = authority.self_signed(&key).expect("signed");
        let issuer = Issuer::new(authority, key);
        let issue = |names: &[&str], usage| {
            let key = KeyPair::generate().expect("a key");
            let names = names.iter().map(|name| (*name).to_owned());
            let mut leaf = CertificateParams::new(names.collect::<Vec<_>>()).expect("names");
            leaf.extended_key_usages = vec![usage];
            let leaf = leaf.signed_by(&key, &issuer).expect("signed");
            (leaf.pem(), key.serialize_pem())
        };
        Self {
            server: issue(&["kube.test"], ExtendedKeyUsagePurpose::ServerAuth),
            client: issue(&[], ExtendedKeyUsagePurpose::ClientAuth),
            authority: certificate.pem(),
        }
    }

    fn server_config(&self, protocols: &[&[u8]]) -> ServerConfig {
        let mut roots = RootCertStore::empty();
        let authority = CertificateDer::from_pem_slice(self.authority.as_bytes());
        roots.add(authority.expect("pem")).expect("an authority");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone())
                .allow_unauthenticated()
                .build()
                .expect("a verifier");
        let chain = CertificateDer::from_pem_slice(self.server.0.as_bytes()).expect("pem");
        let key = PrivateKeyDer::from_pem_slice(self.server.1.as_bytes()).expect("pem");
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_client_cert_verifier(verifier)
            .with_single_cert(vec![chain], key)
            .expect("a certificate");
        config.alpn_protocols = protocols.iter().map(|p| p.to_vec()).collect();
        config
    }
}

/// What a server shall do with a request for `/…/pods/<name>`.
const DIE: &str = "die";
const FALL_SILENT: &str = "fall-silent";

/// A server that says how it was asked. Dropping it ends all of it.
struct Server {
    port: u16,
    pki: Pki,
    connections: Arc<AtomicUsize>,
    /// Ends the connections so far.
    cut: Arc<Mutex<Shutdown>>,
    all: Shutdown,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.all.stop();
    }
}

impl Server {
    async fn start(protocols: &[&[u8]]) -> Self {
        let pki = Pki::new();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let all = Shutdown::new();
        let server = Self {
            port: listener.local_addr().expect("bound").port(),
            connections: Arc::default(),
            cut: Arc::new(Mutex::new(all.child())),
            all,
            pki,
        };
        let acceptor = TlsAcceptor::from(Arc::new(server.pki.server_config(protocols)));
        let (connections, cut) = (server.connections.clone(), server.cut.clone());
        let all = server.all.clone();
        tokio::spawn(async move {
            loop {
                let stream = tokio::select! {
                    accepted = listener.accept() => accepted.expect("accepts").0,
                    () = all.stopping() => return,
                };
                connections.fetch_add(1, Ordering::SeqCst);
                let end = cut.lock().unwrap_or_else(PoisonError::into_inner).clone();
                tokio::spawn(serve(acceptor.clone(), stream, end));
            }
        });
        server
    }

    fn cut_connections(&self) {
        let mut cut = self.cut.lock().unwrap_or_else(PoisonError::into_inner);
        cut.stop();
        *cut = self.all.child();
    }

    /// The administrator's kubeconfig.
    fn kubeconfig(&self) -> Value {
        let encode = |text: &str| STANDARD.encode(text);
        json!({
            "current-context": "c",
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
            "clusters": [{"name": "c", "cluster": {
                "server": format!("https://127.0.0.1:{}/prefix/", self.port),
                "certificate-authority-data": encode(&self.pki.authority),
                "tls-server-name": "kube.test",
            }}],
            "users": [{"name": "u", "user": {
                "client-certificate-data": encode(&self.pki.client.0),
                "client-key-data": encode(&self.pki.client.1),
                "token": "secret",
            }}],
        })
    }
}

fn client(kubeconfig: &Value) -> Client {
    let config = Kubeconfig::from_value(kubeconfig, None, Path::new("/")).expect("usable");
    Client::new(Arc::new(config.transport().expect("usable")))
}

async fn serve(acceptor: TlsAcceptor, stream: TcpStream, end: Shutdown) {
    let Ok(stream) = acceptor.accept(stream).await else {
        return;
    };
    let with_certificate = stream.get_ref().1.peer_certificates().is_some();
    let (dying, silence) = (Shutdown::new(), Shutdown::new());
    let (die, fall_silent) = (dying.clone(), silence.clone());
    let service = service_fn(move |request: Request<Incoming>| {
        let (die, fall_silent) = (die.clone(), fall_silent.clone());
        async move {
            if request.uri().path().ends_with(FALL_SILENT) {
                fall_silent.stop();
                std::future::pending::<()>().await;
            }
            if request.uri().path().ends_with(DIE) {
                die.stop();
                std::future::pending::<()>().await;
            }
            let header = |name: &str| {
                let value = request.headers().get(name);
                value.map(|v| v.to_str().expect("text").to_owned())
            };
            let answer = json!({
                "uri": request.uri().path_and_query().map(ToString::to_string),
                "version": format!("{:?}", request.version()),
                "certificate": with_certificate,
                "authorization": header("authorization"),
                "trace": header("rk3s-trace"),
            });
            let chunks = [Ok::<_, Infallible>(Frame::data(Bytes::from(
                answer.to_string(),
            )))];
            Ok::<_, Infallible>(Response::new(StreamBody::new(futures::stream::iter(
                chunks,
            ))))
        }
    });
    let builder = auto::Builder::new(TokioExecutor::new());
    let mut serving = std::pin::pin!(builder.serve_connection(TokioIo::new(stream), service));
    tokio::select! {
        // Cutting the connection is what some tests are about.
        _ = &mut serving => {}
        () = dying.stopping() => {}
        () = end.stopping() => {}
        // The connection stays open, but nobody looks after it.
        () = silence.stopping() => end.stopping().await,
    }
}

async fn ask(client: &Client) -> Result<Value, ClientError> {
    let body = client.get_raw("/api/v1/pods?limit=1").await?;
    Ok(serde_json::from_slice(&body).expect("json"))
}

#[tokio::test]
async fn a_kubeconfig_leads_to_its_server_over_one_connection() {
    let server = Server::start(&[b"h2", b"http/1.1"]).await;
    let client = client(&server.kubeconfig()).with_trace(TraceId::from_bits(7));
    let (first, second) = tokio::join!(ask(&client), ask(&client));
    let expected = json!({
        "uri": "/prefix/api/v1/pods?limit=1",
        "version": "HTTP/2.0",
        "certificate": true,
        "authorization": "Bearer secret",
        "trace": "0000000000000007",
    });
    assert_eq!(
        (first.expect("answered"), second.expect("answered")),
        (expected.clone(), expected)
    );
    assert_eq!(server.connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_server_of_http_1_gets_a_connection_for_each_request() {
    let server = Server::start(&[]).await;
    let client = client(&server.kubeconfig());
    for _ in 0..2 {
        let answer = ask(&client).await.expect("answered");
        assert_eq!(answer["version"], "HTTP/1.1");
        assert_eq!(answer["uri"], "/prefix/api/v1/pods?limit=1");
    }
    assert_eq!(server.connections.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_cut_connection_is_replaced() {
    let server = Server::start(&[b"h2"]).await;
    let client = client(&server.kubeconfig());
    ask(&client).await.expect("answered");
    for round in 2..=4 {
        server.cut_connections();
        // The first may go out just before the client hears of the end.
        let first = ask(&client).await;
        assert!(first.err().is_none_or(|error| error.outcome_unknown()));
        ask(&client).await.expect("answered");
        assert_eq!(server.connections.load(Ordering::SeqCst), round);
    }
}

#[tokio::test]
async fn what_is_known_of_a_request_without_answer_is_said() {
    let server = Server::start(&[b"h2"]).await;
    let pods = client(&server.kubeconfig())
        .typed::<Pod>()
        .in_namespace("n");
    let lost = pods.get(DIE).await.expect_err("no answer");
    assert!(
        matches!(lost, ClientError::Transport(TransportError::Unanswered(_))),
        "{lost}"
    );
    let mut nobody = server.kubeconfig();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("bound").port();
    drop(listener);
    nobody["clusters"][0]["cluster"]["server"] = format!("https://127.0.0.1:{port}").into();
    let never = ask(&client(&nobody)).await.expect_err("nobody there");
    assert!(!never.outcome_unknown(), "{never}");
}

#[tokio::test]
async fn a_connection_that_has_fallen_silent_is_given_up() {
    let server = Server::start(&[b"h2"]).await;
    let config = Kubeconfig::from_value(&server.kubeconfig(), None, Path::new("/"));
    let mut transport = config.expect("usable").transport().expect("usable");
    transport.ping_after = Duration::from_millis(50);
    transport.answer_within = Duration::from_millis(50);
    let client = Client::new(Arc::new(transport));
    let pods = client.typed::<Pod>().in_namespace("n");
    let lost = pods.get(FALL_SILENT).await.expect_err("no answer");
    assert!(lost.outcome_unknown(), "{lost}");
    ask(&client).await.expect("over another connection");
}

#[tokio::test]
async fn a_server_that_cannot_prove_itself_gets_no_request() {
    let server = Server::start(&[b"h2"]).await;
    let another = STANDARD.encode(Pki::new().authority);
    type Change<'a> = &'a dyn Fn(&mut Value);
    let rows: [(&str, Change<'_>, bool); 5] = [
        ("as it is", &|_| {}, true),
        (
            "another authority",
            &|c| c["certificate-authority-data"] = another.as_str().into(),
            false,
        ),
        (
            "the system's authorities",
            &|c| c["certificate-authority-data"] = Value::Null,
            false,
        ),
        (
            "another name",
            &|c| c["tls-server-name"] = Value::Null,
            false,
        ),
        (
            "whoever it is",
            &|c| {
                c["tls-server-name"] = Value::Null;
                c["certificate-authority-data"] = Value::Null;
                c["insecure-skip-tls-verify"] = true.into();
            },
            true,
        ),
    ];
    for (what, change, works) in rows {
        let mut kubeconfig = server.kubeconfig();
        change(&mut kubeconfig["clusters"][0]["cluster"]);
        let answer = ask(&client(&kubeconfig)).await;
        assert_eq!(answer.is_ok(), works, "{what}: {answer:?}");
        assert!(
            answer.err().is_none_or(|error| !error.outcome_unknown()),
            "{what}"
        );
    }
}

#[test]
fn half_an_identity_is_refused() {
    let pki = Pki::new();
    let identity = crate::tls::Identity {
        certificate: Some(pki.client.0.into_bytes()),
        ..crate::tls::Identity::default()
    };
    let error = crate::tls::client_config(&identity, false).expect_err("no key");
    let text = "the client certificate cannot be used: certificate and key only work together";
    assert_eq!(error.to_string(), text);
}
