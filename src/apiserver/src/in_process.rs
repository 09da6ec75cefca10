//! The server's own clients: the same chain, without TCP or TLS, with an identity that no
//! request from outside can carry.

use std::sync::Arc;

use apimachinery::UserInfo;
use axum::body::Body;
use bytes::Bytes;
use client::{ByteStream, Transport, TransportError};
use futures::StreamExt;
use futures::future::BoxFuture;
use http::{Request, Response};

use crate::ApiServer;

/// Who an in-process request comes from. Only [`InProcess`] makes one; the listener has no way
/// to put one into a request.
#[derive(Clone)]
pub(crate) struct Identity(pub UserInfo);

/// A transport into this very process, as one component.
pub struct InProcess {
    server: ApiServer,
    user: UserInfo,
}

impl ApiServer {
    /// A transport for the component that `user` names.
    #[must_use]
    pub fn in_process(&self, user: UserInfo) -> Arc<InProcess> {
        Arc::new(InProcess {
            server: self.clone(),
            user,
        })
    }
}

impl Transport for InProcess {
    fn send(
        &self,
        request: Request<Bytes>,
    ) -> BoxFuture<'_, Result<Response<ByteStream>, TransportError>> {
        let mut request = request.map(Body::from);
        request.extensions_mut().insert(Identity(self.user.clone()));
        Box::pin(async move {
            let response = self.server.handle(request).await;
            Ok(response.map(|body| {
                let stream = body.into_data_stream();
                stream
                    .map(|chunk| chunk.map_err(TransportError::body))
                    .boxed()
            }))
        })
    }
}
