//! Watch: the store's changes as the events that a selector makes of them.

use apimachinery::{Encoded, StatusError};
use bytes::Bytes;
use client::WatchEvent;
use futures::stream::{self, BoxStream, Stream, StreamExt, TryStreamExt};
use resources::Resource;
use store::{Revision, WatchItem};

use crate::error::from_store;
use crate::list::Listing;
use crate::options::{ListOptions, WatchOptions};
use crate::selection::Selection;
use crate::{Registry, Target, codec, key};

/// What a watch sends. An error is the last item.
pub type EventStream = BoxStream<'static, Result<WatchEvent, StatusError>>;

impl Registry {
    /// Changes of a kind, of one namespace or of all. With the current state first, a bookmark
    /// ends it. Others come when the store has caught up; the caller sends on those that its
    /// client asked for.
    ///
    /// # Errors
    /// Expired when the version is too old, Timeout when it is in the future.
    pub async fn watch(
        &self,
        row: &'static Resource,
        namespace: Option<&str>,
        options: &WatchOptions,
    ) -> Result<EventStream, StatusError> {
        let prefix = watched(row, namespace, options);
        let selection = Selection::new(row, &options.labels, &options.fields);
        let version = options.resource_version.filter(|version| *version > 0);
        if let Some(version) = version {
            self.check_reached(version)?;
        }
        if !options.send_initial_events.unwrap_or(version.is_none()) {
            let after = version.map_or_else(|| self.store.revision(), Revision);
            let items = self.store.watch(&prefix, after);
            let items = items.map_err(|error| too_old(error, after.0))?;
            return Ok(events(items, selection));
        }
        let list = ListOptions {
            labels: options.labels.clone(),
            fields: options.fields.clone(),
            ..ListOptions::default()
        };
        let current = self.listing(row, namespace, &list).await?;
        let revision = current.revision;
        let items = self
            .store
            .watch(&prefix, Revision(revision))
            .map_err(from_store)?;
        let caught_up = stream::iter([Ok(WatchEvent::Bookmark(revision))]);
        Ok(added(current)
            .chain(caught_up)
            .chain(events(items, selection))
            .boxed())
    }
}

/// The items of a list as additions, read as they are taken.
fn added(listing: Listing) -> impl Stream<Item = Result<WatchEvent, StatusError>> {
    let pages = stream::try_unfold(listing, |mut listing| async {
        let page = listing.next().await?;
        Ok::<_, StatusError>(page.map(|page| (stream::iter(page.into_iter().map(Ok)), listing)))
    });
    pages.try_flatten().map_ok(WatchEvent::Added)
}

/// A watch that begins before what is remembered.
fn too_old(error: store::Error, after: u64) -> StatusError {
    match error {
        store::Error::Compacted { oldest } => {
            StatusError::expired(format!("too old resource version: {after} ({oldest})"))
        }
        other => from_store(other),
    }
}

/// The prefix of the keys whose changes may matter: a selector that names one object needs no
/// others. Names that begin alike are told apart by the selector itself.
fn watched(row: &Resource, namespace: Option<&str>, options: &WatchOptions) -> String {
    match options.fields.exact("metadata.name") {
        Some(name) if namespace.is_some() || !row.namespaced() => {
            let namespace = namespace.unwrap_or_default();
            key::of(row, Target { namespace, name })
        }
        _ => key::below(row, namespace),
    }
}

fn events(items: store::WatchStream, selection: Selection) -> EventStream {
    items
        .filter_map(move |item| {
            let event = match item {
                Ok(item) => event(&selection, item).transpose(),
                Err(error) => Some(Err(from_store(error))),
            };
            std::future::ready(event)
        })
        .boxed()
}

/// The event that a change is to a watcher of this selection: an object that leaves the
/// selection is deleted for it, one that enters is added.
fn event(selection: &Selection, item: WatchItem) -> Result<Option<WatchEvent>, StatusError> {
    let change = match item {
        WatchItem::Progress(revision) => return Ok(Some(WatchEvent::Bookmark(revision.0))),
        WatchItem::Event(change) => change,
    };
    let decode = |bytes: &Bytes| codec::decode(bytes.clone(), change.modified.0, change.trace);
    let new = change.value.as_ref().map(decode).transpose()?;
    let old = || {
        change
            .prev
            .as_ref()
            .map(|prev| decode(&prev.value))
            .transpose()
    };
    if selection.is_everything() {
        return Ok(match new {
            Some(new) if change.created == change.modified => Some(WatchEvent::Added(new)),
            Some(new) => Some(WatchEvent::Modified(new)),
            None => old()?.map(WatchEvent::Deleted),
        });
    }
    let old = old()?;
    let selected = |item: &Option<Encoded>| match item {
        Some(item) => selection.matches(item),
        None => Ok(false),
    };
    Ok(match (selected(&old)?, selected(&new)?) {
        (false, true) => new.map(WatchEvent::Added),
        (true, true) => new.map(WatchEvent::Modified),
        // The last state that was selected, at the revision of the change.
        (true, false) => old.map(WatchEvent::Deleted),
        (false, false) => None,
    })
}
