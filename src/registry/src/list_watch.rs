//! `ListWatch` straight from the store's rings, for informers of this process.

use std::sync::Arc;

use apimachinery::{GroupVersionResource, StatusError};
use client::{ListWatch, ListWatchSource, Listed, WatchEvent};
use futures::StreamExt;
use futures::future::BoxFuture;
use resources::Served;

use crate::Registry;
use crate::options::{ListOptions, WatchOptions};
use crate::versions::show;
use crate::watch::EventStream;

/// All objects of one kind. A resource that is not served has none, and none will come.
pub struct RegistryListWatch {
    registry: Registry,
    served: Option<Served>,
}

impl ListWatch for RegistryListWatch {
    fn list(&self) -> BoxFuture<'_, Result<Listed, StatusError>> {
        Box::pin(async {
            let Some(served) = self.served else {
                let revision = self.registry.revision();
                return Ok(Listed {
                    items: Vec::new(),
                    revision,
                });
            };
            let listed = self
                .registry
                .list(served.row, None, &ListOptions::default())
                .await?;
            let items = listed.items.iter().map(|item| show(served, item));
            Ok(Listed {
                items: items.collect::<Result<_, _>>()?,
                revision: listed.revision,
            })
        })
    }

    fn watch(&self, after: u64) -> BoxFuture<'_, Result<EventStream, StatusError>> {
        Box::pin(async move {
            let Some(served) = self.served else {
                return Ok(futures::stream::pending().boxed());
            };
            let options = WatchOptions {
                resource_version: Some(after),
                ..WatchOptions::default()
            };
            let events = self.registry.watch(served.row, None, &options).await?;
            if served.is_stored() {
                return Ok(events);
            }
            let shown = move |event: Result<WatchEvent, StatusError>| {
                event.and_then(|event| shown(served, event))
            };
            Ok(events.map(shown).boxed())
        })
    }
}

fn shown(served: Served, event: WatchEvent) -> Result<WatchEvent, StatusError> {
    Ok(match event {
        WatchEvent::Added(object) => WatchEvent::Added(show(served, &object)?),
        WatchEvent::Modified(object) => WatchEvent::Modified(show(served, &object)?),
        WatchEvent::Deleted(object) => WatchEvent::Deleted(show(served, &object)?),
        bookmark @ WatchEvent::Bookmark(_) => bookmark,
    })
}

impl ListWatchSource for Registry {
    fn list_watch(&self, resource: &GroupVersionResource) -> Arc<dyn ListWatch> {
        let served = resources::by_resource(&resource.group, &resource.version, &resource.resource);
        Arc::new(RegistryListWatch {
            registry: self.clone(),
            served,
        })
    }
}
