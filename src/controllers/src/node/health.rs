//! When a node was last heard of, by this machine's own monotonic clock.
//!
//! The times that a node writes are compared for change only: a jump of either wall clock ends no
//! lease early.

use std::time::Duration;

use api::{Kind, Lease, Node};
use jiff::Timestamp;

/// The last signs of life of one node.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Health {
    uid: String,
    /// What the node says of itself; `None` while this loop speaks for it (`Unknown`).
    says: Option<String>,
    heartbeat: Option<Timestamp>,
    renewed: Option<Timestamp>,
    /// Monotonic time of the last sign.
    pub(super) seen: Duration,
}

impl Health {
    /// A node that is seen for the first time counts as just heard of: what is in the cache may
    /// be as old as this process' last downtime.
    pub(super) fn first(node: &Node, lease: Option<&Lease>, now: Duration) -> Self {
        Self {
            uid: node.uid().to_owned(),
            says: says(node),
            heartbeat: heartbeat(node),
            renewed: lease.and_then(renewed),
            seen: now,
        }
    }

    /// Takes in what the caches show now.
    pub(super) fn observe(&mut self, node: &Node, lease: Option<&Lease>, now: Duration) {
        let next = Self::first(node, lease, now);
        let renewed = next.renewed > self.renewed;
        let spoke = next.says.is_some() && next.says != self.says;
        if renewed || spoke || next.heartbeat != self.heartbeat || next.uid != self.uid {
            *self = next;
        } else {
            self.says = next.says;
        }
    }
}

fn says(node: &Node) -> Option<String> {
    let conditions = &node.status.as_ref()?.conditions;
    let ready = api::condition(conditions, "Ready")?;
    (ready.status != "Unknown").then(|| ready.status.clone())
}

fn heartbeat(node: &Node) -> Option<Timestamp> {
    let conditions = &node.status.as_ref()?.conditions;
    let ready = api::condition(conditions, "Ready")?;
    // A heartbeat of the status counts, a verdict of this loop does not move it.
    ready.last_heartbeat_time.as_ref().map(|time| time.0)
}

fn renewed(lease: &Lease) -> Option<Timestamp> {
    let time = lease.spec.as_ref()?.renew_time.as_ref()?;
    Some(time.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn node(uid: &str, heartbeat: &str) -> Node {
        let node = json!({"metadata": {"uid": uid}, "status": {"conditions": [
            {"type": "Ready", "status": "True", "lastHeartbeatTime": heartbeat}]}});
        Node::decode(node.to_string().as_bytes()).expect("a node")
    }

    fn lease(renewed: &str) -> Lease {
        let lease = json!({"spec": {"renewTime": renewed}});
        Lease::decode(lease.to_string().as_bytes()).expect("a lease")
    }

    #[test]
    fn a_change_is_a_sign_of_life() {
        let (early, late) = ("2026-01-01T00:00:00Z", "2026-01-01T00:00:10Z");
        let rows = [
            (node("a", early), lease(early), 1),
            (node("a", late), lease(early), 2),
            (node("a", early), lease(late), 2),
            (node("b", early), lease(early), 2),
        ];
        for (seen, renewed, expected) in rows {
            let first = node("a", early);
            let mut health = Health::first(&first, Some(&lease(early)), Duration::from_secs(1));
            health.observe(&seen, Some(&renewed), Duration::from_secs(2));
            assert_eq!(health.seen, Duration::from_secs(expected), "{seen:?}");
        }
        // A lease that goes back is no sign.
        let first = node("a", early);
        let mut health = Health::first(&first, Some(&lease(late)), Duration::from_secs(1));
        health.observe(&first, Some(&lease(early)), Duration::from_secs(2));
        assert_eq!(health.seen, Duration::from_secs(1));
    }
}
