//! The revisioned key-value store under the API: what etcd is to Kubernetes, in this process.
//!
//! Owns the [`Store`] trait with etcd's semantics (one global revision, history until compaction,
//! compare-and-set transactions, watches from any revision), its two implementations
//! [`SledStore`] (disk) and [`MemStore`] (memory, the model of the crash tests), and the suite
//! ([`testing::run_all`]) that both pass.
//!
//! Invariant: what [`Store::txn`] has acknowledged survives a power cut, and nobody is shown a
//! revision that could still vanish.
//!
//! It must not know JSON, Kubernetes kinds, or who calls it: keys are text, values are bytes.

mod error;
mod mem;
mod model;
mod options;
mod sled_store;
pub mod snapshot;
mod store;
pub mod testing;
mod upkeep;

pub use error::{Error, OpenError};
pub use mem::MemStore;
pub use model::{Event, Expect, Key, KeyValue, Limit, Op, Page, Revision, WatchItem};
pub use options::Options;
pub use sled_store::{Hold, SledStore};
pub use store::{BoxFuture, Store, WatchStream};
