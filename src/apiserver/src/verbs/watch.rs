//! GET of a collection with `watch=true`: one JSON event a line, until the client or a deadline
//! ends it.

use std::time::Duration;

use apimachinery::{Encoded, Object, StatusError};
use axum::body::Body;
use bytes::{BufMut, Bytes, BytesMut};
use client::WatchEvent;
use futures::StreamExt;
use http::{HeaderValue, Response, StatusCode, header};
use registry::EventStream;
use resources::Resource;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::dispatch::Call;
use crate::negotiate::Form;
use crate::table::{self, IncludeObject};
use crate::{answer, negotiate, options, request_info};

/// A watch without `timeoutSeconds` lasts between this and twice as long (upstream's
/// `--min-request-timeout`).
const MIN_LIFE: Duration = Duration::from_secs(1800);
/// Bookmarks come at most this often.
const BOOKMARK_EVERY: Duration = Duration::from_secs(60);
/// Events that wait for a slow reader here; more wait in the store's history.
const BUFFER: usize = 64;

pub(crate) async fn handle(call: Call<'_>) -> Result<Response<Body>, StatusError> {
    let form = negotiate::form(call.headers)?;
    let options = options::watch(call.row, call.uri, &call.path.name)?;
    let life = options::timeout(call.uri)?
        .unwrap_or_else(|| MIN_LIFE + MIN_LIFE.mul_f64(base::random::fraction()));
    let include = IncludeObject::parse(&request_info::query(call.uri, "includeObject"))?;
    let events = call
        .state
        .parts
        .registry
        .watch(call.row, call.namespace(), &options)
        .await?;
    let (sender, receiver) = mpsc::channel(BUFFER);
    let watch = Watch {
        row: call.row,
        form,
        include,
        bookmarks: options.bookmarks,
        initial: options.send_initial_events,
        clock: call.state.parts.clock.clone(),
        last_bookmark: None,
        columns_sent: false,
    };
    let shutdown = call.state.parts.shutdown.clone();
    base::tasks::spawn("watch", async move {
        let clock = watch.clock.clone();
        tokio::select! {
            () = watch.send(events, &sender) => {}
            () = clock.sleep(life) => {}
            () = shutdown.stopping() => {}
            () = sender.closed() => {}
        }
    });
    let frames = futures::stream::unfold(receiver, |mut receiver| async {
        let frame = receiver.recv().await?;
        Some((Ok::<Bytes, std::convert::Infallible>(frame), receiver))
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
    row: &'static Resource,
    form: Form,
    include: IncludeObject,
    bookmarks: bool,
    /// Whether the client waits for the bookmark that ends the initial events.
    initial: bool,
    clock: base::Clock,
    last_bookmark: Option<Duration>,
    columns_sent: bool,
}

impl Watch {
    async fn send(mut self, mut events: EventStream, sender: &mpsc::Sender<Bytes>) {
        while let Some(event) = events.next().await {
            let (frame, last) = match event.and_then(|event| self.frame(event)) {
                Ok(frame) => (frame, false),
                Err(error) => (Some(line("ERROR", &json!(error.0).to_string())), true),
            };
            if let Some(frame) = frame
                && sender.send(frame).await.is_err()
            {
                return;
            }
            if last {
                return;
            }
        }
    }

    fn frame(&mut self, event: WatchEvent) -> Result<Option<Bytes>, StatusError> {
        Ok(match event {
            WatchEvent::Added(object) => Some(self.change("ADDED", &object)?),
            WatchEvent::Modified(object) => Some(self.change("MODIFIED", &object)?),
            WatchEvent::Deleted(object) => Some(self.change("DELETED", &object)?),
            WatchEvent::Bookmark(revision) => self.bookmark(revision),
        })
    }

    fn change(&mut self, kind: &str, object: &Encoded) -> Result<Bytes, StatusError> {
        let decode = || object.to_object().map_err(StatusError::internal);
        match self.form {
            Form::Object => {
                let mut frame = BytesMut::with_capacity(object.json().len() + 96);
                frame.put_slice(format!("{{\"type\":\"{kind}\",\"object\":").as_bytes());
                object.write_to(&mut frame);
                frame.put_slice(b"}\n");
                Ok(frame.freeze())
            }
            Form::Metadata => Ok(line(kind, &table::partial(decode()?).to_string())),
            Form::Table => {
                let metadata = json!({"resourceVersion": object.revision().to_string()});
                let items = std::slice::from_ref(object);
                let now = self.clock.wall();
                let mut table = table::table(self.row, items, metadata, self.include, now)?;
                if std::mem::replace(&mut self.columns_sent, true) {
                    table["columnDefinitions"] = Value::Null;
                }
                Ok(line(kind, &table.to_string()))
            }
        }
    }

    /// An empty object that says how far the client has seen.
    fn bookmark(&mut self, revision: u64) -> Option<Bytes> {
        let now = self.clock.monotonic();
        let ends_initial = std::mem::take(&mut self.initial);
        let due = self
            .last_bookmark
            .is_none_or(|last| now - last >= BOOKMARK_EVERY);
        if !(ends_initial || (self.bookmarks && due)) {
            return None;
        }
        self.last_bookmark = Some(now);
        let mut bookmark = Object::default();
        bookmark.set_gvk(&self.row.gvk());
        bookmark.set_meta("resourceVersion", &revision.to_string());
        if ends_initial {
            let end = json!({"k8s.io/initial-events-end": "true"});
            bookmark.metadata_mut().insert("annotations".into(), end);
        }
        let text = match self.form {
            Form::Object => bookmark.into_value().to_string(),
            Form::Metadata => table::partial(bookmark).to_string(),
            Form::Table => {
                let metadata = bookmark.metadata().cloned().unwrap_or_default();
                json!({"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": metadata,
                       "columnDefinitions": null, "rows": []})
                .to_string()
            }
        };
        Some(line("BOOKMARK", &text))
    }
}

fn line(kind: &str, object: &str) -> Bytes {
    format!("{{\"type\":\"{kind}\",\"object\":{object}}}\n").into()
}
