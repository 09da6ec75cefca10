//! The pod network of one node: a bridge, routed.

mod cleanup;
mod operations;
mod start;
#[cfg(test)]
mod tests;

use std::net::IpAddr;
use std::sync::Arc;

use futures::future::BoxFuture;

use crate::ledger::{Ledger, Record};
use crate::links::Links;
use crate::netns::Pins;
use crate::node_address;
use crate::options::NetworkOptions;
use crate::pod::{Error, PodAttachment, PodNetwork, PodRequest, Result, validate_uid};
use crate::rules::Rules;
use crate::turns::Turns;

pub use cleanup::cleanup;
pub use operations::{SETUP_STEPS, TEARDOWN_STEPS};

/// Pods on a bridge of the host, all traffic between them routed.
///
/// Each pod has a /32 address whose only neighbour is the bridge; ports are isolated from each
/// other. So every packet passes the host's forward hook, and Services, hairpins and policies
/// work with `bridge-nf-call-iptables` at 0 as well as at 1.
pub struct BridgeNetwork(Arc<Inner>);

struct Inner {
    options: Arc<NetworkOptions>,
    mtu: u32,
    links: Links,
    pins: Pins,
    ledger: Arc<Ledger>,
    rules: Rules,
    turns: Turns,
}

impl BridgeNetwork {
    /// Prepares the host, in the calling thread's network namespace: bridge, sysctls, routes,
    /// rules. Takes over the pods an earlier process left, running ones undisturbed, and removes
    /// leftovers that belong to none.
    ///
    /// # Errors
    /// [`Error::Options`], or what the host refuses.
    pub async fn open(options: NetworkOptions) -> Result<Self> {
        let inner = start::open(options).await?;
        Ok(Self(Arc::new(inner)))
    }

    /// The node's address; see [`crate::node_address`].
    ///
    /// # Errors
    /// [`Error::Links`]
    pub async fn node_address(&self) -> Result<IpAddr> {
        node_address(&self.0.options).await
    }

    /// What the network was opened with.
    #[must_use]
    pub fn options(&self) -> &NetworkOptions {
        &self.0.options
    }

    /// Runs an operation in a task of its own: dropping the answer does not stop it halfway,
    /// while a next one on the same pod begins.
    fn run<T, F, Fut>(&self, name: &'static str, operation: F) -> BoxFuture<'static, Result<T>>
    where
        T: Send + 'static,
        F: FnOnce(Arc<Inner>) -> Fut,
        Fut: Future<Output = Result<T>> + Send + 'static,
    {
        let task = base::tasks::spawn(name, operation(self.0.clone()));
        Box::pin(async move {
            match task.await {
                Ok(Some(result)) => result,
                Ok(None) | Err(_) => Err(Error::Interrupted(name)),
            }
        })
    }
}

impl PodNetwork for BridgeNetwork {
    fn setup(&self, pod: PodRequest) -> BoxFuture<'_, Result<PodAttachment>> {
        self.run("pod network setup", |inner| async move {
            validate_uid(&pod.uid)?;
            let _turn = inner.turns.take(&pod.uid).await;
            inner.setup(pod).await
        })
    }

    fn teardown<'a>(&'a self, uid: &'a str) -> BoxFuture<'a, Result<()>> {
        let uid = uid.to_owned();
        self.run("pod network teardown", |inner| async move {
            validate_uid(&uid)?;
            let _turn = inner.turns.take(&uid).await;
            inner.teardown(&uid).await
        })
    }

    fn check<'a>(&'a self, uid: &'a str) -> BoxFuture<'a, Result<PodAttachment>> {
        let uid = uid.to_owned();
        self.run("pod network check", |inner| async move {
            validate_uid(&uid)?;
            let _turn = inner.turns.take(&uid).await;
            inner.check(&uid).await
        })
    }

    fn list(&self) -> BoxFuture<'_, Result<Vec<PodAttachment>>> {
        let records = self.0.ledger.all();
        let attachments = records.iter().map(|record| self.0.attachment(record));
        let attachments = attachments.collect();
        Box::pin(async move { Ok(attachments) })
    }
}

impl Inner {
    fn attachment(&self, record: &Record) -> PodAttachment {
        PodAttachment {
            uid: record.uid.clone(),
            netns: self.pins.path(&record.uid),
            ips: vec![IpAddr::V4(record.address)],
            interface: crate::links::POD_INTERFACE.to_owned(),
            host_interface: record.interface.clone(),
            mac: record.mac(),
        }
    }
}
