//! GET of a collection with `watch=true`, or of a collection or an object below `watch/`: one JSON
//! event a line, until the client or a deadline ends it.

use std::time::Duration;

use apimachinery::{FieldSelector, StatusError};
use axum::body::Body;
use base::Clock;
use bytes::{Bytes, BytesMut};
use client::WatchEvent;
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, stream};
use http::{HeaderValue, Response, StatusCode, header};
use registry::{EventStream, Registry};

use crate::bookmarks::Interest;
use crate::dispatch::Call;
use crate::frames::Frames;
use crate::metrics::watches::Watched;
use crate::request_info::is_true;
use crate::shape::Shape;
use crate::{answer, negotiate, options, request_info};

/// A watch without `timeoutSeconds` lasts between this and twice as long (upstream's
/// `--min-request-timeout`).
const MIN_LIFE: Duration = Duration::from_secs(1800);
/// A watch that ends waits this long for the bookmark with which the next can begin.
const LAST_WORD: Duration = Duration::from_secs(1);
/// Lines that are there at once are sent together up to so many bytes: a TLS record.
const AT_ONCE: usize = 16 * 1024;
/// Lines up to this size are worth copying for that.
const SMALL: usize = 2 * 1024;

pub(crate) async fn handle(call: Call<'_>) -> Result<Response<Body>, StatusError> {
    negotiate::watchable(call.headers)?;
    let shape = Shape::of(&call)?;
    let mut options = options::watch(call.row, call.uri)?;
    if !call.path.name.is_empty() {
        options.fields = of_one(options.fields, &call.path.name)?;
    }
    let life = options::timeout(call.uri)?
        .unwrap_or_else(|| MIN_LIFE + MIN_LIFE.mul_f64(base::random::fraction()));
    let parts = &call.state.parts;
    let watched = parts.registry.watch(call.row, call.namespace(), &options);
    let events = match watched.await {
        Ok(events) => events,
        // Clients learn this from the stream, as when it happens later.
        Err(error) if error.is_expired() => stream::iter([Err(error)]).boxed(),
        Err(error) => return Err(error),
    };
    let wants_bookmarks = is_true(&request_info::query(call.uri, "allowWatchBookmarks"));
    let mut frames = Frames::new(shape, call.state.lines.clone());
    if wants_bookmarks {
        frames.send_bookmarks(options.send_initial_events == Some(true));
    }
    let (clock, shutdown) = (parts.clock.clone(), parts.shutdown.clone());
    let until = clock.monotonic().saturating_add(life);
    let over = async move {
        tokio::select! {
            () = clock.sleep_until(until) => {}
            () = shutdown.stopping() => {}
        }
    };
    let watch = Watch {
        events,
        frames,
        clock: parts.clock.clone(),
        over: over.boxed(),
        stage: Stage::Open,
        held: None,
        bookmarks: wants_bookmarks.then(|| {
            let interest = call.state.bookmarks.join(&parts.registry, &parts.clock);
            (parts.registry.clone(), interest)
        }),
    };
    let watched = call.state.metrics.watches.of(call.served);
    let lines = stream::unfold((watch, watched), |(mut watch, watched)| async {
        let lines = watch.ready(&watched).await?;
        Some((Ok::<_, StatusError>(lines), (watch, watched)))
    });
    let mut response = answer::json_bytes(StatusCode::OK, Bytes::new());
    *response.body_mut() = Body::from_stream(lines);
    let no_store = HeaderValue::from_static("no-cache, private");
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, no_store);
    Ok(response)
}

/// A selector of the one object that the path names. Upstream lets no selector beside it but one
/// of the very name.
fn of_one(asked: FieldSelector, name: &str) -> Result<FieldSelector, StatusError> {
    const NAME: &str = "metadata.name";
    if asked.is_everything() {
        return Ok(FieldSelector {
            terms: vec![(NAME.to_owned(), true, name.to_owned())],
        });
    }
    if asked.exact(NAME) == Some(name) {
        return Ok(asked);
    }
    let text = "fieldSelector metadata.name doesn't match requested name";
    Err(StatusError::bad_request(text))
}

/// One client's watch. It makes lines, [`AT_ONCE`] at most, only when the client has taken those
/// before: what a slow reader has not seen yet waits in the store's history.
struct Watch {
    events: EventStream,
    frames: Frames,
    clock: Clock,
    /// Resolves at the end of the watch's life, or of the server's.
    over: BoxFuture<'static, ()>,
    stage: Stage,
    /// A line that did not fit behind others: it is the next.
    held: Option<Bytes>,
    /// Of a client that asked for bookmarks; the interest keeps them coming.
    bookmarks: Option<(Registry, Interest)>,
}

#[derive(Clone, Copy, Debug)]
enum Stage {
    Open,
    /// Only what comes before the last bookmark is still sent, until this time.
    Ending(Duration),
    Ended,
}

impl Watch {
    /// The next line, with those that are there already behind it as far as they fit: a client
    /// that is behind gets small ones in fewer pieces. A single line is sent as it is, and shared
    /// with the other watches, as is one that is not small. `None` at the end.
    async fn ready(&mut self, watched: &Watched) -> Option<Bytes> {
        let first = match self.held.take() {
            Some(line) => line,
            None => self.next().await?,
        };
        watched.sent(first.len());
        let mut several = BytesMut::new();
        while first.len() <= SMALL
            && let Some(Some(line)) = self.next().now_or_never()
        {
            let so_far = first.len().max(several.len());
            if line.len() > SMALL || so_far + line.len() > AT_ONCE {
                self.held = Some(line);
                break;
            }
            watched.sent(line.len());
            if several.is_empty() {
                // Whole at once: a client that is behind has more of them.
                several.reserve(AT_ONCE);
                several.extend_from_slice(&first);
            }
            several.extend_from_slice(&line);
        }
        if several.is_empty() {
            return Some(first);
        }
        Some(several.freeze())
    }

    /// The next line; `None` at the end. Nothing is lost when it is dropped while it waits.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            tokio::task::consume_budget().await;
            let event = match self.stage {
                Stage::Ended => return None,
                Stage::Open => tokio::select! {
                    biased;
                    // First: a watch that always has another event must end as well.
                    () = &mut self.over => {
                        self.end();
                        continue;
                    }
                    event = self.events.next() => event,
                },
                Stage::Ending(until) => {
                    let left = until.saturating_sub(self.clock.monotonic());
                    // What is lost when it is late is a bookmark: the client begins where it was.
                    let event = self.clock.timeout(left, self.events.next()).await;
                    event.unwrap_or_default()
                }
            };
            match self.line(event) {
                Ok(Some(line)) => return Some(line),
                Ok(None) => {}
                Err(error) => {
                    self.stage = Stage::Ended;
                    return Some(Frames::error(&error));
                }
            }
        }
    }

    /// The event's line, if this client gets one.
    fn line(
        &mut self,
        event: Option<Result<WatchEvent, StatusError>>,
    ) -> Result<Option<Bytes>, StatusError> {
        let Some(event) = event.transpose()? else {
            self.stage = Stage::Ended;
            return Ok(None);
        };
        let line = self.frames.event(&event)?;
        let is_bookmark = matches!(event, WatchEvent::Bookmark(_));
        if is_bookmark && matches!(self.stage, Stage::Ending(_)) {
            self.stage = Stage::Ended;
        }
        Ok(line)
    }

    /// Says how far the client has seen, if it wants to know, so that its next watch begins
    /// there.
    fn end(&mut self) {
        let Some((registry, _)) = &self.bookmarks else {
            self.stage = Stage::Ended;
            return;
        };
        self.frames.let_next_bookmark_through();
        registry.request_bookmarks();
        self.stage = Stage::Ending(self.clock.monotonic().saturating_add(LAST_WORD));
    }
}
