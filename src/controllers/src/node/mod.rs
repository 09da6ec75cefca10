//! Watches over nodes: marks those that fall silent, and keeps pods away from those that are
//! not ready. The entry point is [`ROW`].

mod health;
mod plan;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use api::wellknown::namespaces::KUBE_NODE_LEASE;
use api::{Kind, Lease, Node, Pod};
use base::{Clock, TraceId};
use client::Client;
use futures::FutureExt;
use futures::future::BoxFuture;
use informer::{
    Action, Change, EventType, Key, Lister, ReconcileError, Reconciler, Recorder, by_node,
};

use crate::cx::{ControllersCx, NodeMonitorOptions, Row};
use crate::owed::Owed;
use crate::view::Viewed;
use crate::{diff, writes};
use health::Health;

/// The row of [`crate::CONTROLLERS`].
pub(crate) const ROW: Row = Row {
    name: "node-controller",
    start,
};

const NODE: &str = "node";

struct Nodes {
    nodes: Lister<Node>,
    leases: Lister<Lease>,
    pods: Lister<Pod>,
    known: Mutex<HashMap<Key, Known>>,
    owed: Owed,
    client: Client,
    events: Recorder,
    options: NodeMonitorOptions,
    clock: Clock,
}

/// What the loop remembers of a node.
struct Known {
    node: Node,
    health: Health,
    /// Its pods have been told that it is not ready.
    pods_told: bool,
    /// Monotonic time of the next look that has been asked for.
    next_look: Duration,
}

fn start(cx: &ControllersCx) -> BoxFuture<'static, ()> {
    let client = (cx.clients)(ROW.name);
    let reconciler = Nodes {
        nodes: cx.informers.lister(),
        leases: cx.informers.lister(),
        pods: cx.informers.lister().with_index(NODE, by_node),
        known: Mutex::default(),
        owed: Owed::new::<Node>(cx, &client),
        events: cx.recorder(ROW.name, &client),
        options: cx.node_monitor,
        clock: cx.clock.clone(),
        client,
    };
    let others = reconciler.nodes.clone();
    cx.controller(ROW.name, "node_lifecycle_controller")
        .watches(reconciler.nodes.informer())
        .watches_by(reconciler.nodes.informer(), move |change| {
            neighbours(&others, change)
        })
        .watches_by(reconciler.leases.informer(), leased)
        // Their cache must be there when a node's pods are looked for.
        .watches_by(reconciler.pods.informer(), |_| Vec::new())
        .run(Arc::new(reconciler), cx.shutdown.clone())
        .boxed()
}

/// The node that a lease speaks for.
fn leased(change: &Change<'_>) -> Vec<Key> {
    let key = Key::of(change.object()).filter(|key| &*key.namespace == KUBE_NODE_LEASE);
    key.map(|key| Key::new("", &key.name)).into_iter().collect()
}

/// Every node, when one has become ready or ceased to be: what is done to each depends on
/// whether any is.
fn neighbours(nodes: &Lister<Node>, change: &Change<'_>) -> Vec<Key> {
    let readiness = |object| {
        // What does not decode has said nothing; the lister logs it.
        let node: Option<Node> = api::decode(object).ok();
        node.and_then(|node| plan::readiness(&node).map(str::to_owned))
    };
    let changed = match change {
        Change::Modified { old, new } => readiness(old) != readiness(new),
        Change::Added(_) | Change::Deleted(_) => true,
    };
    if !changed {
        return Vec::new();
    }
    let nodes = nodes.informer().list();
    nodes.iter().filter_map(Key::of).collect()
}

impl Reconciler for Nodes {
    fn reconcile<'a>(
        &'a self,
        key: &'a Key,
        trace: TraceId,
    ) -> BoxFuture<'a, Result<Action, ReconcileError>> {
        Box::pin(self.sync(key, trace))
    }
}

impl Nodes {
    async fn sync(&self, key: &Key, trace: TraceId) -> Result<Action, ReconcileError> {
        if !self.owed.settled(key).await? {
            return Ok(Action::RequeueAfter(self.owed.patience()));
        }
        let Some(encoded) = self.nodes.informer().get(key) else {
            self.say_removed(key);
            return Ok(Action::Done);
        };
        let node = Viewed::<Node>::of(&encoded).map_err(writes::unreadable)?;
        let now = self.clock.monotonic();
        let seen = self.observe(key, &node, now);
        let client = self.client.with_trace(trace);
        let left = plan::patience(&node, now.saturating_sub(seen), self.options);
        if left.is_zero() {
            let after = plan::silenced(&node, self.clock.wall());
            if after != node.typed {
                writes::status(&client, &self.owed, key, &node, &after).await?;
                // Its event brings the key back, to be tainted for it.
                return Ok(Action::Done);
            }
        }
        let after = plan::tainted(&node, self.all_lost(), self.clock.wall());
        writes::update(&client, &self.owed, key, &node, &after).await?;
        self.tell_pods(&client, key, &node).await?;
        Ok(self.next_look(key, now, left))
    }

    /// A look when the node's patience ends, unless an earlier one is coming: every sign of life
    /// passes here, and each would start a chain of looks of its own.
    fn next_look(&self, key: &Key, now: Duration, left: Duration) -> Action {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        match known.get_mut(key) {
            Some(known) if !left.is_zero() && known.next_look <= now => {
                known.next_look = now + left;
                Action::RequeueAfter(left)
            }
            _ => Action::Done,
        }
    }

    /// Takes in the node's signs of life; gives the time of the last. Says when it is new, and
    /// when it stops being ready.
    fn observe(&self, key: &Key, node: &Node, now: Duration) -> Duration {
        let lease = self.leases.get(KUBE_NODE_LEASE, &key.name);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let mut news = Vec::new();
        let entry = known.entry(key.clone()).or_insert_with(|| {
            let name = node.name();
            let text = format!("Node {name} event: Registered Node {name} in Controller");
            news.push(("RegisteredNode", text));
            Known {
                node: node.clone(),
                health: Health::first(node, lease.as_ref(), now),
                pods_told: false,
                next_look: Duration::ZERO,
            }
        });
        entry.health.observe(node, lease.as_ref(), now);
        let [before, after] = [&entry.node, node].map(plan::readiness);
        if before == Some("True") && after != Some("True") {
            let text = format!("Node {} status is now: NodeNotReady", node.name());
            news.push(("NodeNotReady", text));
        }
        if after == Some("True") {
            entry.pods_told = false;
        }
        entry.node = node.clone();
        for (reason, text) in news {
            self.events.event(node, EventType::Normal, reason, &text);
        }
        entry.health.seen
    }

    fn say_removed(&self, key: &Key) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(gone) = known.remove(key) {
            let name = gone.node.name();
            let text = format!("Node {name} event: Removing Node {name} from Controller");
            let (kind, reason) = (EventType::Normal, "RemovingNode");
            self.events.event(&gone.node, kind, reason, &text);
        }
    }

    /// Whether no node at all is ready.
    fn all_lost(&self) -> bool {
        let nodes = self.nodes.list();
        nodes
            .iter()
            .all(|node| plan::readiness(node) != Some("True"))
    }

    /// Pods of a node that is not ready are not ready either, once for each time it is lost: a
    /// kubelet that still speaks has the last word.
    async fn tell_pods(
        &self,
        client: &Client,
        key: &Key,
        node: &Node,
    ) -> Result<(), ReconcileError> {
        if matches!(plan::readiness(node), None | Some("True")) || self.were_told(key) {
            return Ok(());
        }
        for pod in self.pods.by_index(NODE, node.name()) {
            let Some(after) = plan::unready(&pod, self.clock.wall()) else {
                continue;
            };
            let pods = client.typed::<Pod>().in_namespace(pod.namespace());
            if let Some(patch) = diff::patch(&pod, &after) {
                let written = pods.merge_status(pod.name(), &patch).await;
                if client::if_present(written)?.is_none() {
                    continue;
                }
            }
            let (kind, reason) = (EventType::Warning, "NodeNotReady");
            self.events.event(&pod, kind, reason, "Node is not ready");
        }
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known.get_mut(key) {
            known.pods_told = true;
        }
        Ok(())
    }

    fn were_told(&self, key: &Key) -> bool {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(key).is_some_and(|known| known.pods_told)
    }
}

#[cfg(test)]
mod tests;
