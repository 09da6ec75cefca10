//! What can be wrong with the files, and what to do about it.

use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

pub type Result<T> = std::result::Result<T, Error>;

/// Every variant names the file; where a person has to act, also how.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file system refused.
    #[error("{path}: {source}")]
    Io { path: PathBuf, source: io::Error },
    /// The file is there and is not what its name says.
    #[error("{path} is damaged: {what}; {remedy}")]
    Damaged {
        path: PathBuf,
        what: String,
        remedy: &'static str,
    },
    /// A certificate authority past its end. Leaves are renewed instead.
    #[error("{path} expired at {at}; {remedy}")]
    Expired {
        path: PathBuf,
        at: Timestamp,
        remedy: &'static str,
    },
    /// The clock is behind the authority's first day: nothing it signs would be accepted.
    #[error(
        "{path} is valid from {from} on, but this machine's clock says {now}; set the clock and start again"
    )]
    NotYetValid {
        path: PathBuf,
        from: Timestamp,
        now: Timestamp,
    },
    /// A certificate without its key.
    #[error("{certificate} is there, but {key} is missing; {remedy}")]
    KeyMissing {
        certificate: PathBuf,
        key: PathBuf,
        remedy: &'static str,
    },
    /// A certificate with another's key.
    #[error("{key} is not the key of {certificate}; {remedy}")]
    Mismatch {
        certificate: PathBuf,
        key: PathBuf,
        remedy: &'static str,
    },
    /// A `--tls-san` or node name that a certificate cannot hold.
    #[error("{0:?} is neither an IP address nor a host name")]
    InvalidName(String),
    /// Signing, or a TLS configuration, failed.
    #[error("TLS: {0}")]
    Tls(#[from] rustls::Error),
}

impl Error {
    pub(crate) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }
}
