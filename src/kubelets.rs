//! How the API server reaches kubelets: HTTPS with its client certificate.

use std::sync::Arc;
use std::time::Duration;

use apimachinery::StatusError;
use apiserver::{KubeletConnector, NodeEndpoint};
use base::Clock;
use bytes::Bytes;
use client::{ByteStream, TransportError};
use futures::StreamExt;
use futures::future::BoxFuture;
use http::{Request, Response, header};
use http_body_util::{BodyExt, Empty};
use hyper_util::rt::TokioIo;
use registry::{Registry, Target};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// One connection per request: logs are rare and last.
pub struct Kubelets {
    tls: TlsConnector,
    registry: Registry,
    clock: Clock,
}

/// From the first packet to the head of the answer; a log's lines may take as long as they like.
const LIMIT: Duration = Duration::from_secs(10);

impl Kubelets {
    pub fn new(config: Arc<ClientConfig>, registry: Registry, clock: Clock) -> Self {
        // One protocol is enough here, and HTTP/1.1 needs no agreement.
        let mut config = (*config).clone();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Self {
            tls: TlsConnector::from(Arc::new(config)),
            registry,
            clock,
        }
    }

    async fn fetch(
        &self,
        node: NodeEndpoint,
        path: String,
    ) -> Result<Response<ByteStream>, TransportError> {
        let host = node.address.clone();
        let stream = TcpStream::connect((host.as_str(), node.port)).await;
        let stream = stream.map_err(TransportError::unreachable)?;
        let name = ServerName::try_from(host).map_err(TransportError::unreachable)?;
        let stream = self
            .tls
            .connect(name, stream)
            .await
            .map_err(TransportError::unreachable)?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(TransportError::unreachable)?;
        base::tasks::spawn("kubelet client", async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection to a kubelet ended");
            }
        });
        let request = Request::get(path)
            .header(header::HOST, node.address)
            .body(Empty::<Bytes>::new())
            .map_err(TransportError::unreachable)?;
        let response = sender
            .send_request(request)
            .await
            .map_err(TransportError::unanswered)?;
        Ok(response.map(|body| {
            let data = body.into_data_stream();
            data.map(|chunk| chunk.map_err(TransportError::body))
                .boxed()
        }))
    }
}

impl KubeletConnector for Kubelets {
    fn endpoint<'a>(&'a self, node: &'a str) -> BoxFuture<'a, Result<NodeEndpoint, StatusError>> {
        Box::pin(async move {
            let nodes = resources::by_kind("", "Node").ok_or_else(StatusError::no_such_resource)?;
            let target = Target {
                namespace: "",
                name: node,
            };
            let found = self.registry.get(nodes, target).await?;
            NodeEndpoint::of(&found.to_object().map_err(StatusError::internal)?)
        })
    }

    fn get<'a>(
        &'a self,
        node: NodeEndpoint,
        path_and_query: String,
    ) -> BoxFuture<'a, Result<Response<ByteStream>, TransportError>> {
        Box::pin(async move {
            let answer = self.clock.timeout(LIMIT, self.fetch(node, path_and_query));
            answer
                .await
                .unwrap_or_else(|late| Err(TransportError::unanswered(late)))
        })
    }
}
