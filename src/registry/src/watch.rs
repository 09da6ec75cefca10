//! Watch: the store's changes as the events that a selector makes of them.

use std::borrow::Cow;

use apimachinery::{Encoded, FieldSelector, LabelSelector, Object, StatusError};
use bytes::Bytes;
use client::WatchEvent;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use resources::Resource;
use serde_json::Value;
use store::{Revision, WatchItem};

use crate::error::from_store;
use crate::options::{ListOptions, WatchOptions};
use crate::{Registry, codec, key};

/// What a watch sends. An error is the last item.
pub type EventStream = BoxStream<'static, Result<WatchEvent, StatusError>>;

impl Registry {
    /// Changes of a kind, of one namespace or of all. Bookmarks come whenever the store has
    /// caught up; the caller sends them on as its client asked.
    ///
    /// # Errors
    /// Expired when the version is too old, Timeout when it is in the future.
    pub async fn watch(
        &self,
        row: &'static Resource,
        namespace: Option<&str>,
        options: &WatchOptions,
    ) -> Result<EventStream, StatusError> {
        let prefix = key::below(row, namespace);
        let selection = Selection::new(row, &options.labels, &options.fields);
        let from_now = matches!(options.resource_version, None | Some(0));
        if !from_now && !options.send_initial_events {
            let after = Revision(options.resource_version.unwrap_or_default());
            let items = self.store.watch(&prefix, after).map_err(from_store)?;
            return Ok(events(items, selection));
        }
        let list = ListOptions {
            labels: options.labels.clone(),
            fields: options.fields.clone(),
            ..ListOptions::default()
        };
        let current = self.list(row, namespace, &list).await?;
        let items = self
            .store
            .watch(&prefix, Revision(current.revision))
            .map_err(from_store)?;
        let initial = current
            .items
            .into_iter()
            .map(|item| Ok(WatchEvent::Added(item)));
        let caught_up = stream::iter([Ok(WatchEvent::Bookmark(current.revision))]);
        Ok(stream::iter(initial)
            .chain(caught_up)
            .chain(events(items, selection))
            .boxed())
    }
}

fn events(items: store::WatchStream, selection: Selection) -> EventStream {
    items
        .filter_map(move |item| {
            let event = match item {
                Ok(item) => selection.event(item).transpose(),
                Err(error) => Some(Err(from_store(error))),
            };
            std::future::ready(event)
        })
        .boxed()
}

/// Label and field selectors, bound to the fields that a row lets clients select by.
pub struct Selection {
    row_fields: &'static [resources::FieldSelectable],
    labels: LabelSelector,
    fields: FieldSelector,
}

impl Selection {
    pub fn new(row: &Resource, labels: &LabelSelector, fields: &FieldSelector) -> Self {
        Self {
            row_fields: row.field_selectors,
            labels: labels.clone(),
            fields: fields.clone(),
        }
    }

    pub fn is_everything(&self) -> bool {
        self.labels.is_everything() && self.fields.is_everything()
    }

    /// Whether an object is selected; decodes no more of it than the selectors ask about.
    pub fn matches(&self, item: &Encoded) -> Result<bool, StatusError> {
        if !self.labels.is_everything() {
            let head = item.head().map_err(StatusError::internal)?;
            let labels = head.metadata.labels.as_ref();
            if !self
                .labels
                .matches(|key| labels.and_then(|l| l.get(key)).map(String::as_str))
            {
                return Ok(false);
            }
        }
        if self.fields.is_everything() {
            return Ok(true);
        }
        let object = item.to_object().map_err(StatusError::internal)?;
        Ok(self.fields.matches(|field| self.read(&object, field)))
    }

    fn read<'a>(&self, object: &'a Object, field: &str) -> Cow<'a, str> {
        match field {
            "metadata.name" => object.name().into(),
            "metadata.namespace" => object.namespace().into(),
            _ => {
                let Some(known) = self.row_fields.iter().find(|f| f.name == field) else {
                    return "".into();
                };
                match object.at(known.pointer) {
                    Some(Value::String(text)) => text.as_str().into(),
                    Some(Value::Null) | None => known.absent.into(),
                    Some(other) => other.to_string().into(),
                }
            }
        }
    }

    /// The event that a change is to this selection's watcher: an object that leaves the
    /// selection is deleted for it, one that enters is added.
    fn event(&self, item: WatchItem) -> Result<Option<WatchEvent>, StatusError> {
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
        if self.is_everything() {
            return Ok(match new {
                Some(new) if change.created == change.modified => Some(WatchEvent::Added(new)),
                Some(new) => Some(WatchEvent::Modified(new)),
                None => old()?.map(WatchEvent::Deleted),
            });
        }
        let old = old()?;
        let selected = |item: &Option<Encoded>| match item {
            Some(item) => self.matches(item),
            None => Ok(false),
        };
        Ok(match (selected(&old)?, selected(&new)?) {
            (false, true) => new.map(WatchEvent::Added),
            (true, true) => new.map(WatchEvent::Modified),
            // The last state that was selected, at the revision of the change.
            (true, false) => new.or(old).map(WatchEvent::Deleted),
            (false, false) => None,
        })
    }
}
