//! The API over an in-memory store: the whole chain in process, without TCP and TLS.
//!
//! Controls, each seen to go red: see `history.rs`.

mod bad_input;
mod concurrency;
mod conversations;
mod crowding;
mod delivery;
mod discovery;
mod history;
mod identity;
mod kinds;
mod long_bodies;
mod metrics;
mod openapi;
mod tables;
mod versions;
mod watches;
mod wire;
mod world;
