//! The suite that every [`PodNetwork`] passes, and what tests with real ones need.

mod footprint;
mod namespaces;
mod suite;

pub use footprint::Footprint;
pub use namespaces::in_own_namespaces;
pub use suite::run_all;
