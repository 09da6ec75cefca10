//! How components talk to the API: one request at a time, or as a list followed by a watch.
//!
//! A [`Client`] stands on a [`Transport`]: the server's own service (in process) or HTTPS. What
//! goes over it is the same, so a component cannot tell which it has.
//!
//! Invariant: an object leaves as the bytes it was given and arrives as [`Encoded`] bytes;
//! decoding is the caller's choice. A write whose answer was lost is told apart from one that
//! never left ([`ClientError`]).
//!
//! It must not know the store, the registry, any controller, or YAML.
//!
//! [`Encoded`]: apimachinery::Encoded

mod answer;
mod client;
mod error;
mod frames;
mod https;
mod kubeconfig;
mod list_watch;
mod options;
mod requests;
mod resource;
pub mod testing;
mod tls;
mod transport;
mod typed;

pub use answer::Page;
pub use client::{Client, TRACE_HEADER};
pub use error::{ClientError, if_present};
pub use https::{AddressError, HttpsTransport};
pub use kubeconfig::{Kubeconfig, KubeconfigError};
pub use list_watch::{EventStream, ListWatch, ListWatchSource, Listed, WatchEvent};
pub use options::{
    DeleteOptions, ListOptions, PatchKind, PatchOptions, Preconditions, Propagation, VersionMatch,
    WatchOptions, WriteOptions,
};
pub use requests::{Api, Deletion};
pub use resource::{ApiResource, Query, path};
pub use tls::{TlsError, unverified_tls};
pub use transport::{ByteStream, Transport, TransportError};
pub use typed::Typed;
