//! nf_tables over netlink, without `nft`: tables, chains, sets, maps and rules in atomic batches.
//!
//! Entry point: build a [`Batch`] and hand it to [`Nftables::commit`].
//!
//! ```no_run
//! use network::nftables::{Batch, Chain, ChainType, Family, Hook, Nftables, Rule, Verdict, priority};
//!
//! let mut batch = Batch::new();
//! let mut table = batch.table(Family::Ipv4, "example");
//! table.replace();
//! table.add_chain(&Chain::base("forward", ChainType::Filter, Hook::Forward, priority::FILTER));
//! table.add_rule("forward", &Rule::new().input("rk3s0").verdict(&Verdict::Accept));
//! Nftables::open()?.commit(batch)?;
//! # Ok::<(), network::nftables::Error>(())
//! ```
//!
//! Traps that others met: a [`Rule::random`] inside a concatenated key loads, and then crashes
//! `nft list ruleset` of nft 1.0.6; new data for a key of a map is a deletion and an addition in
//! one batch; an element's key that is one field is not padded ([`Value::single`]).

mod attributes;
mod batch;
mod chain;
mod expression;
mod set;
mod socket;
mod uapi;
mod verdict;

pub use attributes::Attributes;
pub use batch::{Batch, InTable};
pub use chain::{Chain, ChainType, Family, Hook, priority};
pub use expression::{
    Base, CT_DNAT, CT_ESTABLISHED, CT_NEW, CT_RELATED, Comparison, Conntrack, Meta, Register, Rule,
    SetChange, interface_name,
};
pub use set::{DataType, Element, MapData, Set, SetRef, Value};
pub use socket::{Error, Nftables, Refusal};
pub use verdict::Verdict;

#[cfg(test)]
mod tests;
