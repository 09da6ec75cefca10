//! A transport over TLS: one HTTP/2 connection, shared and renewed; HTTP/1.1 where a proxy
//! speaks nothing else.

use std::sync::Arc;
use std::time::Duration;

use base::Clock;
use bytes::Bytes;
use futures::StreamExt;
use futures::future::BoxFuture;
use http::{HeaderValue, Request, Response, Uri, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::transport::{ByteStream, Transport, TransportError};

/// client-go's dialer.
const CONNECT_WITHIN: Duration = Duration::from_secs(30);
/// A silent connection is asked whether it still lives (client-go's HTTP/2 health check); else a
/// watch over a cut cable would wait for ever.
const PING_AFTER: Duration = Duration::from_secs(30);
const ANSWER_WITHIN: Duration = Duration::from_secs(15);
/// Connections that a request is offered to, where one after the other gives it back.
const ATTEMPTS: usize = 3;

/// Where an API server is, and who asks.
pub struct HttpsTransport {
    host: String,
    port: u16,
    /// Before every path: the server may live below a prefix.
    prefix: String,
    tls: TlsConnector,
    server_name: ServerName<'static>,
    authorization: Option<HeaderValue>,
    ping_after: Duration,
    answer_within: Duration,
    shared: Mutex<Option<http2::SendRequest<Full<Bytes>>>>,
}

/// Why a server's address or credentials cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AddressError {
    #[error("server {0:?}: must be an address such as https://127.0.0.1:6443")]
    Server(String),
    #[error("tls-server-name {0:?}: is no name or address")]
    ServerName(String),
    #[error("the token holds characters that no header may carry")]
    Token,
}

impl HttpsTransport {
    /// To `server` (`https://host[:port][/prefix]`). The configuration carries the trusted
    /// authorities and the client's certificate.
    ///
    /// # Errors
    /// [`AddressError`]
    pub fn new(
        server: &str,
        tls: &ClientConfig,
        server_name: Option<&str>,
        token: Option<&str>,
    ) -> Result<Self, AddressError> {
        let wrong = || AddressError::Server(server.to_owned());
        let uri: Uri = server.parse().map_err(|_| wrong())?;
        if uri.scheme_str() != Some("https") {
            return Err(wrong());
        }
        let host = uri
            .host()
            .ok_or_else(wrong)?
            .trim_matches(['[', ']'])
            .to_owned();
        let name = server_name.unwrap_or(&host).to_owned();
        let server_name =
            ServerName::try_from(name.clone()).map_err(|_| AddressError::ServerName(name))?;
        let authorization = match token {
            None => None,
            Some(token) => {
                let value = HeaderValue::from_str(&format!("Bearer {token}"));
                let mut value = value.map_err(|_| AddressError::Token)?;
                value.set_sensitive(true);
                Some(value)
            }
        };
        let mut tls = tls.clone();
        tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self {
            host,
            port: uri.port_u16().unwrap_or(443),
            prefix: uri.path().trim_end_matches('/').to_owned(),
            tls: TlsConnector::from(Arc::new(tls)),
            server_name,
            authorization,
            ping_after: PING_AFTER,
            answer_within: ANSWER_WITHIN,
            shared: Mutex::new(None),
        })
    }

    async fn connect(&self) -> Result<TlsStream<TcpStream>, TransportError> {
        let connecting = async {
            let stream = TcpStream::connect((self.host.as_str(), self.port)).await?;
            // Small requests go out at once; where this fails they go out later.
            let _ = stream.set_nodelay(true);
            self.tls.connect(self.server_name.clone(), stream).await
        };
        let connected = Clock::system().timeout(CONNECT_WITHIN, connecting).await;
        let connected = connected.map_err(TransportError::unreachable)?;
        connected.map_err(TransportError::unreachable)
    }

    /// The shared connection, made anew when it has gone. An HTTP/1.1 server gives a connection
    /// for this request alone.
    async fn sender(&self) -> Result<Sender, TransportError> {
        let mut shared = self.shared.lock().await;
        if let Some(sender) = shared.as_ref().filter(|sender| !sender.is_closed()) {
            return Ok(Sender::Shared(sender.clone()));
        }
        let stream = self.connect().await?;
        let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        let stream = TokioIo::new(stream);
        if !is_http2 {
            let made = http1::handshake(stream).await;
            let (sender, connection) = made.map_err(TransportError::unreachable)?;
            base::tasks::spawn("connection", ended(connection));
            return Ok(Sender::Own(sender));
        }
        let made = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .keep_alive_interval(self.ping_after)
            .keep_alive_timeout(self.answer_within)
            .handshake(stream)
            .await;
        let (sender, connection) = made.map_err(TransportError::unreachable)?;
        base::tasks::spawn("connection", ended(connection));
        *shared = Some(sender.clone());
        Ok(Sender::Shared(sender))
    }

    /// Sends a request. One that a dying connection gave back unsent goes over the next.
    async fn exchange(&self, request: &Request<Bytes>) -> Result<Answer, TransportError> {
        for _ in 1..ATTEMPTS {
            match self.attempt(request).await {
                Err(error) if error.is_unsent => *self.shared.lock().await = None,
                answer => return answer.map_err(|error| error.error),
            }
        }
        let answer = self.attempt(request).await;
        answer.map_err(|error| error.error)
    }

    async fn attempt(&self, request: &Request<Bytes>) -> Result<Answer, Failed> {
        let failed = |error| Failed {
            error,
            is_unsent: false,
        };
        let sender = self.sender().await.map_err(failed)?;
        let mut request = request.clone();
        let is_shared = matches!(sender, Sender::Shared(_));
        self.complete(&mut request, is_shared).map_err(failed)?;
        let request = request.map(Full::new);
        let answer = match sender {
            Sender::Own(mut sender) => sender.try_send_request(request).await,
            Sender::Shared(mut sender) => sender.try_send_request(request).await,
        };
        answer.map_err(|mut error| {
            let is_unsent = error.take_message().is_some();
            let error = error.into_error();
            let error = if is_unsent {
                TransportError::unreachable(error)
            } else {
                TransportError::unanswered(error)
            };
            Failed { error, is_unsent }
        })
    }

    fn complete(&self, request: &mut Request<Bytes>, http2: bool) -> Result<(), TransportError> {
        let path = request
            .uri()
            .path_and_query()
            .map_or("/", |path| path.as_str())
            .to_owned();
        let host = if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        };
        let uri = if http2 {
            format!("https://{host}{}{path}", self.prefix)
        } else {
            request.headers_mut().insert(
                header::HOST,
                HeaderValue::from_str(&host).map_err(TransportError::unreachable)?,
            );
            format!("{}{path}", self.prefix)
        };
        *request.uri_mut() = uri.parse().map_err(TransportError::unreachable)?;
        if let Some(authorization) = &self.authorization {
            request
                .headers_mut()
                .insert(header::AUTHORIZATION, authorization.clone());
        }
        Ok(())
    }
}

type Answer = Response<Incoming>;

struct Failed {
    error: TransportError,
    /// A connection that had been good gave the request back: another one may take it.
    is_unsent: bool,
}

enum Sender {
    /// An HTTP/1.1 connection for one request.
    Own(http1::SendRequest<Full<Bytes>>),
    /// The HTTP/2 connection of all requests.
    Shared(http2::SendRequest<Full<Bytes>>),
}

async fn ended(connection: impl Future<Output = hyper::Result<()>>) {
    if let Err(error) = connection.await {
        tracing::debug!(%error, "a connection to the API server ended");
    }
}

impl Transport for HttpsTransport {
    fn send(
        &self,
        request: Request<Bytes>,
    ) -> BoxFuture<'_, Result<Response<ByteStream>, TransportError>> {
        Box::pin(async move {
            let answer = self.exchange(&request).await?;
            Ok(answer.map(|body| {
                let data = body.into_data_stream();
                data.map(|chunk| chunk.map_err(TransportError::body))
                    .boxed()
            }))
        })
    }
}

#[cfg(test)]
mod tests;
