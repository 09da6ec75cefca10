//! List: pages at one revision, selected, without parsing what no selector asks about.

use apimachinery::{Encoded, StatusError};
use base::TraceId;
use resources::Resource;
use store::{KeyValue, Limit, Page, Revision};

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
    pub end: ListEnd,
}

/// How a list ends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListEnd {
    /// Present when there is more.
    pub continue_token: Option<String>,
    /// How many items come after; unknown when a selector is given.
    pub remaining: Option<u64>,
}

/// What a page weighs at most, but for its last object: all that a list being answered holds, but
/// for a client's page with a selector, which may hold two.
const PAGE_BYTES: usize = 4 << 20;
/// Keys of a page at most.
const PAGE_KEYS: usize = 512;
/// A client's own page of at most so many items, and of [`PAGE_BYTES`], is read before it is
/// answered, so that its metadata can come first.
const AHEAD: usize = 500;

/// A list that is read while it is answered, at one revision.
pub struct Listing {
    /// The revision of the list, in the number space of the objects' own.
    pub revision: u64,
    /// Read, and not yet given.
    ready: Vec<Encoded>,
    /// `None` when everything is read.
    rest: Option<Pages>,
    end: ListEnd,
}

impl Listing {
    /// How the list ends, when that is known before its last item is read: always, but for a
    /// client's page that is large.
    #[must_use]
    pub fn end(&self) -> Option<&ListEnd> {
        let known = self.rest.as_ref().is_none_or(|rest| rest.limit == 0);
        known.then_some(&self.end)
    }

    /// The next few items; `None` at the end.
    ///
    /// # Errors
    /// Expired when the list's revision has been forgotten meanwhile, or what the store says.
    pub async fn next(&mut self) -> Result<Option<Vec<Encoded>>, StatusError> {
        while self.ready.is_empty() {
            let Some(rest) = &mut self.rest else {
                return Ok(None);
            };
            let read = rest.read(&mut self.ready).await;
            if let Some(end) = read.map_err(|failure| failure.status(None))? {
                (self.rest, self.end) = (None, end);
            }
        }
        Ok(Some(std::mem::take(&mut self.ready)))
    }

    async fn whole(mut self) -> Result<ListResult, StatusError> {
        let mut items = Vec::new();
        while let Some(more) = self.next().await? {
            items.extend(more);
        }
        Ok(ListResult {
            items,
            revision: self.revision,
            end: self.end,
        })
    }
}

/// Items that are there already, as a list.
impl From<ListResult> for Listing {
    fn from(result: ListResult) -> Self {
        Self {
            revision: result.revision,
            ready: result.items,
            rest: None,
            end: result.end,
        }
    }
}

/// Where a list begins.
struct Start {
    /// `None` is now.
    at: Option<Revision>,
    after: Option<String>,
}

impl Registry {
    /// The objects of a kind, of one namespace or of all, in key order, as they are stored.
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
        let listing = self.listing(row, namespace, options).await?;
        listing.whole().await
    }

    /// As [`Registry::list`], read page by page while it is answered.
    ///
    /// # Errors
    /// As for [`Registry::list`].
    pub async fn listing(
        &self,
        row: &Resource,
        namespace: Option<&str>,
        options: &ListOptions,
    ) -> Result<Listing, StatusError> {
        let prefix = key::below(row, namespace);
        let start = self.start(&prefix, options)?;
        let selection = Selection::new(row, &options.labels, &options.fields);
        let opened = match options.fields.exact("metadata.name") {
            Some(name) if start.after.is_none() && (namespace.is_some() || !row.namespaced()) => {
                let namespace = namespace.unwrap_or_default();
                let key = key::of(row, Target { namespace, name });
                self.list_one(&key, start.at, &selection).await
            }
            _ => {
                let pages = Pages::new(self.clone(), prefix, start, selection, options);
                pages.open().await
            }
        };
        let token = Some(options.continue_token.as_str()).filter(|token| !token.is_empty());
        opened.map_err(|failure| failure.status(token))
    }

    /// The one object that a selector names, if the rest of the selector fits it.
    async fn list_one(
        &self,
        key: &str,
        at: Option<Revision>,
        selection: &Selection,
    ) -> Result<Listing, Failure> {
        let revision = at.unwrap_or_else(|| self.store.revision());
        let mut items = Vec::new();
        if let Some(stored) = self.store.get(key, Some(revision)).await? {
            let item = decode(stored)?;
            if selection.matches(&item)? {
                items.push(item);
            }
        }
        let result = ListResult {
            items,
            revision: revision.0,
            end: ListEnd::default(),
        };
        Ok(result.into())
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
            if revision.is_some_and(|revision| revision > self.store.revision().0) {
                return Err(continuation::invalid("its revision has not been reached"));
            }
            return Ok(Start {
                at: revision.map(Revision),
                after: Some(after),
            });
        }
        if let Some(version) = version {
            self.check_reached(version)?;
        }
        // A page of what some version was goes on at that version (upstream's `Exact`, which a
        // limit implies).
        let exact = match options.version_match {
            VersionMatch::Exact => true,
            VersionMatch::NotOlderThan => false,
            VersionMatch::Unset => options.limit > 0,
        };
        Ok(Start {
            at: version.filter(|_| exact).map(Revision),
            after: None,
        })
    }
}

/// What is still to be read of a list.
struct Pages {
    registry: Registry,
    prefix: String,
    selection: Selection,
    /// Items that the client still wants; 0 is all.
    limit: usize,
    /// Fixed by the first page.
    at: Option<Revision>,
    /// The last key that was read.
    after: Option<String>,
}

impl Pages {
    fn new(
        registry: Registry,
        prefix: String,
        start: Start,
        selection: Selection,
        options: &ListOptions,
    ) -> Self {
        // Any version will do: upstream answers from its cache then, whole.
        let any = options.resource_version == Some(0) && options.continue_token.is_empty();
        Self {
            registry,
            prefix,
            selection,
            limit: if any { 0 } else { options.limit },
            at: start.at,
            after: start.after,
        }
    }

    /// Reads the first page, and the whole of a client's page that is small and light.
    async fn open(mut self) -> Result<Listing, Failure> {
        let ahead = self.limit <= AHEAD;
        let mut ready = Vec::new();
        loop {
            let end = self.read(&mut ready).await?;
            let revision = self.at.map_or(0, |at| at.0);
            let bytes: usize = ready.iter().map(|item| item.json().len()).sum();
            if end.is_some() || self.limit == 0 || !ahead || bytes >= PAGE_BYTES {
                return Ok(Listing {
                    revision,
                    ready,
                    rest: end.is_none().then_some(self),
                    end: end.unwrap_or_default(),
                });
            }
        }
    }

    /// Reads one page. The list's end, when it is reached.
    async fn read(&mut self, items: &mut Vec<Encoded>) -> Result<Option<ListEnd>, Failure> {
        let selects = !self.selection.is_everything();
        let wanted = match self.limit {
            limit if limit > 0 && !selects => PAGE_KEYS.min(limit),
            _ => PAGE_KEYS,
        };
        let wanted = Limit::keys(wanted).bytes(PAGE_BYTES);
        let store = &self.registry.store;
        let page = store.list(&self.prefix, self.after.as_deref(), self.at, wanted);
        let page = page.await?;
        self.at = Some(page.revision);
        self.after = page.items.last().map(|last| last.key.to_string());
        let (more, remaining, revision) = (page.more, page.remaining, page.revision.0);
        if let Some(last) = self.select(page, items)? {
            return Ok(Some(ListEnd {
                continue_token: Some(continuation::token(&self.prefix, &last, revision)),
                remaining: remaining.filter(|_| !selects),
            }));
        }
        Ok((!more).then(ListEnd::default))
    }

    /// Adds what is selected of a page. The key of the last one when that is all the client
    /// wants and keys follow.
    fn select(
        &mut self,
        page: Page,
        items: &mut Vec<Encoded>,
    ) -> Result<Option<store::Key>, StatusError> {
        let count = page.items.len();
        for (index, stored) in page.items.into_iter().enumerate() {
            let key = stored.key.clone();
            let item = decode(stored)?;
            if !self.selection.matches(&item)? {
                continue;
            }
            items.push(item);
            let more = page.more || index + 1 < count;
            match self.limit {
                0 => {}
                1 if more => return Ok(Some(key)),
                limit => self.limit = limit.saturating_sub(1).max(1),
            }
        }
        Ok(None)
    }
}

/// Why a list could not be read; what a compacted revision means depends on how it was asked for.
enum Failure {
    Status(StatusError),
    Store(store::Error),
}

impl Failure {
    /// As the client sees it, which may have sent a continue token.
    fn status(self, token: Option<&str>) -> StatusError {
        match (self, token) {
            (Self::Status(error), _) => error,
            (Self::Store(store::Error::Compacted { .. }), Some(token)) => {
                continuation::expired(token)
            }
            (Self::Store(store::Error::Compacted { .. }), None) => {
                StatusError::expired("The resourceVersion for the provided list is too old.")
            }
            (Self::Store(other), _) => from_store(other),
        }
    }
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

fn decode(stored: KeyValue) -> Result<Encoded, StatusError> {
    codec::decode(stored.value, stored.modified.0, TraceId::NONE)
}
