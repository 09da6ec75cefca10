//! The node's own object: registration, status, lease.

mod facts;
mod pressure;
mod status;
#[cfg(test)]
mod tests;

use std::time::Duration;

use api::coordination::{Lease, LeaseSpec};
use api::core::{Node, NodeSpec, NodeStatus};
use api::{ObjectMeta, OwnerReference};
use base::{Backoff, Clock, Shutdown};
use client::{Client, ClientError, PatchKind, PatchOptions, WriteOptions};
use serde_json::{Value, json};
use tracing::{debug, warn};

pub use facts::NodeFacts;
use pressure::Pressure;

/// A lease is renewed this often, and lasts four times as long (upstream's defaults).
const RENEW_EVERY: Duration = Duration::from_secs(10);
const LEASE_SECONDS: i32 = 40;
/// An unchanged status is written this often (`nodeStatusReportFrequency`).
const REPORT_EVERY: Duration = Duration::from_secs(300);
/// After a failure (upstream's lease controller).
const RETRY_FIRST: Duration = Duration::from_millis(200);
const RETRY_LAST: Duration = Duration::from_secs(7);
const LEASES: &str = "kube-node-lease";

/// Keeps the node's object and lease; runs until shutdown.
pub struct NodeKeeper {
    pub client: Client,
    pub clock: Clock,
    pub facts: NodeFacts,
}

impl NodeKeeper {
    /// Registers the node and reports it Ready, then renews its lease and reports changes.
    pub async fn run(self, shutdown: Shutdown) {
        let mut reported: Option<(Value, Duration)> = None;
        let mut retry = Backoff::new(RETRY_FIRST, RETRY_LAST);
        loop {
            let next = match self.beat(&mut reported).await {
                Ok(()) => {
                    retry.reset();
                    RENEW_EVERY
                }
                Err(error) => {
                    // The API server may have just started, or be busy: soon again.
                    debug!(%error, "the node could not be reported");
                    if reported.is_some() {
                        warn!(%error, "the node's lease could not be renewed");
                    }
                    retry.next_delay()
                }
            };
            tokio::select! {
                // A heartbeat is a promise of regular messages: the one loop that must tick.
                () = self.clock.sleep(next) => {}
                () = shutdown.stopping() => return,
            }
        }
    }

    async fn beat(&self, reported: &mut Option<(Value, Duration)>) -> Result<(), ClientError> {
        let now = self.clock.monotonic();
        let pressure = Pressure::read(&self.facts.root_dir);
        let stable = self.facts.stable(pressure);
        let due = match reported {
            None => true,
            Some((last, at)) => *last != stable || now.saturating_sub(*at) >= REPORT_EVERY,
        };
        if due {
            self.report(pressure).await?;
            *reported = Some((stable, now));
        }
        self.renew().await?;
        // Only then: whatever becomes of this, the node lives.
        if !due && self.owes().await? {
            self.report(pressure).await?;
        }
        Ok(())
    }

    /// Whether somebody gave the node resources, or took some away, since the last report.
    async fn owes(&self) -> Result<bool, ClientError> {
        let node = self.client.typed::<Node>().find(&self.facts.name).await?;
        Ok(node.is_some_and(|node| !status::owed_allocatable(&self.facts, &node).is_empty()))
    }

    /// The node's object, made if it is absent; labels of ours are put in order.
    async fn register(&self) -> Result<Node, ClientError> {
        let nodes = self.client.typed::<Node>();
        match nodes.find(&self.facts.name).await? {
            Some(node) => {
                let missing = |(key, value): &(String, String)| {
                    node.metadata.labels.as_ref().and_then(|l| l.get(key)) != Some(value)
                };
                let labels: Vec<(String, String)> =
                    self.facts.labels().into_iter().filter(missing).collect();
                if labels.is_empty() {
                    return Ok(node);
                }
                let labels: serde_json::Map<String, Value> = labels
                    .into_iter()
                    .map(|(key, value)| (key, value.into()))
                    .collect();
                nodes
                    .merge(&self.facts.name, &json!({"metadata": {"labels": labels}}))
                    .await
            }
            None => {
                let node = Node {
                    metadata: ObjectMeta {
                        name: Some(self.facts.name.clone()),
                        labels: Some(self.facts.labels().into_iter().collect()),
                        ..ObjectMeta::default()
                    },
                    spec: Some(NodeSpec {
                        pod_cidr: Some(self.facts.pod_cidr.clone()),
                        pod_cidrs: Some(vec![self.facts.pod_cidr.clone()]),
                        ..NodeSpec::default()
                    }),
                    status: Some(NodeStatus::default()),
                };
                nodes.create(&node).await
            }
        }
    }

    async fn report(&self, pressure: Pressure) -> Result<(), ClientError> {
        let node = self.register().await?;
        let status = status::of(&self.facts, pressure, &node, self.clock.wall());
        let mut status = serde_json::to_value(status).map_err(ClientError::unreadable)?;
        if let Some(allocatable) = status["allocatable"].as_object_mut() {
            allocatable.extend(status::owed_allocatable(&self.facts, &node));
        }
        let options = PatchOptions::subresource("status");
        let nodes = self.client.typed::<Node>();
        let body = json!({"status": status});
        nodes
            .api()
            .patch(&self.facts.name, PatchKind::Strategic, &body, &options)
            .await?;
        Ok(())
    }

    async fn renew(&self) -> Result<(), ClientError> {
        let leases = self.client.typed::<Lease>().in_namespace(LEASES);
        let now = api::time::micros(self.clock.wall());
        let spec = json!({"renewTime": now, "holderIdentity": self.facts.name,
                          "leaseDurationSeconds": LEASE_SECONDS});
        let renewed = leases.merge(&self.facts.name, &json!({"spec": spec})).await;
        match renewed {
            Err(error) if error.is_not_found() => {
                let node = self.client.typed::<Node>().get(&self.facts.name).await?;
                let lease = Lease {
                    metadata: ObjectMeta {
                        name: Some(self.facts.name.clone()),
                        namespace: Some(LEASES.to_owned()),
                        owner_references: Some(vec![OwnerReference {
                            api_version: "v1".to_owned(),
                            kind: "Node".to_owned(),
                            name: self.facts.name.clone(),
                            uid: node.metadata.uid.clone().unwrap_or_default(),
                            ..OwnerReference::default()
                        }]),
                        ..ObjectMeta::default()
                    },
                    spec: Some(LeaseSpec {
                        holder_identity: Some(self.facts.name.clone()),
                        lease_duration_seconds: Some(LEASE_SECONDS),
                        renew_time: Some(now),
                        ..LeaseSpec::default()
                    }),
                };
                leases
                    .api()
                    .create(&api::Kind::encode(&lease), &WriteOptions::default())
                    .await?;
                Ok(())
            }
            other => other.map(|_| ()),
        }
    }
}
