//! List: pages at one revision, selected, without parsing what no selector asks about.

use apimachinery::{Encoded, StatusError};
use base::TraceId;
use resources::Resource;
use store::{KeyValue, Page, Revision};

use crate::continuation::{self, Continuation};
use crate::error::from_store;
use crate::options::{ListOptions, VersionMatch};
use crate::selection::Selection;
use crate::{Registry, Target, codec, key};

/// A page, or the whole list.
pub struct ListResult {
    pub items: Vec<Encoded>,
    /// The revision of the list, in the number space of the objects' own.
    pub revision: u64,
    /// Present when there is more.
    pub continue_token: Option<String>,
    /// How many items come after this page; unknown when a selector is given.
    pub remaining: Option<u64>,
}

/// Keys read at once while a selector passes over some.
const CHUNK: usize = 500;

/// Where a list begins.
struct Start {
    /// `None` is now.
    at: Option<Revision>,
    after: Option<String>,
}

impl Registry {
    /// The objects of a kind, of one namespace or of all, in key order.
    ///
    /// # Errors
    /// BadRequest for options that do not go together, Timeout for a version that is not reached
    /// yet, Expired for one that is too old.
    pub async fn list(
        &self,
        row: &Resource,
        namespace: Option<&str>,
        options: &ListOptions,
    ) -> Result<ListResult, StatusError> {
        let prefix = key::below(row, namespace);
        let start = self.start(&prefix, options)?;
        let selection = Selection::new(row, &options.labels, &options.fields);
        let listed = match options.fields.exact("metadata.name") {
            Some(name) if start.after.is_none() && (namespace.is_some() || !row.namespaced()) => {
                let namespace = namespace.unwrap_or_default();
                let key = key::of(row, Target { namespace, name });
                self.list_one(&key, start.at, &selection).await
            }
            _ => {
                self.list_range(&prefix, &start, &selection, options.limit)
                    .await
            }
        };
        listed.map_err(|failure| match failure {
            Failure::Status(error) => error,
            Failure::Store(error) => too_old(error, options, start.after.as_deref()),
        })
    }

    /// The one object that a selector names, if the rest of the selector fits it.
    async fn list_one(
        &self,
        key: &str,
        at: Option<Revision>,
        selection: &Selection,
    ) -> Result<ListResult, Failure> {
        let revision = at.unwrap_or_else(|| self.store.revision());
        let mut items = Vec::new();
        if let Some(stored) = self.store.get(key, Some(revision)).await? {
            let item = decode(stored)?;
            if selection.matches(&item)? {
                items.push(item);
            }
        }
        Ok(whole(items, revision.0))
    }

    async fn list_range(
        &self,
        prefix: &str,
        start: &Start,
        selection: &Selection,
        limit: usize,
    ) -> Result<ListResult, Failure> {
        let (mut at, mut after) = (start.at, start.after.clone());
        let selects = !selection.is_everything();
        let wanted = match limit {
            0 => 0,
            limit if selects => CHUNK.max(limit),
            limit => limit,
        };
        let mut items = Vec::new();
        loop {
            let page = self
                .store
                .list(prefix, after.as_deref(), at, wanted)
                .await?;
            let revision = page.revision;
            at = Some(revision);
            after = page.items.last().map(|last| last.key.to_string());
            let (more, remaining) = (page.more, page.remaining);
            if let Some(last) = select(page, selection, limit, &mut items)? {
                return Ok(ListResult {
                    items,
                    revision: revision.0,
                    continue_token: Some(continuation::token(prefix, &last, revision.0)),
                    remaining: if selects { None } else { remaining },
                });
            }
            if !more {
                return Ok(whole(items, revision.0));
            }
        }
    }

    fn start(&self, prefix: &str, options: &ListOptions) -> Result<Start, StatusError> {
        let version = options.resource_version.filter(|version| *version > 0);
        if !options.continue_token.is_empty() {
            if version.is_some() {
                let text = "specifying resource version is not allowed when using continue";
                return Err(StatusError::bad_request(text));
            }
            let Continuation { revision, after } =
                continuation::parse(prefix, &options.continue_token)?;
            return Ok(Start {
                at: revision.map(Revision),
                after: Some(after),
            });
        }
        if let Some(version) = version {
            self.check_reached(version)?;
        }
        let exact = options.version_match == VersionMatch::Exact;
        Ok(Start {
            at: version.filter(|_| exact).map(Revision),
            after: None,
        })
    }
}

/// Why a list could not be read; what a compacted revision means depends on how it was asked for.
enum Failure {
    Status(StatusError),
    Store(store::Error),
}

impl From<StatusError> for Failure {
    fn from(error: StatusError) -> Self {
        Self::Status(error)
    }
}

impl From<store::Error> for Failure {
    fn from(error: store::Error) -> Self {
        Self::Store(error)
    }
}

fn too_old(error: store::Error, options: &ListOptions, after: Option<&str>) -> StatusError {
    match (error, after) {
        (store::Error::Compacted { .. }, Some(_)) => continuation::expired(&options.continue_token),
        (store::Error::Compacted { .. }, None) => {
            StatusError::expired("The resourceVersion for the provided list is too old.")
        }
        (other, _) => from_store(other),
    }
}

fn whole(items: Vec<Encoded>, revision: u64) -> ListResult {
    ListResult {
        items,
        revision,
        continue_token: None,
        remaining: None,
    }
}

/// Adds what is selected of a page. The key of the last one when that makes `limit` and keys
/// follow.
fn select(
    page: Page,
    selection: &Selection,
    limit: usize,
    items: &mut Vec<Encoded>,
) -> Result<Option<store::Key>, StatusError> {
    let count = page.items.len();
    for (index, stored) in page.items.into_iter().enumerate() {
        let key = stored.key.clone();
        let item = decode(stored)?;
        if !selection.matches(&item)? {
            continue;
        }
        items.push(item);
        let more = page.more || index + 1 < count;
        if limit > 0 && items.len() == limit && more {
            return Ok(Some(key));
        }
    }
    Ok(None)
}

fn decode(stored: KeyValue) -> Result<Encoded, StatusError> {
    codec::decode(stored.value, stored.modified.0, TraceId::NONE)
}
