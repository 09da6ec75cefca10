//! The filters of the chain, a file each. Their order is in `chain.rs` alone.

pub mod authentication;
pub mod authorization;
pub mod body;
pub mod compression;
pub mod deadline;
pub mod head;
pub mod impersonation;
pub mod in_flight;
pub mod rendering;
pub mod warnings;
