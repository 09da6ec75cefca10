//! What the scheduler does to the cluster: bindings, pod statuses, evictions, events.

use std::sync::Arc;
use std::time::Duration;

use api::core::{Binding, ObjectReference};
use api::wellknown::conditions;
use api::{Kind, ObjectMeta, Pod, pod};
use apimachinery::{Object, time};
use base::Clock;
use client::{Client, ClientError, DeleteOptions, Typed};
use informer::Informer;
use serde_json::{Value, json};
use tracing::{info, warn};

use crate::events::{Events, Occurrence, reference};
use crate::plan::Step;
use crate::pod::PodInfo;
use crate::preemption::{self, Nomination};

/// The scheduler that pods name when they name none.
pub const NAME: &str = "default-scheduler";

/// How long a binding may take.
const BINDING_DEADLINE: Duration = Duration::from_secs(600);

/// How often a status is written again because somebody else wrote first.
const STATUS_TRIES: usize = 5;

/// Does what was decided. Clones share everything.
#[derive(Clone)]
pub struct Effects {
    pub client: Client,
    pub clock: Clock,
    pub pods: Informer,
    pub events: Events,
}

/// A pod that was not bound.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    #[error("running Bind plugin \"DefaultBinder\": {0}")]
    Refused(#[from] ClientError),
    #[error("running Bind plugin \"DefaultBinder\": context deadline exceeded")]
    Deadline,
    #[error("running Bind plugin \"DefaultBinder\": no plugin bound the pod")]
    NoBinder,
    #[error("the binding cycle panicked")]
    Panicked,
}

/// A pod's new `PodScheduled` condition and nominated node.
#[derive(Clone, Debug)]
pub struct Failure {
    /// `Unschedulable` or `SchedulerError`.
    pub reason: &'static str,
    pub text: String,
    /// `None` leaves it as it is.
    pub nominated: Option<String>,
}

struct Condition<'a> {
    type_: &'a str,
    status: &'a str,
    reason: &'a str,
    message: &'a str,
}

impl Effects {
    /// Does the steps of a placement in order.
    ///
    /// # Errors
    /// When the pod is not bound, as far as can be found out.
    pub async fn bind(&self, pod: &PodInfo, steps: &[Step]) -> Result<(), BindError> {
        let Some(Step::Bind { node }) = steps.last() else {
            return Err(BindError::NoBinder);
        };
        let posted = self.post_binding(pod, node);
        match self.clock.timeout(BINDING_DEADLINE, posted).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) if error.outcome_unknown() && self.is_bound(pod, node).await => {}
            Ok(Err(error)) => return Err(error.into()),
            Err(_) => return Err(BindError::Deadline),
        }
        info!(pod = %pod.key, %node, trace = %pod.trace, "bound");
        self.events.say(Occurrence {
            about: reference(pod),
            related: None,
            kind: "Normal",
            reason: "Scheduled",
            action: "Binding",
            note: format!("Successfully assigned {} to {node}", pod.key),
        });
        Ok(())
    }

    async fn post_binding(&self, pod: &PodInfo, node: &str) -> Result<(), ClientError> {
        let binding = Binding {
            metadata: ObjectMeta {
                name: Some(pod.key.name.to_string()),
                namespace: Some(pod.key.namespace.to_string()),
                uid: Some(pod.uid.to_string()),
                ..ObjectMeta::default()
            },
            target: ObjectReference {
                kind: Some("Node".to_owned()),
                name: Some(node.to_owned()),
                ..ObjectReference::default()
            },
        };
        let pods = self.pods(pod);
        let bound = pods.create_subresource(&pod.key.name, "binding", &binding);
        bound.await.map(drop)
    }

    /// Whether a binding whose answer was lost has happened.
    async fn is_bound(&self, pod: &PodInfo, node: &str) -> bool {
        match self.pods(pod).get(&pod.key.name).await {
            Ok(found) => found.uid() == &*pod.uid && pod::node_name(&found) == node,
            // Then it counts as failed; the informer will tell otherwise.
            Err(_) => false,
        }
    }

    /// Says why a pod is not scheduled: an event, and its status.
    pub async fn report(&self, pod: &PodInfo, failure: Failure) {
        self.events.say(Occurrence {
            about: reference(pod),
            related: None,
            kind: "Warning",
            reason: "FailedScheduling",
            action: "Scheduling",
            note: failure.text.clone(),
        });
        let condition = Condition {
            type_: conditions::POD_SCHEDULED,
            status: "False",
            reason: failure.reason,
            message: &failure.text,
        };
        let nominated = failure.nominated.as_deref();
        let written = self.write_status(pod, Some(&condition), nominated, true);
        if let Err(error) = written.await {
            warn!(pod = %pod.key, %error, "cannot write the pod's scheduling status");
        }
    }

    /// Takes back a nomination that a more important pod has overtaken.
    pub async fn clear_nomination(&self, pod: &PodInfo) {
        let written = self.write_status(pod, None, Some(""), true);
        if let Err(error) = written.await {
            warn!(pod = %pod.key, %error, "cannot clear the pod's nominated node");
        }
    }

    /// Evicts the victims of a nomination.
    ///
    /// # Errors
    /// When one of them stays.
    pub async fn preempt(&self, pod: &PodInfo, nomination: &Nomination) -> Result<(), ClientError> {
        let evictions = nomination.victims.iter();
        let evictions = evictions.map(|victim| self.evict(victim, pod, &nomination.node));
        futures::future::try_join_all(evictions).await.map(drop)
    }

    async fn evict(
        &self,
        victim: &Arc<PodInfo>,
        pod: &PodInfo,
        node: &str,
    ) -> Result<(), ClientError> {
        if victim.terminating {
            return Ok(());
        }
        let message = format!("{NAME}: preempting to accommodate a higher priority pod");
        let condition = Condition {
            type_: conditions::DISRUPTION_TARGET,
            status: "True",
            reason: preemption::REASON,
            message: &message,
        };
        self.write_status(victim, Some(&condition), None, false)
            .await?;
        let options = DeleteOptions::of_uid(&victim.uid);
        match self.pods(victim).delete(&victim.key.name, &options).await {
            // Gone already, or another pod has its name: the room is there.
            Err(error) if error.is_not_found() || error.is_conflict() => return Ok(()),
            deleted => deleted.map(drop)?,
        }
        info!(victim = %victim.key, pod = %pod.key, node, "preempted");
        self.events.say(Occurrence {
            about: reference(victim),
            related: Some(reference(pod)),
            kind: "Normal",
            reason: "Preempted",
            action: "Preempting",
            note: format!("Preempted by pod {} on node {node}", pod.uid),
        });
        Ok(())
    }

    /// Changes the status unless it says so already. A pod that is gone, or bound although it
    /// should not be, is left alone.
    async fn write_status(
        &self,
        pod: &PodInfo,
        condition: Option<&Condition<'_>>,
        nominated: Option<&str>,
        only_unbound: bool,
    ) -> Result<(), ClientError> {
        let mut found = self.pods.get(&pod.key);
        for _ in 0..STATUS_TRIES {
            let Some(object) = found.take() else {
                return Ok(());
            };
            let object = object.to_object().map_err(ClientError::unreadable)?;
            let bound = !text(&object, "/spec/nodeName").is_empty();
            if object.uid() != &*pod.uid || (bound && only_unbound) {
                return Ok(());
            }
            let Some(patch) = status_patch(&object, condition, nominated, &self.clock) else {
                return Ok(());
            };
            let pods = self.pods(pod);
            match pods.merge_status(&pod.key.name, &patch).await {
                Err(error) if error.is_not_found() => return Ok(()),
                Err(error) if error.is_conflict() => {
                    found = pods.api().get(&pod.key.name).await.ok();
                }
                written => return written.map(drop),
            }
        }
        // Whoever keeps writing makes the informer look at this pod again.
        Ok(())
    }

    fn pods(&self, pod: &PodInfo) -> Typed<Pod> {
        let client = self.client.with_trace(pod.trace);
        client.typed().in_namespace(&pod.key.namespace)
    }
}

fn text<'a>(object: &'a Object, pointer: &str) -> &'a str {
    let found = object.at(pointer).and_then(Value::as_str);
    found.unwrap_or_default()
}

/// A merge patch on the state that was read; `None` when nothing changes.
fn status_patch(
    object: &Object,
    condition: Option<&Condition<'_>>,
    nominated: Option<&str>,
    clock: &Clock,
) -> Option<Value> {
    let mut status = serde_json::Map::new();
    let now = time::format(clock.wall());
    if let Some(changed) = condition.and_then(|new| with_condition(object, new, &now)) {
        status.insert("conditions".to_owned(), changed.into());
    }
    let before = text(object, "/status/nominatedNodeName");
    if let Some(node) = nominated.filter(|node| *node != before) {
        let node = if node.is_empty() {
            Value::Null
        } else {
            node.into()
        };
        status.insert("nominatedNodeName".to_owned(), node);
    }
    let guard = json!({"uid": object.uid(), "resourceVersion": object.resource_version()});
    (!status.is_empty()).then(|| json!({"metadata": guard, "status": status}))
}

/// All conditions with the new one in its place; `None` when it is there already.
fn with_condition(object: &Object, new: &Condition<'_>, now: &str) -> Option<Vec<Value>> {
    let all = object.at("/status/conditions").and_then(Value::as_array);
    let mut all = all.cloned().unwrap_or_default();
    let at = all.iter().position(|old| old["type"] == new.type_);
    let old = at.map_or(&Value::Null, |at| &all[at]);
    let is = |field: &str, text: &str| old[field].as_str().unwrap_or_default() == text;
    if is("status", new.status) && is("reason", new.reason) && is("message", new.message) {
        return None;
    }
    let since = match &old["lastTransitionTime"] {
        Value::String(since) if is("status", new.status) => since.as_str(),
        _ => now,
    };
    let mut condition = json!({
        "type": new.type_, "status": new.status, "reason": new.reason, "message": new.message,
        "lastTransitionTime": since,
    });
    if object.generation() > 0 {
        condition["observedGeneration"] = object.generation().into();
    }
    match at {
        Some(at) => all[at] = condition,
        None => all.push(condition),
    }
    Some(all)
}
