//! One pod on this node: what is wanted, what runs, what to do next.
//!
//! Entry point: [`worker::Worker`]. `plan` decides, `act` and `terminate` carry out, `status`
//! says how it stands.

mod act;
pub mod backoff;
pub mod config;
mod image;
pub mod plan;
mod publish;
pub mod status;
mod terminate;
pub mod view;
pub mod worker;
