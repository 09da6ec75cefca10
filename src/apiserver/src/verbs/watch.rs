//! GET of a collection with `watch=true`: one JSON event a line, until the client or a deadline
//! ends it.

use std::convert::Infallible;
use std::time::Duration;

use apimachinery::StatusError;
use axum::body::Body;
use base::Clock;
use bytes::Bytes;
use client::WatchEvent;
use futures::StreamExt;
use futures::stream;
use http::{HeaderValue, Response, StatusCode, header};
use registry::{EventStream, Registry};
use tokio::sync::mpsc;

use crate::bookmarks::Interest;
use crate::dispatch::Call;
use crate::frames::Frames;
use crate::request_info::is_true;
use crate::table::IncludeObject;
use crate::{answer, negotiate, options, request_info};

/// A watch without `timeoutSeconds` lasts between this and twice as long (upstream's
/// `--min-request-timeout`).
const MIN_LIFE: Duration = Duration::from_secs(1800);
/// A watch that ends waits this long for the bookmark with which the next can begin.
const LAST_WORD: Duration = Duration::from_secs(1);
/// Events that wait for a slow reader here; more wait in the store's history.
const BUFFER: usize = 64;

pub(crate) async fn handle(call: Call<'_>) -> Result<Response<Body>, StatusError> {
    let form = negotiate::form(call.headers)?;
    let options = options::watch(call.row, call.uri)?;
    let life = options::timeout(call.uri)?
        .unwrap_or_else(|| MIN_LIFE + MIN_LIFE.mul_f64(base::random::fraction()));
    let include = IncludeObject::parse(&request_info::query(call.uri, "includeObject"))?;
    let parts = &call.state.parts;
    let watched = parts.registry.watch(call.row, call.namespace(), &options);
    let events = match watched.await {
        Ok(events) => events,
        // Clients learn this from the stream, as when it happens later.
        Err(error) if error.is_expired() => stream::iter([Err(error)]).boxed(),
        Err(error) => return Err(error),
    };
    let wants_bookmarks = is_true(&request_info::query(call.uri, "allowWatchBookmarks"));
    let mut frames = Frames::new(call.served, form, include, parts.clock.clone());
    if wants_bookmarks {
        frames.send_bookmarks(options.send_initial_events == Some(true));
    }
    let (sender, receiver) = mpsc::channel(BUFFER);
    let watch = Watch {
        events,
        frames,
        sender,
        clock: parts.clock.clone(),
        bookmarks: wants_bookmarks.then(|| {
            let interest = call.state.bookmarks.join(&parts.registry, &parts.clock);
            (parts.registry.clone(), interest)
        }),
    };
    let shutdown = parts.shutdown.clone();
    base::tasks::spawn("watch", async move {
        watch.run(life, shutdown.stopping()).await;
    });
    let frames = stream::unfold(receiver, |mut receiver| async {
        let frame = receiver.recv().await?;
        Some((Ok::<Bytes, Infallible>(frame), receiver))
    });
    let mut response = answer::json_bytes(StatusCode::OK, Bytes::new());
    *response.body_mut() = Body::from_stream(frames);
    let no_store = HeaderValue::from_static("no-cache, private");
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, no_store);
    Ok(response)
}

/// One client's watch.
struct Watch {
    events: EventStream,
    frames: Frames,
    sender: mpsc::Sender<Bytes>,
    clock: Clock,
    /// Of a client that asked for bookmarks; the interest keeps them coming.
    bookmarks: Option<(Registry, Interest)>,
}

impl Watch {
    async fn run(mut self, life: Duration, stopping: impl Future<Output = ()>) {
        let (clock, sender) = (self.clock.clone(), self.sender.clone());
        tokio::select! {
            () = self.send() => return,
            () = sender.closed() => return,
            () = clock.sleep(life) => {}
            () = stopping => {}
        }
        // What is lost when it is late is a bookmark: the client begins where it was.
        let _ = clock.timeout(LAST_WORD, self.end()).await;
    }

    /// Sends until the stream ends. Cancelling it loses no event: one is taken only when there is
    /// a place for it.
    async fn send(&mut self) {
        loop {
            let Ok(place) = self.sender.reserve().await else {
                return;
            };
            let frame = loop {
                let Some(event) = self.events.next().await else {
                    return;
                };
                match event.and_then(|event| self.frames.event(event)) {
                    Ok(Some(frame)) => break frame,
                    Ok(None) => {}
                    Err(error) => return place.send(Frames::error(&error)),
                }
            };
            place.send(frame);
        }
    }

    /// Says how far the client has seen, so that its next watch begins there.
    async fn end(&mut self) {
        let Some((registry, _)) = &self.bookmarks else {
            return;
        };
        self.frames.let_next_bookmark_through();
        registry.request_bookmarks();
        while let Some(Ok(event)) = self.events.next().await {
            let last = matches!(event, WatchEvent::Bookmark(_));
            let Ok(Some(frame)) = self.frames.event(event) else {
                return;
            };
            if self.sender.send(frame).await.is_err() || last {
                return;
            }
        }
    }
}
