//! One client: a TLS connection with HTTP/1.1 keep-alive, as bare as it can be.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use base::Clock;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// A server, and who asks it.
#[derive(Clone)]
pub struct Target {
    address: String,
    tls: Arc<ClientConfig>,
}

impl Target {
    /// Reads a kubeconfig as soon as it is written, and waits until its server is ready.
    pub async fn await_ready(kubeconfig: &Path, clock: &Clock) -> Result<Self> {
        let deadline = clock.monotonic() + Duration::from_secs(60);
        loop {
            let outcome = Self::ready(kubeconfig).await;
            match outcome {
                Err(error) if clock.monotonic() > deadline => {
                    return Err(error.context(kubeconfig.display().to_string()));
                }
                Err(_) => clock.sleep(Duration::from_millis(50)).await,
                Ok(target) => return Ok(target),
            }
        }
    }

    async fn ready(kubeconfig: &Path) -> Result<Self> {
        let target = Self::read(kubeconfig)?;
        let mut connection = target.connect().await?;
        connection.ask("GET", "/readyz", "", Bytes::new()).await?;
        Ok(target)
    }

    fn read(kubeconfig: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(kubeconfig)?;
        let file = schema::yaml::decode(&text)?.value;
        let data = |pointer: &str| -> Result<Vec<u8>> {
            let text = file.pointer(pointer).and_then(Value::as_str);
            Ok(STANDARD.decode(text.with_context(|| pointer.to_owned())?)?)
        };
        let mut roots = RootCertStore::empty();
        let authority = data("/clusters/0/cluster/certificate-authority-data")?;
        for certificate in CertificateDer::pem_slice_iter(&authority) {
            roots.add(certificate?)?;
        }
        let chain = data("/users/0/user/client-certificate-data")?;
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&chain).collect();
        let key = PrivateKeyDer::from_pem_slice(&data("/users/0/user/client-key-data")?)?;
        let tls =
            ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
                .with_safe_default_protocol_versions()?
                .with_root_certificates(roots)
                .with_client_auth_cert(chain?, key)?;
        let server = file.pointer("/clusters/0/cluster/server");
        let server = server.and_then(Value::as_str).context("a server")?;
        Ok(Self {
            address: server.trim_start_matches("https://").to_owned(),
            tls: Arc::new(tls),
        })
    }

    pub async fn connect(&self) -> Result<Connection> {
        let stream = TcpStream::connect(&self.address).await?;
        stream.set_nodelay(true)?;
        let host = self.address.split(':').next().unwrap_or_default();
        let name = ServerName::try_from(host.to_owned())?;
        let stream = TlsConnector::from(self.tls.clone())
            .connect(name, stream)
            .await?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(Connection {
            sender,
            host: host.to_owned(),
        })
    }
}

pub struct Connection {
    sender: SendRequest<Full<Bytes>>,
    host: String,
}

impl Connection {
    /// The answer's head; its body is still to be read.
    pub async fn send(
        &mut self,
        method: &str,
        path: &str,
        media: &str,
        body: Bytes,
    ) -> Result<Response<Incoming>> {
        let mut request = Request::builder().method(method).uri(path);
        request = request.header("host", &self.host);
        if !media.is_empty() {
            request = request.header("content-type", media);
        }
        self.sender.ready().await?;
        let response = self.sender.send_request(request.body(Full::new(body))?);
        let response = response.await?;
        if !response.status().is_success() {
            let code = response.status();
            let body = response.into_body().collect().await?.to_bytes();
            bail!(
                "{method} {path}: {code}: {}",
                String::from_utf8_lossy(&body)
            );
        }
        Ok(response)
    }

    /// The answer's whole body.
    pub async fn ask(
        &mut self,
        method: &str,
        path: &str,
        media: &str,
        body: Bytes,
    ) -> Result<Bytes> {
        let response = self.send(method, path, media, body).await?;
        Ok(response.into_body().collect().await?.to_bytes())
    }

    /// The answer's length; its bytes are let go as they come.
    pub async fn drain(&mut self, path: &str) -> Result<u64> {
        let response = self.send("GET", path, "", Bytes::new()).await?;
        let (mut body, mut length) = (response.into_body(), 0);
        while let Some(frame) = body.frame().await {
            length += frame?.data_ref().map_or(0, |data| data.len() as u64);
        }
        Ok(length)
    }
}
