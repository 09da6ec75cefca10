//! The certificates in files, looked at and put aside without a running server.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::error::{Error, Result};
use crate::files;
use crate::leaf::validity;
use crate::service::Service;

const REMEDY: &str = "put the right file back from a backup, or rotate it";

/// Whether a certificate is good now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateState {
    Good,
    /// Two thirds of its life are over: a running server renews a leaf, an authority has to be
    /// replaced by hand.
    Due,
    Expired,
    NotYetValid,
}

/// One certificate of a file; a chain gives several of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateStatus {
    pub file: PathBuf,
    /// `CN=system:admin,O=system:masters`.
    pub subject: String,
    /// `ClientAuth`, `ServerAuth`, `CertSign`.
    pub usages: Vec<&'static str>,
    pub not_after: Timestamp,
    pub state: CertificateState,
}

/// Every certificate of these services and the authorities that signed them; files that are not
/// there, because a server has not made them yet, are left out.
///
/// # Errors
/// A file that cannot be read.
pub fn check(
    data_dir: &Path,
    services: &[Service],
    now: Timestamp,
) -> Result<Vec<CertificateStatus>> {
    let mut paths: Vec<PathBuf> = Vec::new();
    for name in services.iter().flat_map(|service| service.leaves()) {
        for stem in [name.stem(), name.authority_stem()] {
            let path = data_dir.join(stem).with_added_extension("crt");
            if !paths.contains(&path) {
                paths.push(path);
            }
        }
    }
    let mut found = Vec::new();
    for path in paths {
        if let Some(pem) = files::read(&path)? {
            found.extend(read(&path, &pem, now)?);
        }
    }
    Ok(found)
}

fn read(path: &Path, pem: &[u8], now: Timestamp) -> Result<Vec<CertificateStatus>> {
    let damaged = |what: String| Error::Damaged {
        path: path.to_owned(),
        what,
        remedy: REMEDY,
    };
    let chain = CertificateDer::pem_slice_iter(pem).map(|der| {
        let der = der.map_err(|error| damaged(error.to_string()))?;
        let (_, certificate) =
            X509Certificate::from_der(&der).map_err(|error| damaged(error.to_string()))?;
        Ok(status(path, &certificate, now))
    });
    let chain: Vec<_> = chain.collect::<Result<_>>()?;
    if chain.is_empty() {
        return Err(damaged("it holds no PEM certificate".to_owned()));
    }
    Ok(chain)
}

fn status(path: &Path, certificate: &X509Certificate<'_>, now: Timestamp) -> CertificateStatus {
    let validity = validity(certificate);
    let state = if now < validity.not_before {
        CertificateState::NotYetValid
    } else if now >= validity.not_after {
        CertificateState::Expired
    } else if validity.is_due(now) {
        CertificateState::Due
    } else {
        CertificateState::Good
    };
    CertificateStatus {
        file: path.to_owned(),
        subject: subject(certificate),
        usages: usages(certificate),
        not_after: validity.not_after,
        state,
    }
}

/// The common name, then the organizations: as Go writes a name.
fn subject(certificate: &X509Certificate<'_>) -> String {
    let subject = certificate.subject();
    let text = |kind: &str, value: Option<&str>| value.map(|value| format!("{kind}={value}"));
    let names = subject
        .iter_common_name()
        .filter_map(|n| text("CN", n.as_str().ok()));
    let organizations = subject.iter_organization();
    let organizations = organizations.filter_map(|n| text("O", n.as_str().ok()));
    names.chain(organizations).collect::<Vec<_>>().join(",")
}

fn usages(certificate: &X509Certificate<'_>) -> Vec<&'static str> {
    let extended = certificate.extended_key_usage().ok().flatten();
    let plain = certificate.key_usage().ok().flatten();
    let rows = [
        (
            "ClientAuth",
            extended.as_ref().is_some_and(|e| e.value.client_auth),
        ),
        (
            "ServerAuth",
            extended.as_ref().is_some_and(|e| e.value.server_auth),
        ),
        ("CertSign", plain.is_some_and(|p| p.value.key_cert_sign())),
    ];
    rows.into_iter()
        .filter(|(_, is)| *is)
        .map(|(name, _)| name)
        .collect()
}

/// What [`rotate`] has done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// The directory that holds the old files; `None` when there was nothing to rotate.
    pub backup: Option<PathBuf>,
    /// The files as they were called.
    pub moved: Vec<PathBuf>,
}

/// Puts the services' certificates and keys aside: the next start of the server issues new ones.
/// Authorities stay, so that what they have signed before stays valid until it expires.
///
/// # Errors
/// When a file cannot be moved; those before it have been.
pub fn rotate(data_dir: &Path, services: &[Service], now: Timestamp) -> Result<Rotation> {
    let leaves = services.iter().flat_map(|service| service.leaves());
    // The certificate first: a key alone is issued anew as well.
    let paths = leaves.flat_map(|name| {
        let stem = data_dir.join(name.stem());
        ["crt", "key"].map(|extension| stem.with_added_extension(extension))
    });
    let mut rotation = Rotation {
        backup: None,
        moved: Vec::new(),
    };
    for path in paths.filter(|path| path.exists()) {
        let backup = match &rotation.backup {
            Some(backup) => backup.clone(),
            None => new_backup(data_dir, now)?,
        };
        let name = path.file_name().expect("a stem has a name");
        fs::rename(&path, backup.join(name)).map_err(Error::io(&path))?;
        rotation.backup = Some(backup);
        rotation.moved.push(path);
    }
    Ok(rotation)
}

/// `server/tls-<seconds since 1970>`, as k3s calls it; never one that is there already.
fn new_backup(data_dir: &Path, now: Timestamp) -> Result<PathBuf> {
    let name = format!("server/tls-{}", now.as_second());
    let backup = data_dir.join(name);
    let made = DirBuilder::new().mode(0o700).create(&backup);
    made.map_err(Error::io(&backup))?;
    Ok(backup)
}
