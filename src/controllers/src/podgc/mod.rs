//! Deletes pods that nobody else will: those of nodes that are no more, and finished ones
//! beyond a threshold. The entry point is [`ROW`].

mod plan;

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use api::{Kind, Node, Pod};
use apimachinery::Encoded;
use base::{Clock, TraceId};
use client::{Client, DeleteOptions};
use futures::FutureExt;
use futures::future::{BoxFuture, join};
use informer::{Action, Change, Key, Lister, ReconcileError, Reconciler, by_node};
use serde::Deserialize;

use crate::cx::{ControllersCx, Row};
use crate::diff;

/// The row of [`crate::CONTROLLERS`].
pub(crate) const ROW: Row = Row {
    name: "pod-garbage-collector",
    start,
};

/// How long a node must be absent before its pods go: it may be registering again.
const QUARANTINE: Duration = Duration::from_secs(40);
/// Finished pods that may stay (`--terminated-pod-gc-threshold`).
const THRESHOLD: usize = 12_500;

const NODE: &str = "node";
const FINISHED: &str = "finished";

fn start(cx: &ControllersCx) -> BoxFuture<'static, ()> {
    let pods: Lister<Pod> = cx.informers.lister().with_index(NODE, by_node);
    let pods = pods.with_index(FINISHED, by_finished);
    let sweep = Arc::new(Sweep {
        pods: pods.clone(),
        client: (cx.clients)(ROW.name),
    });
    let lost = Arc::new(Lost {
        nodes: cx.informers.lister(),
        absent: Mutex::default(),
        clock: cx.clock.clone(),
        sweep: sweep.clone(),
    });
    let nodes = lost.nodes.informer();
    let lost_controller = cx
        .controller(ROW.name, "orphaned_pods_nodes")
        .workers(1)
        .watches(nodes)
        .watches_by(pods.informer(), bound_to)
        .run(lost.clone(), cx.shutdown.clone());
    // Upstream sweeps by a timer and has no queue for it.
    let sweep_controller = cx
        .controller(ROW.name, "terminated_pods")
        .workers(1)
        .watches_by(pods.informer(), finished)
        .run(sweep, cx.shutdown.clone());
    join(lost_controller, sweep_controller).map(|_| ()).boxed()
}

/// `true` for pods that have succeeded or failed.
fn by_finished(object: &Encoded) -> Vec<String> {
    #[derive(Deserialize)]
    struct Phased<'a> {
        #[serde(borrow, default)]
        status: Status<'a>,
    }
    #[derive(Default, Deserialize)]
    struct Status<'a> {
        #[serde(borrow, default)]
        phase: Cow<'a, str>,
    }
    // What does not decode is logged where it is listed.
    let phased = serde_json::from_slice::<Phased<'_>>(object.json());
    let finished = phased.is_ok_and(|pod| matches!(&*pod.status.phase, "Succeeded" | "Failed"));
    finished.then(|| "true".to_owned()).into_iter().collect()
}

/// The node of a pod that has just been bound or seen first.
fn bound_to(change: &Change<'_>) -> Vec<Key> {
    let old = match change {
        Change::Added(_) => Vec::new(),
        Change::Modified { old, .. } => by_node(old),
        Change::Deleted(_) => return Vec::new(),
    };
    let new = by_node(change.object()).into_iter();
    let bound = new.filter(|node| !node.is_empty() && !old.contains(node));
    bound.map(|node| Key::new("", &node)).collect()
}

/// All sweeps are one: the key says nothing.
fn finished(change: &Change<'_>) -> Vec<Key> {
    let finished = !by_finished(change.object()).is_empty();
    finished.then(|| Key::new("", "")).into_iter().collect()
}

/// Pods of absent nodes, by node.
struct Lost {
    nodes: Lister<Node>,
    /// Since when nodes are known to be absent, in monotonic time.
    absent: Mutex<HashMap<Key, Duration>>,
    clock: Clock,
    sweep: Arc<Sweep>,
}

impl Reconciler for Lost {
    fn reconcile<'a>(
        &'a self,
        key: &'a Key,
        trace: TraceId,
    ) -> BoxFuture<'a, Result<Action, ReconcileError>> {
        Box::pin(self.sync(key, trace))
    }
}

impl Lost {
    async fn sync(&self, node: &Key, trace: TraceId) -> Result<Action, ReconcileError> {
        let here = self.nodes.informer().get(node).is_some();
        let pods = self.sweep.pods.by_index(NODE, &node.name);
        if here || pods.is_empty() {
            self.forget(node);
            return Ok(Action::Done);
        }
        let left = self.quarantine(node);
        if !left.is_zero() {
            return Ok(Action::RequeueAfter(left));
        }
        let client = self.sweep.client.with_trace(trace);
        if client.typed::<Node>().find(&node.name).await?.is_some() {
            return Ok(Action::Done);
        }
        for pod in pods {
            let failed = plan::lost(&pod, self.clock.wall());
            self.sweep.delete(&client, &pod, &failed).await?;
        }
        self.forget(node);
        Ok(Action::Done)
    }

    /// How much of the quarantine is left; it starts with the first question.
    fn quarantine(&self, node: &Key) -> Duration {
        let now = self.clock.monotonic();
        let mut absent = self.absent.lock().unwrap_or_else(PoisonError::into_inner);
        let since = *absent.entry(node.clone()).or_insert(now);
        (since + QUARANTINE).saturating_sub(now)
    }

    fn forget(&self, node: &Key) {
        let mut absent = self.absent.lock().unwrap_or_else(PoisonError::into_inner);
        absent.remove(node);
    }
}

/// Finished pods beyond the threshold.
struct Sweep {
    pods: Lister<Pod>,
    client: Client,
}

impl Reconciler for Sweep {
    fn reconcile<'a>(
        &'a self,
        _key: &'a Key,
        trace: TraceId,
    ) -> BoxFuture<'a, Result<Action, ReconcileError>> {
        Box::pin(async move {
            let finished = self.pods.by_index(FINISHED, "true");
            let client = self.client.with_trace(trace);
            for pod in plan::surplus(finished, THRESHOLD) {
                self.delete(&client, &pod, &pod).await?;
            }
            Ok(Action::Done)
        })
    }
}

impl Sweep {
    /// Writes the pod's last status, then deletes it without a grace period: no node would end
    /// one.
    async fn delete(&self, client: &Client, pod: &Pod, after: &Pod) -> Result<(), ReconcileError> {
        let pods = client.typed::<Pod>().in_namespace(pod.namespace());
        if let Some(patch) = diff::patch(pod, after) {
            let written = pods.merge_status(pod.name(), &patch).await;
            if client::if_present(written)?.is_none() {
                return Ok(());
            }
        }
        let options = DeleteOptions {
            grace_period_seconds: Some(0),
            ..DeleteOptions::of_uid(pod.uid())
        };
        client::if_present(pods.delete(pod.name(), &options).await)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
