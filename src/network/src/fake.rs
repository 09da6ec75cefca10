//! A pod network in memory, for tests of those who use one.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use futures::future::{BoxFuture, ready};

use crate::cidr::Cidr;
use crate::ledger::{self, round};
use crate::mac::Mac;
use crate::pod::{Error, PodAttachment, PodNetwork, PodRequest, Result, validate_uid};

/// Gives out addresses, and paths of namespaces that do not exist.
#[derive(Debug)]
pub struct FakeNetwork {
    cidr: Cidr,
    directory: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    pods: BTreeMap<String, PodAttachment>,
    newest: Option<Ipv4Addr>,
    faults: BTreeMap<&'static str, u32>,
}

impl Default for FakeNetwork {
    fn default() -> Self {
        let cidr = "10.42.0.0/24".parse().expect("a constant range");
        Self::new(cidr, "/run/rk3s-fake/netns")
    }
}

impl FakeNetwork {
    #[must_use]
    pub fn new(cidr: Cidr, directory: impl Into<PathBuf>) -> Self {
        Self {
            cidr,
            directory: directory.into(),
            state: Mutex::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next `times` calls of `operation` (`"setup"`, `"teardown"` or `"check"`) change
    /// nothing and answer [`Error::Fault`].
    pub fn fail(&self, operation: &'static str, times: u32) {
        self.state().faults.insert(operation, times);
    }

    fn begin(&self, operation: &'static str, uid: &str) -> Result<MutexGuard<'_, State>> {
        validate_uid(uid)?;
        let mut state = self.state();
        if let Some(left) = state.faults.get_mut(operation).filter(|left| **left > 0) {
            *left -= 1;
            return Err(Error::Fault(operation));
        }
        Ok(state)
    }

    fn set_up(&self, pod: PodRequest) -> Result<PodAttachment> {
        let mut state = self.begin("setup", &pod.uid)?;
        if let Some(attachment) = state.pods.get(&pod.uid) {
            return Ok(attachment.clone());
        }
        let addresses = state.pods.values().flat_map(|pod| &pod.ips);
        let taken: BTreeSet<_> = addresses
            .filter_map(|address| match address {
                IpAddr::V4(address) => Some(*address),
                IpAddr::V6(_) => None,
            })
            .collect();
        let Some(address) = round::next(self.cidr, &taken, state.newest) else {
            let (cidr, in_use) = (self.cidr, taken.len());
            return Err(ledger::Error::Exhausted { cidr, in_use }.into());
        };
        state.newest = Some(address);
        let attachment = PodAttachment {
            netns: self.directory.join(&pod.uid),
            ips: vec![IpAddr::V4(address)],
            interface: "eth0".to_owned(),
            host_interface: format!("fake{}", u32::from(address) & 0xffff),
            mac: Mac::of(address),
            uid: pod.uid,
        };
        let uid = attachment.uid.clone();
        state.pods.insert(uid, attachment.clone());
        Ok(attachment)
    }

    fn look_up(&self, uid: &str) -> Result<PodAttachment> {
        let state = self.begin("check", uid)?;
        let found = state.pods.get(uid).cloned();
        found.ok_or_else(|| Error::NotFound {
            uid: uid.to_owned(),
        })
    }
}

impl PodNetwork for FakeNetwork {
    fn setup(&self, pod: PodRequest) -> BoxFuture<'_, Result<PodAttachment>> {
        Box::pin(ready(self.set_up(pod)))
    }

    fn teardown<'a>(&'a self, uid: &'a str) -> BoxFuture<'a, Result<()>> {
        let removed = self.begin("teardown", uid).map(|mut state| {
            state.pods.remove(uid);
        });
        Box::pin(ready(removed))
    }

    fn check<'a>(&'a self, uid: &'a str) -> BoxFuture<'a, Result<PodAttachment>> {
        Box::pin(ready(self.look_up(uid)))
    }

    fn list(&self) -> BoxFuture<'_, Result<Vec<PodAttachment>>> {
        let pods = self.state().pods.values().cloned().collect();
        Box::pin(ready(Ok(pods)))
    }
}
