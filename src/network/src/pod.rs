//! What the kubelet asks of a pod network.

use std::net::IpAddr;
use std::path::PathBuf;

use futures::future::BoxFuture;

use crate::mac::Mac;
use crate::{ledger, links, netns, nftables, sysctl};

pub type Result<T> = std::result::Result<T, Error>;

/// Why a pod has no network.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No pod of that uid is set up.
    #[error("pod {uid}: has no network")]
    NotFound { uid: String },
    /// The uid cannot name a file.
    #[error(
        "pod uid {uid:?}: must be 1 to 200 letters, digits, '-', '_' or '.', and begin with none of the last three"
    )]
    InvalidUid { uid: String },
    /// Something of the pod's network is gone or changed; `setup` repairs it.
    #[error("pod {uid}: network is damaged: {what}")]
    Damaged { uid: String, what: String },
    /// The options contradict each other.
    #[error("network options: {0}")]
    Options(String),
    /// Addresses: used up, or their records unreadable or unwritable.
    #[error(transparent)]
    Ledger(#[from] ledger::Error),
    #[error(transparent)]
    Netns(#[from] netns::Error),
    #[error(transparent)]
    Links(#[from] links::Error),
    #[error(transparent)]
    Nftables(#[from] nftables::Error),
    #[error(transparent)]
    Sysctl(#[from] sysctl::Error),
    /// The operation's task panicked or the program is ending.
    #[error("{0}: did not come to an end")]
    Interrupted(&'static str),
    /// A test armed a fail point here.
    #[error("fail point {0}")]
    Fault(&'static str),
}

/// The pod to connect.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PodRequest {
    pub uid: String,
    pub namespace: String,
    pub name: String,
}

/// A connected pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodAttachment {
    pub uid: String,
    /// The file that keeps the pod's network namespace; the sandbox joins it.
    pub netns: PathBuf,
    /// The pod's addresses, the primary one first.
    pub ips: Vec<IpAddr>,
    /// The interface's name inside the pod.
    pub interface: String,
    /// The name of its other end on the host.
    pub host_interface: String,
    /// The hardware address inside the pod.
    pub mac: Mac,
}

/// Gives pods a network namespace with an address that every other pod reaches.
///
/// Calls may be repeated, also after a crash in the middle of one, and may overlap; those on one
/// pod take turns. A call whose future is dropped still runs to its end.
pub trait PodNetwork: Send + Sync {
    /// Connects a pod, or finishes or repairs what an earlier call began. The same pod gets the
    /// same answer until it is torn down.
    fn setup(&self, pod: PodRequest) -> BoxFuture<'_, Result<PodAttachment>>;

    /// Takes a pod's network away. An unknown pod is a success.
    ///
    /// To be called when the pod's processes are gone: one that lives on keeps its namespace, but
    /// no packet of it gets further than the host's end.
    fn teardown<'a>(&'a self, uid: &'a str) -> BoxFuture<'a, Result<()>>;

    /// The pod's attachment if it is whole.
    ///
    /// # Errors
    /// [`Error::NotFound`] or [`Error::Damaged`].
    fn check<'a>(&'a self, uid: &'a str) -> BoxFuture<'a, Result<PodAttachment>>;

    /// All pods set up and not torn down, by uid; half-made ones and those from before a restart
    /// or reboot included.
    fn list(&self) -> BoxFuture<'_, Result<Vec<PodAttachment>>>;
}

/// # Errors
/// [`Error::InvalidUid`]
pub(crate) fn validate_uid(uid: &str) -> Result<()> {
    let plain = |c: char| c.is_ascii_alphanumeric();
    let valid = uid.len() <= 200
        && uid.starts_with(plain)
        && uid.chars().all(|c| plain(c) || "-_.".contains(c));
    if valid {
        Ok(())
    } else {
        let uid = uid.to_owned();
        Err(Error::InvalidUid { uid })
    }
}
