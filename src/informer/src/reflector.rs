//! Keeps a cache like the server's state: list, watch, and list again when the watch cannot go
//! on from where it was.

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
/// A watch that ends sooner without having said anything has failed, whatever it says.
const SHORT: Duration = Duration::from_secs(1);

/// Runs until shutdown.
pub async fn run(
    informer: Informer,
    list_watch: Arc<dyn ListWatch>,
    clock: Clock,
    shutdown: Shutdown,
) {
    let reflector = Reflector {
        informer: &informer,
        list_watch: &*list_watch,
        clock: &clock,
        backoff: Backoff::new(FIRST_RETRY, LAST_RETRY),
    };
    tokio::select! {
        () = reflector.run() => {}
        () = shutdown.stopping() => {}
    }
}

struct Reflector<'a> {
    informer: &'a Informer,
    list_watch: &'a dyn ListWatch,
    clock: &'a Clock,
    backoff: Backoff,
}

/// How a watch ended.
struct Ended {
    /// The last revision it told of: the next watch goes on from here.
    seen: u64,
    error: Option<StatusError>,
}

impl Reflector<'_> {
    async fn run(mut self) {
        // The revision to watch from, once there is one.
        let mut at: Option<u64> = None;
        loop {
            let Some(from) = at else {
                match self.list_watch.list().await {
                    Ok(listed) => {
                        at = Some(listed.revision);
                        self.informer.replace(listed);
                    }
                    Err(error) => self.pause(Some(error)).await,
                }
                continue;
            };
            let started = self.clock.monotonic();
            let ended = self.watch(from).await;
            let lived = self.clock.monotonic().saturating_sub(started);
            at = match &ended.error {
                Some(error) if starts_over(error) => None,
                _ => Some(ended.seen),
            };
            if ended.seen > from || lived >= SHORT {
                self.backoff.reset();
                debug!(resource = %self.resource(), error = ?ended.error, "a watch ended");
            } else {
                self.pause(ended.error).await;
            }
        }
    }

    /// Follows a watch to its end.
    async fn watch(&self, from: u64) -> Ended {
        let mut seen = from;
        let mut events = match self.list_watch.watch(from).await {
            Ok(events) => events,
            Err(error) => {
                let error = Some(error);
                return Ended { seen, error };
            }
        };
        while let Some(event) = events.next().await {
            match event {
                Ok(event) => {
                    seen = seen.max(event.revision());
                    self.take(event);
                    self.informer.advance(seen);
                }
                Err(error) => {
                    let error = Some(error);
                    return Ended { seen, error };
                }
            }
        }
        Ended { seen, error: None }
    }

    fn take(&self, event: WatchEvent) {
        match event {
            WatchEvent::Added(object) | WatchEvent::Modified(object) => self.informer.put(object),
            WatchEvent::Deleted(object) => {
                if let Some(key) = Key::of(&object) {
                    self.informer.remove(&key, Some(&object));
                }
            }
            WatchEvent::Bookmark(_) => {}
        }
    }

    async fn pause(&mut self, error: Option<StatusError>) {
        let delay = self.backoff.next_delay();
        let resource = self.resource();
        match error {
            Some(error) if !starts_over(&error) => {
                warn!(resource, %error, ?delay, "cannot list or watch; trying again");
            }
            error => debug!(
                resource,
                ?error,
                ?delay,
                "a watch ended at once; trying again"
            ),
        }
        self.clock.sleep(delay).await;
    }

    fn resource(&self) -> &str {
        &self.informer.resource().resource
    }
}

/// Whether the revision is of no use to this server: too old, or from a history that it does
/// not have.
fn starts_over(error: &StatusError) -> bool {
    let causes = error.0.details.iter().flat_map(|details| &details.causes);
    let mut reasons = causes.map(|cause| cause.reason.0.as_ref());
    error.is_expired() || reasons.any(|reason| reason == "ResourceVersionTooLarge")
}
