//! Reads: from the index and the cache in the caller's task, from disk on a blocking thread.

use std::ops::ControlFlow;
use std::sync::Arc;

use bytes::Bytes;

use super::backlog;
use super::index::Version;
use super::shared::{Shared, key_value, missing};
use crate::{Error, Event, Key, KeyValue, Page, Revision};

/// At most this many keys beyond a page are counted.
const COUNTED: usize = 50_000;
/// History is read in portions of about this many bytes of values.
const PORTION_BYTES: usize = 1 << 20;
/// And at most this many events.
const PORTION_EVENTS: usize = 512;

/// Runs `f` where blocking is allowed.
pub(crate) async fn blocking<T: Send + 'static>(
    shared: &Arc<Shared>,
    f: impl FnOnce(&Shared) -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let shared = shared.clone();
    match tokio::task::spawn_blocking(move || f(&shared)).await {
        Ok(result) => result,
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(_cancelled) => Err(Error::Closed),
    }
}

pub(crate) async fn get(
    shared: &Arc<Shared>,
    key: &str,
    at: Option<Revision>,
) -> Result<Option<KeyValue>, Error> {
    let mut misses = Misses::default();
    loop {
        let version = {
            let state = shared.read();
            let revision = state.readable(at)?;
            match state.index.at(key, revision) {
                Some(version) => version,
                None => return Ok(None),
            }
        };
        if let Some(value) = shared.cache.get(version.modified) {
            return Ok(Some(key_value(key.into(), version, value)));
        }
        let value = blocking(shared, move |shared| shared.value(version.modified)).await?;
        if let Some(value) = value {
            return Ok(Some(key_value(key.into(), version, value)));
        }
        misses.note(version.modified)?;
    }
}

/// Values that were not on disk. A compaction meanwhile explains one such miss: the index, asked
/// again, no longer names that value. A second miss of the same value is damage.
#[derive(Default)]
struct Misses(Option<Revision>);

impl Misses {
    fn note(&mut self, revision: Revision) -> Result<(), Error> {
        if self.0.replace(revision) == Some(revision) {
            return Err(missing(revision));
        }
        Ok(())
    }
}

/// The keys of a page, before their values are read.
struct Keys {
    found: Vec<(Key, Version)>,
    revision: Revision,
    more: bool,
    remaining: Option<u64>,
}

pub(crate) async fn list(
    shared: &Arc<Shared>,
    prefix: &str,
    from: Option<&str>,
    at: Option<Revision>,
    limit: usize,
) -> Result<Page, Error> {
    let mut misses = Misses::default();
    loop {
        let Keys {
            found,
            revision,
            more,
            remaining,
        } = keys(shared, prefix, from, at, limit)?;
        let cached: Vec<Option<Bytes>> = found
            .iter()
            .map(|(_, version)| shared.cache.get(version.modified))
            .collect();
        let absent = found
            .iter()
            .zip(&cached)
            .filter(|(_, value)| value.is_none());
        let absent: Vec<Version> = absent.map(|((_, version), _)| *version).collect();
        let mut read = match read_values(shared, absent).await? {
            Ok(values) => values.into_iter(),
            Err(missed) => {
                misses.note(missed)?;
                continue;
            }
        };
        let items = found
            .into_iter()
            .zip(cached)
            .map(|((key, version), value)| {
                let value = value
                    .or_else(|| read.next())
                    .expect("read_values gave one per absence");
                key_value(key, version, value)
            });
        return Ok(Page {
            items: items.collect(),
            more,
            revision,
            remaining,
        });
    }
}

fn keys(
    shared: &Shared,
    prefix: &str,
    from: Option<&str>,
    at: Option<Revision>,
    limit: usize,
) -> Result<Keys, Error> {
    let state = shared.read();
    let revision = state.readable(at)?;
    let limit = if limit == 0 { usize::MAX } else { limit };
    let mut found: Vec<(Key, Version)> = Vec::new();
    state.index.visit(prefix, from, revision, |key, version| {
        found.push((key.into(), version));
        match found.len() < limit {
            true => ControlFlow::Continue(()),
            false => ControlFlow::Break(()),
        }
    });
    let rest = match found.last() {
        Some((last, _)) if found.len() == limit => {
            state.index.count(prefix, last, revision, COUNTED + 1)
        }
        _ => 0,
    };
    let remaining = (rest <= COUNTED).then_some(rest as u64);
    Ok(Keys {
        found,
        revision,
        more: rest > 0,
        remaining,
    })
}

/// The values of versions, or the first one that is not there.
async fn read_values(
    shared: &Arc<Shared>,
    versions: Vec<Version>,
) -> Result<Result<Vec<Bytes>, Revision>, Error> {
    if versions.is_empty() {
        return Ok(Ok(Vec::new()));
    }
    blocking(shared, move |shared| {
        let mut values = Vec::with_capacity(versions.len());
        for version in versions {
            match shared.value(version.modified)? {
                Some(value) => values.push(value),
                None => return Ok(Err(version.modified)),
            }
        }
        Ok(Ok(values))
    })
    .await
}

/// Part of the log.
pub(crate) struct Portion {
    pub events: Vec<Arc<Event>>,
    /// Everything up to here has been looked at.
    pub upto: Revision,
}

/// A change in the log that a watch wants.
struct Wanted {
    revision: Revision,
    key: Key,
    deletion: bool,
    created: Revision,
    prev: Option<Revision>,
    trace: base::TraceId,
}

/// The matching events after `after`, up to `upto` or less. Blocks.
pub(crate) fn history(
    shared: &Shared,
    prefix: &str,
    after: Revision,
    upto: Revision,
) -> Result<Portion, Error> {
    let (wanted, seen) = wanted(shared, prefix, after, upto)?;
    let events: Result<Vec<_>, Error> = wanted
        .into_iter()
        .map(|wanted| event(shared, wanted).map(Arc::new))
        .collect();
    // A compaction that overtook the reading explains whatever was missing.
    let compacted = shared.read().compacted;
    if after < compacted {
        return Err(Error::Compacted { oldest: compacted });
    }
    Ok(Portion {
        events: events?,
        upto: seen,
    })
}

fn wanted(
    shared: &Shared,
    prefix: &str,
    after: Revision,
    upto: Revision,
) -> Result<(Vec<Wanted>, Revision), Error> {
    let mut wanted = Vec::new();
    let mut bytes = 0;
    let mut seen = upto;
    shared.with_disk(|disk| {
        backlog::scan(disk, &shared.backlog, after, |revision, head| {
            if revision > upto {
                return Ok(false);
            }
            if head.key.starts_with(prefix) {
                bytes += head.value_len;
                wanted.push(Wanted {
                    revision,
                    key: head.key.into(),
                    deletion: head.deletion,
                    created: head.created,
                    prev: head.prev,
                    trace: head.trace,
                });
            }
            let full = bytes >= PORTION_BYTES || wanted.len() >= PORTION_EVENTS;
            if full {
                seen = revision;
            }
            Ok(!full)
        })
    })?;
    Ok((wanted, seen))
}

fn event(shared: &Shared, wanted: Wanted) -> Result<Event, Error> {
    let read = |revision| shared.value(revision)?.ok_or_else(|| missing(revision));
    let Wanted {
        revision,
        key,
        deletion,
        created,
        prev,
        trace,
    } = wanted;
    let value = if deletion {
        None
    } else {
        Some(read(revision)?)
    };
    let prev = match prev {
        Some(modified) => {
            let value = read(modified)?;
            Some(KeyValue {
                key: key.clone(),
                value,
                created,
                modified,
            })
        }
        None => None,
    };
    Ok(Event {
        key,
        value,
        prev,
        created,
        modified: revision,
        trace,
    })
}
