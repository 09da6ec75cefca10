use std::sync::Arc;
use std::time::Duration;

use api::coordination::Lease;
use api::core::Node;
use base::Clock;
use client::testing::{Effect, FakeServer, Verb};
use client::{Client, PatchKind, PatchOptions};
use serde_json::{Value, json};

use super::{NodeFacts, NodeKeeper, RENEW_EVERY};
use crate::testing::{Directory, Strategic};

fn keeper(server: &FakeServer, clock: Clock, directory: &Directory) -> NodeKeeper {
    NodeKeeper {
        client: Client::new(Arc::new(Strategic(server.clone()))),
        clock,
        facts: NodeFacts::read("node", &directory.join("")),
    }
}

/// Writes to the node's status from outside, as its documentation tells administrators to.
async fn count(keeper: &NodeKeeper, list: &str, amount: Value) {
    let patch = json!({"status": {list: {"example.com/dongle": amount}}});
    let nodes = keeper.client.typed::<Node>();
    let options = PatchOptions::subresource("status");
    let merged = nodes
        .api()
        .patch("node", PatchKind::Merge, &patch, &options);
    merged.await.expect("merges");
}

/// Capacity, and what pods may have of it.
fn dongles(server: &FakeServer) -> [Option<String>; 2] {
    let node: Node = server.get("", "node").expect("a node");
    let status = node.status.expect("a status");
    [status.capacity, status.allocatable].map(|list| {
        let list = list.expect("a list");
        assert!(list.contains_key("cpu"), "the machine's own stay");
        list.get("example.com/dongle")
            .map(|amount| amount.0.clone())
    })
}

#[tokio::test]
async fn resources_given_from_outside_may_be_used() {
    let (clock, hands) = Clock::manual("2026-01-01T00:00:00Z".parse().expect("a time"));
    let server = FakeServer::new(clock.clone());
    let directory = Directory::new();
    let keeper = keeper(&server, clock, &directory);
    let mut reported = None;
    let text = |amount: &str| Some(amount.to_owned());
    keeper.beat(&mut reported).await.expect("reports");
    assert_eq!(dongles(&server), [None, None]);

    for (list, amount, expected) in [
        ("capacity", json!("4"), [text("4"), text("4")]),
        ("allocatable", json!("1"), [text("4"), text("4")]),
        ("capacity", json!("2"), [text("2"), text("2")]),
        ("capacity", Value::Null, [None, None]),
    ] {
        count(&keeper, list, amount).await;
        hands.advance(RENEW_EVERY);
        keeper.beat(&mut reported).await.expect("reports");
        assert_eq!(dongles(&server), expected);
    }
    let quiet = server.revision();
    hands.advance(Duration::from_secs(1));
    let node: Node = server.get("", "node").expect("a node");
    keeper.beat(&mut reported).await.expect("renews");
    assert_eq!(
        server.get::<Node>("", "node"),
        Some(node),
        "nothing to report"
    );
    assert_eq!(server.revision(), quiet + 1, "the lease alone");
}

#[tokio::test]
async fn a_node_that_cannot_be_looked_at_lives_on() {
    let (clock, hands) = Clock::manual("2026-01-01T00:00:00Z".parse().expect("a time"));
    let server = FakeServer::new(clock.clone());
    let directory = Directory::new();
    let keeper = keeper(&server, clock, &directory);
    let mut reported = None;
    keeper.beat(&mut reported).await.expect("reports");
    let renewed = || {
        let lease: Lease = server.get("kube-node-lease", "node").expect("a lease");
        lease.spec.and_then(|spec| spec.renew_time)
    };
    let before = renewed();
    hands.advance(RENEW_EVERY);
    server.disturb(Verb::Get, "nodes", Effect::Unreachable);
    keeper.beat(&mut reported).await.expect_err("unreachable");
    assert_ne!(renewed(), before);
}
