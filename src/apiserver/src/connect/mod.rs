//! Subresources that are a stream or a proxy: what a row names, this carries out.

mod log;

use apimachinery::StatusError;
use axum::body::Body;
use client::{ByteStream, TransportError};
use futures::future::BoxFuture;
use http::Response;

use crate::dispatch::Call;

/// Reaches the HTTPS servers of nodes, as the API server's own identity there.
pub trait KubeletConnector: Send + Sync {
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

/// Carries out the connector that a row names.
pub(crate) async fn connect(call: Call<'_>, name: &str) -> Result<Response<Body>, StatusError> {
    match name {
        "log" => log::handle(call).await,
        other => Err(StatusError::internal(format!(
            "no connector is named {other}"
        ))),
    }
}
