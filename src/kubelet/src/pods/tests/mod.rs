//! The kubelet on a node in memory: what the API is told, and in which order things are done.

mod deletion;
mod files;
mod hooks;
mod images;
mod lifecycle;
mod metrics;
mod probes;
mod restart;
