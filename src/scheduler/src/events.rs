//! Events about scheduling, said without waiting and written in the background.
//!
//! They have the shape of the events.k8s.io recorder (`eventTime`, `action`, `series`). They
//! are written as core/v1, which names the same stored objects.

use std::collections::HashMap;
use std::time::Duration;

use api::core::{Event, ObjectReference};
use api::{Kind, ObjectMeta};
use base::{Clock, Shutdown};
use client::{Client, ClientError};
use futures::future::join_all;
use jiff::Timestamp;
use serde_json::json;
use tokio::sync::mpsc;
use tracing::debug;

/// Events that wait to be written; more are dropped, as in client-go.
const WAITING: usize = 1000;
/// Written at once, so that they share commits.
const BATCH: usize = 32;
/// A series ends when nothing was added for so long.
const SERIES_ENDS: Duration = Duration::from_secs(6 * 60);
/// Series remembered.
const REMEMBERED: usize = 4096;
/// The longest note, as the API server checks it.
const LONGEST_NOTE: usize = 1024;

/// Something that happened.
#[derive(Clone, Debug)]
pub struct Occurrence {
    pub about: ObjectReference,
    pub related: Option<ObjectReference>,
    /// `Normal` or `Warning`.
    pub kind: &'static str,
    pub reason: &'static str,
    pub action: &'static str,
    pub note: String,
}

/// Speaks for the scheduler. Clones share the queue.
#[derive(Clone)]
pub struct Events {
    queue: mpsc::Sender<Occurrence>,
}

impl Events {
    /// Starts writing as `component` on `host`; ends with `shutdown`.
    #[must_use]
    pub fn new(
        client: Client,
        component: &'static str,
        host: &str,
        clock: Clock,
        shutdown: Shutdown,
    ) -> Self {
        let (queue, receiver) = mpsc::channel(WAITING);
        let writer = Writer {
            client,
            clock,
            component,
            instance: format!("{component}-{host}"),
            series: HashMap::new(),
            last_name: 0,
        };
        base::tasks::spawn("scheduler-events", async move {
            tokio::select! {
                () = writer.run(receiver) => {}
                () = shutdown.stopping() => {}
            }
        });
        Self { queue }
    }

    pub fn say(&self, occurrence: Occurrence) {
        if let Err(error) = self.queue.try_send(occurrence) {
            debug!(%error, "an event was dropped");
        }
    }
}

/// Notes count too, unlike upstream, where the regarded object's resourceVersion does: a pod
/// whose reason changes gets an event of its own either way.
type Sameness = (String, &'static str, String);

struct Series {
    name: String,
    count: i32,
    last: Duration,
}

struct Writer {
    client: Client,
    clock: Clock,
    component: &'static str,
    instance: String,
    series: HashMap<Sameness, Series>,
    /// Names are nanoseconds; they never repeat.
    last_name: i128,
}

enum Write {
    Create(Box<Event>),
    Count {
        namespace: String,
        name: String,
        count: i32,
    },
}

impl Writer {
    async fn run(mut self, mut queue: mpsc::Receiver<Occurrence>) {
        let mut batch = Vec::with_capacity(BATCH);
        while queue.recv_many(&mut batch, BATCH).await > 0 {
            let writes: Vec<Write> = batch.drain(..).map(|said| self.decide(said)).collect();
            let (counts, creates): (Vec<_>, Vec<_>) = writes
                .into_iter()
                .partition(|w| matches!(w, Write::Count { .. }));
            // Counts last: they may count what this batch creates.
            for writes in [creates, counts] {
                join_all(writes.into_iter().map(|write| self.write(write))).await;
            }
        }
    }

    fn decide(&mut self, said: Occurrence) -> Write {
        let now = self.clock.monotonic();
        let uid = said.about.uid.clone().unwrap_or_default();
        let same = (uid, said.reason, said.note.clone());
        if let Some(series) = self.series.get_mut(&same)
            && now.saturating_sub(series.last) < SERIES_ENDS
        {
            series.count += 1;
            series.last = now;
            return Write::Count {
                namespace: namespace(&said.about),
                name: series.name.clone(),
                count: series.count,
            };
        }
        let wall = self.clock.wall();
        self.last_name = wall.as_nanosecond().max(self.last_name + 1);
        let of = said.about.name.as_deref().unwrap_or_default();
        let name = format!("{of}.{:x}", self.last_name);
        self.remember(same, name.clone(), now);
        Write::Create(Box::new(self.event(said, name, wall)))
    }

    fn remember(&mut self, same: Sameness, name: String, now: Duration) {
        if self.series.len() >= REMEMBERED {
            self.series
                .retain(|_, series| now.saturating_sub(series.last) < SERIES_ENDS);
        }
        if self.series.len() >= REMEMBERED {
            self.series.clear();
        }
        let series = Series {
            name,
            count: 1,
            last: now,
        };
        self.series.insert(same, series);
    }

    fn event(&self, said: Occurrence, name: String, now: Timestamp) -> Event {
        Event {
            metadata: ObjectMeta {
                name: Some(name),
                namespace: Some(namespace(&said.about)),
                ..ObjectMeta::default()
            },
            involved_object: said.about,
            related: said.related,
            type_: Some(said.kind.to_owned()),
            reason: Some(said.reason.to_owned()),
            action: Some(said.action.to_owned()),
            message: Some(shortened(said.note)),
            event_time: Some(api::time::micros(now)),
            reporting_component: Some(self.component.to_owned()),
            reporting_instance: Some(self.instance.clone()),
            ..Event::default()
        }
    }

    async fn write(&self, write: Write) {
        let written = match write {
            Write::Create(event) => self.create(&event).await,
            Write::Count {
                namespace,
                name,
                count,
            } => self.count(&namespace, &name, count).await,
        };
        if let Err(error) = written {
            debug!(%error, "an event was not written");
        }
    }

    async fn create(&self, event: &Event) -> Result<(), ClientError> {
        let events = self.client.typed::<Event>();
        events.create(event).await.map(drop)
    }

    async fn count(&self, namespace: &str, name: &str, count: i32) -> Result<(), ClientError> {
        let now = apimachinery::time::format_micro(self.clock.wall());
        let series = json!({"series": {"count": count, "lastObservedTime": now}});
        let events = self.client.typed::<Event>().in_namespace(namespace);
        events.merge(name, &series).await.map(drop)
    }
}

/// Events about cluster-scoped objects live in `default`.
fn namespace(about: &ObjectReference) -> String {
    let own = about.namespace.as_deref().filter(|n| !n.is_empty());
    own.unwrap_or("default").to_owned()
}

/// Cut as the API server demands, on a character's border.
fn shortened(mut note: String) -> String {
    const END: &str = " ...";
    if note.len() > LONGEST_NOTE {
        let mut end = LONGEST_NOTE - END.len();
        while !note.is_char_boundary(end) {
            end -= 1;
        }
        note.truncate(end);
        note.push_str(END);
    }
    note
}

/// The reference to a pod.
#[must_use]
pub fn reference(pod: &crate::pod::PodInfo) -> ObjectReference {
    ObjectReference {
        api_version: Some("v1".to_owned()),
        kind: Some(api::Pod::GVK.kind.into_owned()),
        namespace: Some(pod.key.namespace.to_string()),
        name: Some(pod.key.name.to_string()),
        uid: Some(pod.uid.to_string()),
        resource_version: Some(pod.revision.to_string()),
        field_path: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_notes_are_cut_between_characters() {
        assert_eq!(shortened("short".to_owned()), "short");
        let cut = shortened("é".repeat(600));
        assert_eq!(cut.len(), 1024);
        assert!(cut.ends_with("é ..."));
    }
}
