//! Reads: from the index and the cache in the caller's task, from disk on a blocking thread.

use std::iter::Peekable;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::vec;

use bytes::Bytes;

use super::backlog;
use super::index::Version;
use super::recovery::Logged;
use super::ring;
use super::shared::{Shared, key_value, missing};
use crate::{Error, Event, Key, KeyValue, Limit, Page, Revision};

/// At most this many keys beyond a page are counted.
const COUNTED: usize = 50_000;
/// History is read in portions of about this many bytes of values.
const PORTION_BYTES: usize = 1 << 20;
/// And at most this many events.
const PORTION_EVENTS: usize = 512;

/// Runs `f` where blocking is allowed. It runs to its end, and counts among those that do, even
/// when nobody waits for it any more.
pub(crate) async fn blocking<T: Send + 'static>(
    shared: &Arc<Shared>,
    f: impl FnOnce(&Shared) -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let readers = shared.readers.clone();
    let permit = readers.acquire_owned().await.map_err(|_| Error::Closed)?;
    let shared = shared.clone();
    let run = move || {
        let _permit = permit;
        f(&shared)
    };
    match tokio::task::spawn_blocking(run).await {
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
    /// How many follow, as far as they are counted.
    rest: usize,
}

pub(crate) async fn list(
    shared: &Arc<Shared>,
    prefix: &str,
    from: Option<&str>,
    at: Option<Revision>,
    limit: Limit,
) -> Result<Page, Error> {
    let mut misses = Misses::default();
    loop {
        let Keys {
            found,
            revision,
            rest,
        } = keys(shared, prefix, from, at, limit)?;
        let mut filling = Filling::new(found, limit.bytes);
        let mut missed = filling.fill(|revision| Ok(shared.cache.get(revision)))?;
        if missed.is_some() {
            (filling, missed) = blocking(shared, move |shared| {
                let missed = filling.fill(|revision| shared.value(revision))?;
                Ok((filling, missed))
            })
            .await?;
        }
        if let Some(missed) = missed {
            misses.note(missed)?;
            continue;
        }
        let rest = rest + filling.left.len();
        return Ok(Page {
            items: filling.items,
            more: rest > 0,
            revision,
            remaining: (rest <= COUNTED).then_some(rest as u64),
        });
    }
}

/// As many keys as a page has if their values weigh nothing.
fn keys(
    shared: &Shared,
    prefix: &str,
    from: Option<&str>,
    at: Option<Revision>,
    limit: Limit,
) -> Result<Keys, Error> {
    let state = shared.read();
    let revision = state.readable(at)?;
    let mut found: Vec<(Key, Version)> = Vec::new();
    let mut bytes = 0;
    let mut full = false;
    state.index.visit(prefix, from, revision, |key, version| {
        found.push((key.into(), version));
        bytes += key.len();
        full = found.len() >= limit.keys || bytes >= limit.bytes;
        match full {
            false => ControlFlow::Continue(()),
            true => ControlFlow::Break(()),
        }
    });
    let rest = match found.last() {
        Some((last, _)) if full => state.index.count(prefix, last, revision, COUNTED + 1),
        _ => 0,
    };
    Ok(Keys {
        found,
        revision,
        rest,
    })
}

/// A page that gets its values.
struct Filling {
    items: Vec<KeyValue>,
    left: Peekable<vec::IntoIter<(Key, Version)>>,
    /// How many bytes the page may still grow by before it is full.
    room: usize,
}

impl Filling {
    fn new(found: Vec<(Key, Version)>, bytes: usize) -> Self {
        Self {
            items: Vec::new(),
            left: found.into_iter().peekable(),
            room: bytes.max(1),
        }
    }

    /// Adds what `read` has until the page is full; the first value that it has not.
    fn fill(
        &mut self,
        read: impl Fn(Revision) -> Result<Option<Bytes>, Error>,
    ) -> Result<Option<Revision>, Error> {
        while self.room > 0
            && let Some((key, version)) = self.left.peek()
        {
            let Some(value) = read(version.modified)? else {
                return Ok(Some(version.modified));
            };
            self.room = self.room.saturating_sub(key.len() + value.len());
            self.items.push(key_value(key.clone(), *version, value));
            self.left.next();
        }
        Ok(None)
    }
}

/// Part of the log.
pub(crate) struct Portion {
    pub events: Vec<Arc<Event>>,
    /// Everything up to here has been looked at.
    pub upto: Revision,
}

/// The matching events after `after`, up to `upto` or less. Blocks.
pub(crate) fn history(
    shared: &Shared,
    prefix: &str,
    after: Revision,
    upto: Revision,
) -> Result<Portion, Error> {
    let (wanted, seen) = wanted(shared, prefix, after, upto)?;
    let portion = portion(shared, wanted, seen);
    // A compaction that overtook the reading explains whatever was missing.
    let compacted = shared.read().compacted;
    if after < compacted {
        return Err(Error::Compacted { oldest: compacted });
    }
    portion
}

/// The events, as far as a portion goes with the values before them.
fn portion(shared: &Shared, wanted: Vec<Logged>, mut upto: Revision) -> Result<Portion, Error> {
    let mut events: Vec<Arc<Event>> = Vec::new();
    let mut bytes = 0;
    for logged in wanted {
        if let Some(last) = events.last()
            && bytes >= PORTION_BYTES
        {
            upto = last.modified;
            break;
        }
        let event = event(shared, logged)?;
        bytes += ring::cost(&event);
        events.push(Arc::new(event));
    }
    Ok(Portion { events, upto })
}

fn wanted(
    shared: &Shared,
    prefix: &str,
    after: Revision,
    upto: Revision,
) -> Result<(Vec<Logged>, Revision), Error> {
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
                wanted.push(Logged::new(revision, head));
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

/// What a record tells watches, with the values now and before. Blocks.
pub(crate) fn event(shared: &Shared, logged: Logged) -> Result<Event, Error> {
    let read = |revision| shared.value(revision)?.ok_or_else(|| missing(revision));
    let Logged {
        revision,
        key,
        deletion,
        created,
        prev,
        trace,
        ..
    } = logged;
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

#[cfg(test)]
mod tests {
    use std::sync::{PoisonError, mpsc};

    use base::Clock;
    use futures::FutureExt;

    use super::*;
    use crate::sled_store::READERS;
    use crate::{Options, SledStore};

    /// Clients that go away while the disk does not answer do not let others into more threads.
    #[tokio::test]
    async fn readers_that_nobody_waits_for_still_count() {
        let root = tempfile::tempdir().expect("a directory");
        let store = SledStore::open(root.path(), Options::new(Clock::system())).expect("opens");
        let shared = &store.shared;
        let (inside, ran) = mpsc::channel();
        {
            let _reopening = shared.disk.write().unwrap_or_else(PoisonError::into_inner);
            for _ in 0..3 * READERS {
                let inside = inside.clone();
                let read = blocking(shared, move |shared| {
                    inside.send(()).expect("the test listens");
                    shared.with_disk(|_| Ok(()))
                });
                assert!(read.now_or_never().is_none(), "it waits, and is dropped");
            }
        }
        drop(inside);
        // Until the last closure is gone.
        assert_eq!(ran.iter().count(), READERS);
        blocking(shared, |_| Ok(())).await.expect("there is room");
    }
}
