//! Subresources that are a stream or a proxy: what a row names, this carries out.

mod log;

use apimachinery::{Object, StatusError};
use axum::body::Body;
use client::{ByteStream, TransportError};
use futures::future::BoxFuture;
use http::Response;
use serde_json::Value;

use crate::dispatch::Call;

/// Reaches the HTTPS servers of nodes, as the API server's own identity there.
pub trait KubeletConnector: Send + Sync {
    /// Where the kubelet of the node of this name listens.
    ///
    /// # Errors
    /// NotFound for a node that there is not, an internal error for one that has not said so yet.
    fn endpoint<'a>(&'a self, node: &'a str) -> BoxFuture<'a, Result<NodeEndpoint, StatusError>>;

    /// GET `path_and_query` at the kubelet of a node.
    fn get<'a>(
        &'a self,
        node: NodeEndpoint,
        path_and_query: String,
    ) -> BoxFuture<'a, Result<Response<ByteStream>, TransportError>>;
}

/// Where a node's kubelet listens, from the node's status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeEndpoint {
    pub node: String,
    pub address: String,
    pub port: u16,
}

impl NodeEndpoint {
    /// Reads it from a Node.
    ///
    /// # Errors
    /// An internal error when the node has not said where its kubelet is.
    pub fn of(node: &Object) -> Result<Self, StatusError> {
        let addresses = node.at("/status/addresses").and_then(Value::as_array);
        let internal = addresses
            .into_iter()
            .flatten()
            .find(|address| address.get("type").and_then(Value::as_str) == Some("InternalIP"));
        let address = internal
            .and_then(|a| a.get("address"))
            .and_then(Value::as_str);
        let port = node
            .at("/status/daemonEndpoints/kubeletEndpoint/Port")
            .and_then(Value::as_u64);
        let (Some(address), Some(port)) = (address, port.and_then(|p| u16::try_from(p).ok()))
        else {
            return Err(StatusError::internal(format!(
                "node {} has not said where its kubelet is",
                node.name()
            )));
        };
        Ok(Self {
            node: node.name().to_owned(),
            address: address.to_owned(),
            port,
        })
    }
}

/// Carries out the connector that a row names.
pub(crate) async fn connect(call: Call<'_>, name: &str) -> Result<Response<Body>, StatusError> {
    match name {
        "log" => log::handle(call).await,
        other => Err(StatusError::internal(format!(
            "no connector is named {other}"
        ))),
    }
}
