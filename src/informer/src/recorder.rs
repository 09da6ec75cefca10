//! Events about objects: said without waiting, written in the background.

use std::sync::Arc;
use std::time::Duration;

use api::core::{Event, EventSource, ObjectReference};
use api::{Kind, ObjectMeta};
use base::{Clock, Shutdown};
use client::{Client, ClientError};
use serde_json::json;
use tokio::sync::mpsc;
use tracing::debug;

use crate::correlate::{Correlator, Subject, Verdict};

/// Events that wait to be written; more are dropped, as in client-go.
const WAITING: usize = 1000;
/// While the server cannot be reached, as client-go.
const TRIES: usize = 12;
const BETWEEN_TRIES: Duration = Duration::from_secs(10);

/// `Normal` or `Warning`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventType {
    Normal,
    Warning,
}

impl EventType {
    fn text(self) -> &'static str {
        match self {
            Self::Normal => "Normal",
            Self::Warning => "Warning",
        }
    }
}

/// Speaks for one component. Clones share the queue.
#[derive(Clone)]
pub struct Recorder {
    component: Arc<str>,
    /// The node's name, for components of a node.
    host: Arc<str>,
    queue: mpsc::Sender<Occurrence>,
}

struct Occurrence {
    about: ObjectReference,
    kind: EventType,
    reason: String,
    message: String,
}

impl Recorder {
    /// Starts writing; ends with `shutdown`. `host` is empty for components of no node.
    #[must_use]
    pub fn new(
        client: Client,
        component: &str,
        host: &str,
        clock: Clock,
        shutdown: Shutdown,
    ) -> Self {
        let (queue, receiver) = mpsc::channel(WAITING);
        let recorder = Self {
            component: component.into(),
            host: host.into(),
            queue,
        };
        let writer = Writer {
            component: recorder.component.clone(),
            host: recorder.host.clone(),
            client,
            clock,
            correlator: Correlator::default(),
            last_stamp: 0,
        };
        base::tasks::spawn("events", async move {
            tokio::select! {
                () = writer.run(receiver) => {}
                () = shutdown.stopping() => {}
            }
        });
        recorder
    }

    /// Says that something happened to an object.
    pub fn event<K: Kind>(&self, object: &K, kind: EventType, reason: &str, message: &str) {
        self.event_about(reference(object), kind, reason, message);
    }

    /// Says that something happened to what the reference names, such as a container of a pod.
    pub fn event_about(
        &self,
        about: ObjectReference,
        kind: EventType,
        reason: &str,
        message: &str,
    ) {
        let (reason, message) = (reason.to_owned(), message.to_owned());
        let said = self.queue.try_send(Occurrence {
            about,
            kind,
            reason,
            message,
        });
        if let Err(error) = said {
            debug!(component = %self.component, %error, "an event was dropped");
        }
    }
}

/// The reference of an object in its events.
#[must_use]
pub fn reference<K: Kind>(object: &K) -> ObjectReference {
    let metadata = object.metadata();
    ObjectReference {
        api_version: Some(K::GVK.group_version().to_string()),
        kind: Some(K::GVK.kind.into_owned()),
        namespace: metadata.namespace.clone(),
        name: metadata.name.clone(),
        uid: metadata.uid.clone(),
        resource_version: metadata.resource_version.clone(),
        field_path: None,
    }
}

struct Writer {
    component: Arc<str>,
    host: Arc<str>,
    client: Client,
    clock: Clock,
    correlator: Correlator,
    last_stamp: i128,
}

impl Writer {
    async fn run(mut self, mut queue: mpsc::Receiver<Occurrence>) {
        while let Some(occurrence) = queue.recv().await {
            let reason = occurrence.reason.clone();
            if let Err(error) = self.write(occurrence).await {
                debug!(component = %self.component, reason, %error, "an event was not written");
            }
        }
    }

    async fn write(&mut self, occurrence: Occurrence) -> Result<(), ClientError> {
        let subject = Subject {
            object: object(&occurrence.about),
            field_path: occurrence.about.field_path.clone().unwrap_or_default(),
            kind: occurrence.kind.text(),
            reason: occurrence.reason.clone(),
        };
        let now = self.clock.monotonic();
        let (identity, message) =
            match self
                .correlator
                .judge(subject, occurrence.message.clone(), now)
            {
                Verdict::Drop => return Ok(()),
                Verdict::Create { identity, message } => (identity, message),
                Verdict::Count {
                    identity,
                    name,
                    count,
                    message,
                } => match self.count(&occurrence, &name, count, &message).await {
                    // Its time to live is up: a new Event takes its place.
                    Err(error) if error.is_not_found() => (identity, message),
                    counted => return counted,
                },
            };
        let stamp = self.stamp();
        let event = self.event(&occurrence, message, stamp);
        self.create(&event).await?;
        self.correlator.wrote(identity, event.name().to_owned());
        Ok(())
    }

    /// Nanoseconds for an Event's name, never the same twice: clocks are coarse or stand still.
    fn stamp(&mut self) -> i128 {
        self.last_stamp = self.clock.wall().as_nanosecond().max(self.last_stamp + 1);
        self.last_stamp
    }

    fn event(&self, occurrence: &Occurrence, message: String, stamp: i128) -> Event {
        let about = &occurrence.about;
        let time = api::time::seconds(self.clock.wall());
        Event {
            metadata: ObjectMeta {
                name: Some(event_name(about.name.as_deref().unwrap_or_default(), stamp)),
                namespace: Some(namespace(about).to_owned()),
                ..ObjectMeta::default()
            },
            involved_object: about.clone(),
            type_: Some(occurrence.kind.text().to_owned()),
            reason: Some(occurrence.reason.clone()),
            message: Some(message),
            count: Some(1),
            first_timestamp: Some(time.clone()),
            last_timestamp: Some(time),
            source: Some(EventSource {
                component: Some(self.component.to_string()),
                host: (!self.host.is_empty()).then(|| self.host.to_string()),
            }),
            reporting_component: Some(self.component.to_string()),
            reporting_instance: Some(self.host.to_string()),
            ..Event::default()
        }
    }

    async fn create(&self, event: &Event) -> Result<(), ClientError> {
        let events = self.client.typed::<Event>();
        let created = self.patiently(|| events.create(event)).await;
        match created {
            // The answer of an earlier try was lost.
            Err(error) if error.is_already_exists() => Ok(()),
            created => created.map(drop),
        }
    }

    async fn count(
        &self,
        occurrence: &Occurrence,
        name: &str,
        count: i32,
        message: &str,
    ) -> Result<(), ClientError> {
        let time = api::time::seconds(self.clock.wall());
        let body = json!({"count": count, "lastTimestamp": time, "message": message});
        let events = self.client.typed::<Event>();
        let events = events.in_namespace(namespace(&occurrence.about));
        self.patiently(|| events.merge(name, &body)).await.map(drop)
    }

    /// Tries again while the server cannot be reached or is overloaded, as client-go does.
    async fn patiently<T, F>(&self, mut request: impl FnMut() -> F) -> Result<T, ClientError>
    where
        F: Future<Output = Result<T, ClientError>>,
    {
        for _ in 1..TRIES {
            match request().await {
                Err(error) if is_passing(&error) => self.clock.sleep(BETWEEN_TRIES).await,
                answer => return answer,
            }
        }
        request().await
    }
}

fn is_passing(error: &ClientError) -> bool {
    match error {
        ClientError::Transport(_) => true,
        ClientError::Status(status) => matches!(status.code(), 429 | 503),
        ClientError::Unreadable(_) => false,
    }
}

/// Events about cluster-scoped objects live in `default`.
fn namespace(about: &ObjectReference) -> &str {
    let own = about.namespace.as_deref().filter(|own| !own.is_empty());
    own.unwrap_or("default")
}

/// The object and the time, unless the object's name (`system:node`) is none for an Event.
fn event_name(object: &str, stamp: i128) -> String {
    let label = |label: &str| {
        let inner = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
        !label.is_empty()
            && label.bytes().all(inner)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let name = format!("{object}.{stamp:x}");
    if name.len() <= 253 && object.split('.').all(label) {
        name
    } else {
        base::random::uuid()
    }
}

/// The same text for the same object in any of its versions.
fn object(about: &ObjectReference) -> String {
    let parts = [
        &about.api_version,
        &about.kind,
        &about.namespace,
        &about.name,
        &about.uid,
    ];
    let parts = parts.map(|part| part.as_deref().unwrap_or_default());
    parts.join("/")
}
