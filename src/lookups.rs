//! What admission and authentication look up, and what the latter writes. `tests/api` wires this file as the server does.

use admission::{ObjectSource, ServiceAccountSource};
use apimachinery::admission::AlwaysAdmit;
use apimachinery::{Encoded, Object, RequestCx, StatusError};
use auth::{TokenObject, TokenObjects};
use base::TraceId;
use futures::future::BoxFuture;
use registry::{ListOptions, Registry, Target, WriteOptions};

/// Reads from the registry itself: the newest state, without a cache between.
pub struct Lookups {
    registry: Registry,
}

impl Lookups {
    pub fn new(registry: Registry) -> Self {
        Self { registry }
    }

    async fn find(
        &self,
        group: &str,
        kind: &str,
        target: Target<'_>,
    ) -> Result<Option<Object>, StatusError> {
        let Some(row) = resources::by_kind(group, kind) else {
            return Ok(None);
        };
        let found = self.registry.find(row, target).await?;
        let found = found.map(|found| found.to_object()).transpose();
        found.map_err(StatusError::internal)
    }
}

impl TokenObjects for Lookups {
    fn get<'a>(
        &'a self,
        kind: TokenObject,
        namespace: &'a str,
        name: &'a str,
    ) -> BoxFuture<'a, Result<Option<Object>, StatusError>> {
        Box::pin(self.find("", kind.kind(), Target { namespace, name }))
    }

    fn label_secret<'a>(
        &'a self,
        secret: &'a Object,
        key: &'a str,
        value: &'a str,
    ) -> BoxFuture<'a, Result<(), StatusError>> {
        Box::pin(async move {
            let row = resources::by_kind("", "Secret").ok_or_else(StatusError::no_such_resource)?;
            // Below authorization and admission, as the API server writes its own objects.
            let cx = RequestCx::new(auth::identity::api_server(), TraceId::generate());
            let target = Target {
                namespace: secret.namespace(),
                name: secret.name(),
            };
            let change = |stored: &Object| {
                if stored.uid() != secret.uid() {
                    return Err(StatusError::not_found(&row.group_resource(), target.name));
                }
                let mut labelled = stored.clone();
                labelled.set_label(key, value);
                Ok(labelled)
            };
            let writer = self.registry.writer(row, &cx, &AlwaysAdmit);
            let options = WriteOptions::default();
            writer.update(target, &change, &options).await.map(drop)
        })
    }
}

impl ObjectSource for Lookups {
    fn get<'a>(
        &'a self,
        group: &'static str,
        kind: &'static str,
        namespace: &'a str,
        name: &'a str,
    ) -> BoxFuture<'a, Result<Option<Object>, StatusError>> {
        Box::pin(self.find(group, kind, Target { namespace, name }))
    }

    fn list<'a>(
        &'a self,
        group: &'static str,
        kind: &'static str,
        namespace: &'a str,
    ) -> BoxFuture<'a, Result<Vec<Encoded>, StatusError>> {
        Box::pin(async move {
            let Some(row) = resources::by_kind(group, kind) else {
                return Ok(Vec::new());
            };
            let options = ListOptions::default();
            let listed = self.registry.list(row, Some(namespace), &options).await?;
            Ok(listed.items)
        })
    }
}

impl ServiceAccountSource for Lookups {
    fn account<'a>(
        &'a self,
        namespace: &'a str,
        name: &'a str,
    ) -> BoxFuture<'a, Result<Option<Object>, StatusError>> {
        Box::pin(self.find("", "ServiceAccount", Target { namespace, name }))
    }
}
