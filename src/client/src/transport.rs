//! The seam below a client: one request, one answer whose body is a stream.

use std::error::Error;

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::BoxStream;

/// A body as it arrives. It ends after the first error.
pub type ByteStream = BoxStream<'static, Result<Bytes, TransportError>>;

type Cause = Box<dyn Error + Send + Sync>;

/// Carries requests to an API server. Answers with any HTTP status are answers, not errors.
pub trait Transport: Send + Sync {
    /// Sends a request, whose URI is a path and query, and resolves when the answer's head is
    /// there.
    fn send(
        &self,
        request: http::Request<Bytes>,
    ) -> BoxFuture<'_, Result<http::Response<ByteStream>, TransportError>>;
}

/// No answer, or only a part of one.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// The request never left: the server cannot have acted on it.
    #[error("the API server cannot be reached: {0}")]
    Unreachable(#[source] Cause),
    /// The request left, no answer came: the server may have acted on it.
    #[error("the connection to the API server was lost before its answer: {0}")]
    Unanswered(#[source] Cause),
    /// The answer's head came, its body broke off.
    #[error("the API server's answer broke off: {0}")]
    Body(#[source] Cause),
}

impl TransportError {
    /// The request never left.
    pub fn unreachable(cause: impl Into<Cause>) -> Self {
        Self::Unreachable(cause.into())
    }

    /// The request left, no answer came.
    pub fn unanswered(cause: impl Into<Cause>) -> Self {
        Self::Unanswered(cause.into())
    }

    /// The answer broke off in its body.
    pub fn body(cause: impl Into<Cause>) -> Self {
        Self::Body(cause.into())
    }

    /// Whether the server may have acted on the request.
    #[must_use]
    pub fn sent(&self) -> bool {
        !matches!(self, Self::Unreachable(_))
    }
}
