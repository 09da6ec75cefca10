//! Reads for every component: a reflector per resource, an indexed cache, a work queue.
//!
//! Owns the one shared cache per resource of the process, and the loop that turns its changes
//! into reconciles.
//!
//! Invariant: a cache only moves forward in revisions, holds what a consistent list would, and
//! is never changed by its readers. Loops are level-based: a key says what to look at, never
//! what happened.
//!
//! It must not know where lists and watches come from (`client::ListWatchSource`), nor any kind.

mod cache;
mod controller;
mod correlate;
mod index;
mod informer;
mod key;
mod lister;
mod queue_metrics;
mod recorder;
mod reflector;
#[cfg(test)]
mod tests;
mod workqueue;

pub use controller::{Action, Controller, ReconcileError, Reconciler};
pub use index::{IndexFn, by_namespace_label, by_node, by_owner_uid};
pub use informer::{Change, Informer, Informers};
pub use key::Key;
pub use lister::Lister;
pub use queue_metrics::QueueMetrics;
pub use recorder::{EventType, Recorder, reference};
pub use workqueue::WorkQueue;
