//! Setup, teardown and check of one pod. The caller holds the pod's turn.

use std::os::fd::OwnedFd;

use super::{Inner, start};
use crate::ledger::{self, Record};
use crate::links::{Link, Links, POD_INTERFACE, PortPlan};
use crate::pod::{Error, PodAttachment, PodRequest, Result};

/// Fail points of a setup, in order; each says what has been done.
pub const SETUP_STEPS: [&str; 5] = [
    "network::setup::recorded",
    "network::setup::pinned",
    "network::setup::connected",
    "network::setup::admitted",
    "network::setup::configured",
];

/// Fail points of a teardown, in order; each says what has been done.
pub const TEARDOWN_STEPS: [&str; 3] = [
    "network::teardown::expelled",
    "network::teardown::unpinned",
    "network::teardown::released",
];

fn pass(point: &'static str) -> Result<()> {
    match base::failpoint::at(point) {
        Some(_) => Err(Error::Fault(point)),
        None => Ok(()),
    }
}

impl Inner {
    /// Every step finds out what is there and adds what is missing, so a setup that follows a
    /// broken one finishes it.
    pub(super) async fn setup(&self, pod: PodRequest) -> Result<PodAttachment> {
        let bridge = start::prepare_host(&self.options, &self.links, self.mtu).await?;
        let record = self.on_disk(move |ledger| ledger.assign(&pod)).await?;
        pass(SETUP_STEPS[0])?;
        let namespace = self.pins.pin(&record.uid).await?;
        pass(SETUP_STEPS[1])?;
        let inside = Links::inside(&namespace).await?;
        let connected = self.connect(&record, bridge, &inside, &namespace).await;
        // An open socket would keep the namespace alive.
        inside.close().await;
        connected?;
        Ok(self.attachment(&record))
    }

    async fn connect(
        &self,
        record: &Record,
        bridge: u32,
        inside: &Links,
        namespace: &OwnedFd,
    ) -> Result<()> {
        let plan = self.plan(record, bridge);
        let (port, eth0) = match self.whole_pair(record, bridge, inside).await? {
            Some(pair) => pair,
            None => {
                let port = self.links.add_port(&plan, namespace).await?;
                let eth0 = inside.find(POD_INTERFACE).await?;
                let eth0 = eth0.ok_or_else(|| damaged(record, "the new interface vanished"))?;
                (port, eth0.index)
            }
        };
        self.links.open_port(port, &plan).await?;
        pass(SETUP_STEPS[2])?;
        self.links
            .fix_neighbour(bridge, record.address, record.mac())
            .await?;
        self.rules.admit(record, || self.ledger.all())?;
        pass(SETUP_STEPS[3])?;
        inside.configure_pod(eth0, &plan).await?;
        pass(SETUP_STEPS[4])
    }

    fn plan<'a>(&self, record: &'a Record, bridge: u32) -> PortPlan<'a> {
        PortPlan {
            name: &record.interface,
            bridge,
            mtu: self.mtu,
            mac: record.mac(),
            address: record.address,
            gateway: self.options.pod_cidr.gateway(),
        }
    }

    /// The indices of both ends if they are each other's; removes lone ends, which a namespace
    /// lost and made anew leaves.
    async fn whole_pair(
        &self,
        record: &Record,
        bridge: u32,
        inside: &Links,
    ) -> Result<Option<(u32, u32)>> {
        let port = self.links.find(&record.interface).await?;
        let eth0 = inside.find(POD_INTERFACE).await?;
        if let (Some(port), Some(eth0)) = (&port, &eth0)
            && is_pair(record, port, eth0)
            && port.controller == Some(bridge)
        {
            return Ok(Some((port.index, eth0.index)));
        }
        if let Some(port) = port {
            self.links.delete(&port).await?;
        }
        if let Some(eth0) = eth0 {
            inside.delete(&eth0).await?;
        }
        Ok(None)
    }

    /// The record goes last: until then the pod is listed, and so torn down again after a crash.
    pub(super) async fn teardown(&self, uid: &str) -> Result<()> {
        if let Some(record) = self.ledger.get(uid) {
            self.rules.expel(&record)?;
            if let Some(bridge) = self.links.find(&self.options.bridge).await? {
                let address = record.address;
                self.links.forget_neighbour(bridge.index, address).await?;
            }
        }
        pass(TEARDOWN_STEPS[0])?;
        // The interface goes with the namespace: deleting it takes ten times as long.
        self.pins.unpin(uid)?;
        pass(TEARDOWN_STEPS[1])?;
        let uid = uid.to_owned();
        self.on_disk(move |ledger| ledger.release(&uid)).await?;
        pass(TEARDOWN_STEPS[2])
    }

    pub(super) async fn check(&self, uid: &str) -> Result<PodAttachment> {
        let Some(record) = self.ledger.get(uid) else {
            let uid = uid.to_owned();
            return Err(Error::NotFound { uid });
        };
        let Some(namespace) = self.pins.get(uid)? else {
            return Err(damaged(&record, "its network namespace is gone"));
        };
        let inside = Links::inside(&namespace).await?;
        let fault = self.fault(&record, &inside).await;
        inside.close().await;
        match fault? {
            Some(what) => Err(damaged(&record, what)),
            None => Ok(self.attachment(&record)),
        }
    }

    /// What is wrong with a pod's network, if anything.
    async fn fault(&self, record: &Record, inside: &Links) -> Result<Option<&'static str>> {
        let Some(port) = self.links.find(&record.interface).await? else {
            return Ok(Some("the host's end of its interface is gone"));
        };
        let Some(eth0) = inside.find(POD_INTERFACE).await? else {
            return Ok(Some("its interface is gone"));
        };
        let bridge = self.links.find(&self.options.bridge).await?;
        let Some(bridge) = bridge.filter(|bridge| bridge.up) else {
            return Ok(Some("the bridge is gone or down"));
        };
        if !is_pair(record, &port, &eth0) || port.controller != Some(bridge.index) {
            return Ok(Some("its interface is not connected to the bridge"));
        }
        if !(port.up && eth0.up) {
            return Ok(Some("its interface is down"));
        }
        let addresses = inside.addresses().await?;
        let mut own = addresses.iter().filter(|own| own.interface == eth0.index);
        if !own.any(|own| own.address == record.address) {
            return Ok(Some("its address is gone"));
        }
        if inside.default_routes().await?.is_empty() {
            return Ok(Some("its default route is gone"));
        }
        Ok(None)
    }

    /// Runs a change of the ledger where it may block.
    async fn on_disk<T, F>(&self, change: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&ledger::Ledger) -> std::result::Result<T, ledger::Error> + Send + 'static,
    {
        let ledger = self.ledger.clone();
        let done = tokio::task::spawn_blocking(move || change(&ledger)).await;
        let done = done.map_err(|_| Error::Interrupted("pod network ledger"))?;
        Ok(done?)
    }
}

/// Whether the two are the ends of the pod's interface.
fn is_pair(record: &Record, port: &Link, eth0: &Link) -> bool {
    eth0.peer == Some(port.index) && eth0.mac == Some(record.mac())
}

fn damaged(record: &Record, what: impl Into<String>) -> Error {
    Error::Damaged {
        uid: record.uid.clone(),
        what: what.into(),
    }
}
