//! Certificate authorities: made on the first start, or brought along by the user.

use std::path::{Path, PathBuf};

use base::Clock;
use jiff::{SignedDuration, Timestamp};
use rustls::RootCertStore;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use tracing::info;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::by_hand;
use crate::by_rcgen;
use crate::certificate::{Contents, Issuer, San, Subject, Usage, Validity};
use crate::error::{Error, Result};
use crate::files;
use crate::key::PrivateKey;
use crate::pem;

const LIFE: SignedDuration = SignedDuration::from_hours(10 * 365 * 24);
const REMEDY: &str = "put the right file back from a backup, or move the whole tls directory \
                      away to start over with new certificates and a new kubeconfig";

/// An authority that can sign.
#[derive(Debug)]
pub(crate) struct Authority {
    /// The file as it is: the signing certificate, then whatever links it to its root.
    pem: String,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKey,
    name: Vec<u8>,
    key_id: Vec<u8>,
}

/// What the signing certificate says.
struct Facts {
    name: Vec<u8>,
    key_id: Option<Vec<u8>>,
    public_key: Vec<u8>,
    is_authority: bool,
    validity: Validity,
}

impl Authority {
    /// Reads `<directory>/<stem>.{crt,key}`, or makes both. A key alone gets a certificate: that
    /// is what a crash between the two writes leaves.
    pub(crate) fn open(directory: &Path, stem: &str, clock: &Clock) -> Result<Self> {
        let certificate = directory.join(format!("{stem}.crt"));
        let key_path = directory.join(format!("{stem}.key"));
        let key = files::read_key(&key_path)?
            .map(|pem| parse_key(&key_path, &pem))
            .transpose()?;
        match (files::read(&certificate)?, key) {
            (Some(pem), Some(key)) => Self::load(&certificate, &key_path, &pem, key, clock),
            (Some(_), None) => Err(Error::KeyMissing {
                certificate,
                key: key_path,
                remedy: REMEDY,
            }),
            (None, key) => Self::create(&certificate, &key_path, key, stem, clock),
        }
    }

    fn create(
        certificate: &Path,
        key_path: &Path,
        key: Option<PrivateKey>,
        stem: &str,
        clock: &Clock,
    ) -> Result<Self> {
        let key = match key {
            Some(key) => key,
            None => {
                let key = PrivateKey::generate();
                files::write(key_path, &key.to_pem(), files::KEY_MODE)?;
                key
            }
        };
        let now = clock.wall();
        // The time tells this authority from an earlier one with the same job.
        let subject = Subject::new(format!("rk3s-{stem}@{}", now.as_second()), &[]);
        let der = by_rcgen::authority(&subject, &key, Validity::from(now, LIFE))?;
        let pem = pem::certificates([der.as_ref()]);
        files::write(certificate, &pem, files::CERTIFICATE_MODE)?;
        info!(path = %certificate.display(), "made a certificate authority");
        Self::load(certificate, key_path, pem.as_bytes(), key, clock)
    }

    fn load(
        path: &Path,
        key_path: &Path,
        pem: &[u8],
        key: PrivateKey,
        clock: &Clock,
    ) -> Result<Self> {
        let chain = parse_chain(path, pem)?;
        let facts = facts(path, &chain[0])?;
        if facts.public_key != key.public_key() {
            return Err(Error::Mismatch {
                certificate: path.to_owned(),
                key: key_path.to_owned(),
                remedy: REMEDY,
            });
        }
        check(path, &facts, clock.wall())?;
        Ok(Self {
            pem: String::from_utf8_lossy(pem).into_owned(),
            key_id: facts.key_id.unwrap_or_else(|| key.key_id()),
            name: facts.name,
            chain,
            key,
        })
    }

    /// A new leaf: its chain (without the root) and its key.
    pub(crate) fn issue(
        &self,
        subject: &Subject,
        usage: Usage,
        sans: &[San],
        validity: Validity,
    ) -> Result<(Vec<CertificateDer<'static>>, PrivateKey)> {
        let key = PrivateKey::generate();
        let contents = Contents {
            subject,
            key: &key,
            usage,
            sans,
            validity,
        };
        let issuer = Issuer {
            certificate: &self.chain[0],
            name: &self.name,
            key_id: &self.key_id,
            key: &self.key,
        };
        let leaf = match usage {
            Usage::Server => by_rcgen::serving(&contents, &issuer)?,
            // Its groups are organizations, of which rcgen keeps one.
            Usage::Client => None,
        };
        let leaf = match leaf {
            Some(leaf) => leaf,
            None => by_hand::sign(&contents, &issuer)?.into(),
        };
        let links = self.chain.iter().filter(|der| !is_self_issued(der));
        let chain = std::iter::once(leaf).chain(links.cloned()).collect();
        Ok((chain, key))
    }

    pub(crate) fn pem(&self) -> &str {
        &self.pem
    }

    /// The signing certificate, then whatever links it to its root.
    pub(crate) fn chain(&self) -> &[CertificateDer<'static>] {
        &self.chain
    }

    pub(crate) fn roots(&self) -> Result<RootCertStore> {
        let mut roots = RootCertStore::empty();
        for der in &self.chain {
            roots.add(der.clone())?;
        }
        Ok(roots)
    }
}

fn parse_key(path: &Path, pem: &[u8]) -> Result<PrivateKey> {
    PrivateKey::from_pem(pem).map_err(|error| damaged(path, error.to_string()))
}

fn parse_chain(path: &Path, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>> {
    let chain: std::result::Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let chain = chain.map_err(|error| damaged(path, error.to_string()))?;
    if chain.is_empty() {
        return Err(damaged(path, "it holds no PEM certificate".into()));
    }
    Ok(chain)
}

fn facts(path: &Path, der: &[u8]) -> Result<Facts> {
    let (_, certificate) =
        X509Certificate::from_der(der).map_err(|error| damaged(path, error.to_string()))?;
    let is_authority = certificate.is_ca()
        && certificate
            .key_usage()
            .map_err(|error| damaged(path, error.to_string()))?
            .is_none_or(|usage| usage.value.key_cert_sign());
    let key_id = certificate.iter_extensions().find_map(|extension| {
        use x509_parser::extensions::ParsedExtension;
        match extension.parsed_extension() {
            ParsedExtension::SubjectKeyIdentifier(id) => Some(id.0.to_vec()),
            _ => None,
        }
    });
    Ok(Facts {
        name: certificate.subject().as_raw().to_vec(),
        key_id,
        public_key: certificate.public_key().raw.to_vec(),
        is_authority,
        validity: crate::leaf::validity(&certificate),
    })
}

fn check(path: &Path, facts: &Facts, now: Timestamp) -> Result<()> {
    if !facts.is_authority {
        let what = "it is not a certificate authority (CA:TRUE, keyCertSign)";
        return Err(damaged(path, what.into()));
    }
    if now >= facts.validity.not_after {
        return Err(Error::Expired {
            path: path.to_owned(),
            at: facts.validity.not_after,
            remedy: REMEDY,
        });
    }
    if now < facts.validity.not_before {
        return Err(Error::NotYetValid {
            path: path.to_owned(),
            from: facts.validity.not_before,
            now,
        });
    }
    Ok(())
}

fn is_self_issued(der: &[u8]) -> bool {
    X509Certificate::from_der(der).is_ok_and(|(_, c)| c.subject().as_raw() == c.issuer().as_raw())
}

fn damaged(path: &Path, what: String) -> Error {
    Error::Damaged {
        path: PathBuf::from(path),
        what,
        remedy: REMEDY,
    }
}
