//! One pod on this node: what is wanted, what runs, what to do next.
//!
//! Entry point: [`worker::Worker`]. `plan` decides, `act` and `terminate` carry out with
//! `sandbox`, `start` and `stop`, and `status` says how it stands.

mod act;
pub mod backoff;
pub mod config;
mod holds;
mod image;
pub mod plan;
mod publish;
mod recall;
mod round;
mod sandbox;
mod start;
pub mod status;
mod stop;
mod terminate;
mod termination;
pub mod view;
pub mod worker;
