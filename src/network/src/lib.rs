//! The pod network: network namespaces, a bridge, addresses, and nftables, all over netlink.
//!
//! Owns the [`PodNetwork`] trait with its suite ([`testing`]), the one that works on Linux
//! ([`BridgeNetwork`]), and [`nftables`], the base that kube-proxy builds its rules on.
//!
//! Invariant: what the host holds of a pod can be found and removed by the pod's uid alone, after
//! a crash at any step; two pods never have the same address.
//!
//! It must not know Pods, Services or policies, nor how containers are run; and it calls no
//! program: neither `ip` nor `nft` need exist.
#![allow(
    unsafe_code,
    reason = "unshare in a thread of its own, and a socket handed over by its descriptor"
)]

mod bridge_network;
mod cidr;
mod fake;
mod ledger;
mod links;
mod mac;
mod netns;
pub mod nftables;
mod node_address;
mod options;
mod pod;
mod rules;
mod sysctl;
pub mod testing;
mod turns;

pub use bridge_network::{BridgeNetwork, SETUP_STEPS, TEARDOWN_STEPS, cleanup};
pub use cidr::{Cidr, ParseError};
pub use fake::FakeNetwork;
pub use ledger::Error as LedgerError;
pub use links::Error as LinksError;
pub use mac::Mac;
pub use netns::{Error as NetnsError, in_netns};
pub use node_address::node_address;
pub use options::NetworkOptions;
pub use pod::{Error, PodAttachment, PodNetwork, PodRequest, Result};
pub use sysctl::Error as SysctlError;

/// What the names of all pods' host interfaces begin with; rules tell them by it.
pub(crate) const PORT_PREFIX: &str = "rk3v";
