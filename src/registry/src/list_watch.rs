//! `ListWatch` straight from the store's rings, for informers of this process.

use std::sync::Arc;

use apimachinery::{GroupVersionResource, StatusError};
use client::{ListWatch, ListWatchSource, Listed};
use futures::StreamExt;
use futures::future::BoxFuture;
use resources::Resource;

use crate::Registry;
use crate::options::{ListOptions, WatchOptions};
use crate::watch::EventStream;

/// All objects of one kind. A resource that is not served has none, and none will come.
pub struct RegistryListWatch {
    registry: Registry,
    row: Option<&'static Resource>,
}

impl ListWatch for RegistryListWatch {
    fn list(&self) -> BoxFuture<'_, Result<Listed, StatusError>> {
        Box::pin(async {
            let Some(row) = self.row else {
                let revision = self.registry.revision();
                return Ok(Listed {
                    items: Vec::new(),
                    revision,
                });
            };
            let listed = self
                .registry
                .list(row, None, &ListOptions::default())
                .await?;
            Ok(Listed {
                items: listed.items,
                revision: listed.revision,
            })
        })
    }

    fn watch(&self, after: u64) -> BoxFuture<'_, Result<EventStream, StatusError>> {
        Box::pin(async move {
            let Some(row) = self.row else {
                return Ok(futures::stream::pending().boxed());
            };
            let options = WatchOptions {
                resource_version: Some(after),
                ..WatchOptions::default()
            };
            self.registry.watch(row, None, &options).await
        })
    }
}

impl ListWatchSource for Registry {
    fn list_watch(&self, resource: &GroupVersionResource) -> Arc<dyn ListWatch> {
        let row = resources::by_resource(&resource.group, &resource.version, &resource.resource);
        Arc::new(RegistryListWatch {
            registry: self.clone(),
            row,
        })
    }
}
