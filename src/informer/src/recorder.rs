//! Events about objects: said without waiting, written in the background.

use std::sync::Arc;

use api::core::{Event, EventSource, ObjectReference};
use api::{Kind, ObjectMeta};
use base::{Clock, Shutdown};
use client::{Client, ClientError, PatchKind, PatchOptions};
use serde_json::json;
use tokio::sync::mpsc;
use tracing::debug;

use crate::correlate::{Correlator, Sameness, Verdict};

/// Events that wait to be written; more are dropped, as in client-go.
const WAITING: usize = 1000;

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
        let same = Sameness {
            about: format!("{:?}", without_version(&occurrence.about)),
            kind: occurrence.kind.text(),
            reason: occurrence.reason.clone(),
            message: occurrence.message.clone(),
        };
        match self.correlator.judge(same, self.clock.monotonic()) {
            Verdict::Drop => Ok(()),
            Verdict::Create { same } => self.create(&occurrence, same).await,
            Verdict::Count { name, count, same } => {
                match self.count(&occurrence, &name, count).await {
                    Err(error) if error.is_not_found() => {
                        self.correlator.forget(&same);
                        self.create(&occurrence, same).await
                    }
                    other => other,
                }
            }
        }
    }

    /// Events about cluster-scoped objects live in `default`.
    fn namespace(about: &ObjectReference) -> &str {
        about
            .namespace
            .as_deref()
            .filter(|n| !n.is_empty())
            .unwrap_or("default")
    }

    async fn create(&mut self, occurrence: &Occurrence, same: Sameness) -> Result<(), ClientError> {
        let now = self.clock.wall();
        let about = &occurrence.about;
        let object_name = about.name.as_deref().unwrap_or_default();
        let name = format!("{object_name}.{:x}", now.as_nanosecond());
        let namespace = Self::namespace(about).to_owned();
        let time = api::time::seconds(now);
        let event = Event {
            metadata: ObjectMeta {
                name: Some(name.clone()),
                namespace: Some(namespace.clone()),
                ..ObjectMeta::default()
            },
            involved_object: about.clone(),
            type_: Some(occurrence.kind.text().to_owned()),
            reason: Some(occurrence.reason.clone()),
            message: Some(same.message.clone()),
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
        };
        self.client
            .typed::<Event>()
            .in_namespace(&namespace)
            .create(&event)
            .await?;
        self.correlator.wrote(same, name, 1);
        Ok(())
    }

    async fn count(
        &self,
        occurrence: &Occurrence,
        name: &str,
        count: i32,
    ) -> Result<(), ClientError> {
        let time = api::time::seconds(self.clock.wall());
        let body = json!({"count": count, "lastTimestamp": time});
        let events = self
            .client
            .typed::<Event>()
            .in_namespace(Self::namespace(&occurrence.about));
        let options = PatchOptions::default();
        events
            .api()
            .patch(name, PatchKind::Strategic, &body, &options)
            .await?;
        Ok(())
    }
}

/// The same object in any of its versions.
fn without_version(about: &ObjectReference) -> ObjectReference {
    ObjectReference {
        resource_version: None,
        ..about.clone()
    }
}
