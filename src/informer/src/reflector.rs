//! Keeps a cache like the server's state: list, watch, and list again when the watch is too old.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use apimachinery::StatusError;
use base::{Backoff, Clock, Shutdown};
use client::{ListWatch, WatchEvent};
use futures::StreamExt;
use tracing::{debug, warn};

use crate::informer::Informer;
use crate::key::Key;

/// After a failure; doubled up to the second (client-go's reflector).
const FIRST_RETRY: Duration = Duration::from_millis(100);
const LAST_RETRY: Duration = Duration::from_secs(30);

/// Runs until shutdown.
pub async fn run(
    informer: Informer,
    list_watch: Arc<dyn ListWatch>,
    clock: Clock,
    shutdown: Shutdown,
) {
    tokio::select! {
        () = reflect(&informer, &*list_watch, &clock) => {}
        () = shutdown.stopping() => {}
    }
}

async fn reflect(informer: &Informer, list_watch: &dyn ListWatch, clock: &Clock) {
    let mut backoff = Backoff::new(FIRST_RETRY, LAST_RETRY);
    // The revision to watch from, once there is one.
    let mut at: Option<u64> = None;
    loop {
        let outcome = match at {
            None => list(informer, list_watch).await,
            Some(revision) => watch(informer, list_watch, revision).await,
        };
        match outcome {
            Ok(revision) => {
                if at != Some(revision) {
                    backoff.reset();
                }
                at = Some(revision);
            }
            Err(error) if error.is_expired() => at = None,
            Err(error) => {
                let delay = backoff.next_delay();
                let resource = &informer.resource().resource;
                warn!(%resource, %error, ?delay, "cannot list or watch; trying again");
                clock.sleep(delay).await;
            }
        }
    }
}

/// Replaces the cache's contents by a list's; gives the list's revision.
async fn list(informer: &Informer, list_watch: &dyn ListWatch) -> Result<u64, StatusError> {
    let listed = list_watch.list().await?;
    let there: HashSet<Key> = listed.items.iter().filter_map(Key::of).collect();
    for key in informer.keys() {
        if !there.contains(&key) {
            informer.remove(&key, None);
        }
    }
    for object in listed.items {
        informer.put(object);
    }
    informer.advance(listed.revision, true);
    Ok(listed.revision)
}

/// Follows a watch to its end; gives the revision to go on from.
async fn watch(
    informer: &Informer,
    list_watch: &dyn ListWatch,
    after: u64,
) -> Result<u64, StatusError> {
    let mut events = list_watch.watch(after).await?;
    let mut seen = after;
    while let Some(event) = events.next().await {
        let event = match event {
            Ok(event) => event,
            Err(error) if error.is_expired() => return Err(error),
            Err(error) => {
                debug!(resource = %informer.resource().resource, %error, "a watch ended");
                return if seen > after { Ok(seen) } else { Err(error) };
            }
        };
        let revision = event.revision();
        match event {
            WatchEvent::Added(object) | WatchEvent::Modified(object) => informer.put(object),
            WatchEvent::Deleted(object) => {
                if let Some(key) = Key::of(&object) {
                    informer.remove(&key, Some(&object));
                }
            }
            WatchEvent::Bookmark(_) => {}
        }
        seen = seen.max(revision);
        informer.advance(seen, false);
    }
    Ok(seen)
}
