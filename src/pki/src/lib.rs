//! The cluster's identities on disk: certificate authorities, serving and client certificates,
//! the service-account key, and the administrator's kubeconfig.
//!
//! Entry point: [`Pki::open`] makes or reads everything; [`renewal`] keeps it fresh.
//!
//! Invariant: a private key never leaves its 0600 file and this process; a certificate authority
//! or the service-account key is never replaced, only leaves are.
//!
//! It must not know HTTP, users beyond the names in a certificate, or what is allowed to whom.

mod authority;
mod by_hand;
mod by_rcgen;
mod certificate;
mod der;
mod error;
mod files;
mod inventory;
mod key;
mod kubeconfig;
mod leaf;
mod open;
mod pem;
mod service;
mod service_account;
mod tls;
mod verify;

pub use error::{Error, Result};
pub use inventory::{CertificateState, CertificateStatus, Rotation, check, rotate};
pub use kubeconfig::Kubeconfig;
pub use leaf::{CertAndKey, LeafName};
pub use open::{Pki, PkiOptions, renewal};
pub use service::Service;
pub use service_account::{Algorithm, ServiceAccountKeys, VerifyingKey};
pub use verify::ClientVerifier;

#[cfg(test)]
mod tests;
