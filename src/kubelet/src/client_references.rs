//! [`References`] over the API, as the node's own identity.

use api::Kind;
use apimachinery::StatusError;
use client::Client;
use futures::future::BoxFuture;

use crate::references::{Data, References, Source};

/// Fetches each object when it is asked for.
pub struct ClientReferences(pub Client);

impl References for ClientReferences {
    fn data<'a>(
        &'a self,
        source: Source,
        namespace: &'a str,
        name: &'a str,
    ) -> BoxFuture<'a, Result<Option<Data>, StatusError>> {
        Box::pin(async move {
            match source {
                Source::ConfigMap => {
                    let map = self.get::<api::ConfigMap>(namespace, name).await?;
                    Ok(map.map(|map| {
                        let texts = map.data.unwrap_or_default().into_iter();
                        let bytes = map.binary_data.unwrap_or_default().into_iter();
                        texts
                            .map(|(key, text)| (key, text.into_bytes()))
                            .chain(bytes.map(|(key, bytes)| (key, bytes.0)))
                            .collect()
                    }))
                }
                Source::Secret => {
                    let secret = self.get::<api::Secret>(namespace, name).await?;
                    let data = |secret: api::Secret| secret.data.unwrap_or_default();
                    Ok(secret.map(|secret| {
                        data(secret)
                            .into_iter()
                            .map(|(key, bytes)| (key, bytes.0))
                            .collect()
                    }))
                }
            }
        })
    }
}

impl ClientReferences {
    async fn get<K: Kind>(&self, namespace: &str, name: &str) -> Result<Option<K>, StatusError> {
        let objects = self.0.typed::<K>().in_namespace(namespace);
        Ok(objects.find(name).await?)
    }
}
