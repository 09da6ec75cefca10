//! Certificates that are renewed in the running process.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use base::Clock;
use jiff::{SignedDuration, Timestamp};
use rustls::client::ResolvesClientCert;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use tokio::sync::Notify;
use tracing::{info, warn};
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::authority::Authority;
use crate::certificate::{San, Subject, Usage, Validity};
use crate::error::Result;
use crate::files;
use crate::key::PrivateKey;
use crate::pem;
use crate::verify::chain_is_good;

pub(crate) const LIFE: SignedDuration = SignedDuration::from_hours(365 * 24);

/// The certificates that rk3s keeps in files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LeafName {
    /// The administrator, in `system:masters`: what the kubeconfig carries.
    Admin,
    /// The API server, to kubelets.
    ApiServerClient,
    /// The API server, to aggregated API servers.
    AuthProxy,
    /// The API server, to everybody.
    ApiServer,
    /// The node's kubelet, to the API server.
    KubeletClient,
    /// The node's kubelet, to whoever calls it.
    Kubelet,
}

impl LeafName {
    /// Its path below the data directory, without `.crt` and `.key`.
    #[must_use]
    pub fn stem(self) -> &'static str {
        match self {
            Self::Admin => "server/tls/client-admin",
            Self::ApiServerClient => "server/tls/client-kube-apiserver",
            Self::AuthProxy => "server/tls/client-auth-proxy",
            Self::ApiServer => "server/tls/serving-kube-apiserver",
            Self::KubeletClient => "agent/client-kubelet",
            Self::Kubelet => "agent/serving-kubelet",
        }
    }

    /// That of the authority which signs it.
    #[must_use]
    pub fn authority_stem(self) -> &'static str {
        match self {
            Self::ApiServer | Self::Kubelet => "server/tls/server-ca",
            Self::AuthProxy => "server/tls/request-header-ca",
            Self::Admin | Self::ApiServerClient | Self::KubeletClient => "server/tls/client-ca",
        }
    }
}

/// A certificate chain and its private key, in PEM.
#[derive(Clone, PartialEq, Eq)]
pub struct CertAndKey {
    pub cert_pem: String,
    pub key_pem: String,
}

/// A private key has no business in a log.
impl std::fmt::Debug for CertAndKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CertAndKey")
            .field("cert_pem", &self.cert_pem)
            .finish_non_exhaustive()
    }
}

/// What a leaf shall say and where it is kept.
#[derive(Debug)]
pub(crate) struct Wanted {
    /// The path without `.crt` and `.key`.
    pub(crate) stem: PathBuf,
    pub(crate) subject: Subject,
    pub(crate) usage: Usage,
    /// Sorted, without repeats.
    pub(crate) sans: Vec<San>,
}

/// A leaf in use: TLS configurations hold it and see every renewal.
#[derive(Debug)]
pub(crate) struct Leaf {
    wanted: Wanted,
    authority: Arc<Authority>,
    clock: Clock,
    current: RwLock<Issued>,
    /// Rung when a handshake meets a leaf that is due: a jump of the wall clock passes by the
    /// sleeping renewal task.
    due: Arc<Notify>,
}

#[derive(Clone, Debug)]
struct Issued {
    certified: Arc<CertifiedKey>,
    pem: CertAndKey,
    validity: Validity,
}

impl Leaf {
    /// Reads the leaf's files, or makes them anew when they are missing, damaged, due, signed by
    /// another authority, or say something else than what is wanted.
    pub(crate) fn open(
        wanted: Wanted,
        authority: Arc<Authority>,
        clock: Clock,
        due: Arc<Notify>,
    ) -> Result<Self> {
        let current = match read(&wanted, &authority, clock.wall())? {
            Ok(issued) => issued,
            Err(why) => {
                info!(certificate = %wanted.stem.display(), why, "issuing a certificate");
                issue_and_write(&wanted, &authority, clock.wall())?
            }
        };
        Ok(Self {
            wanted,
            authority,
            clock,
            current: RwLock::new(current),
            due,
        })
    }

    fn current(&self) -> Issued {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        current.clone()
    }

    pub(crate) fn pem(&self) -> CertAndKey {
        self.current().pem
    }

    pub(crate) fn renewal(&self) -> Timestamp {
        self.current().validity.renewal()
    }

    /// Issues the leaf anew when it is due. Whether it was.
    pub(crate) fn renew_if_due(&self) -> Result<bool> {
        let now = self.clock.wall();
        if !self.current().validity.is_due(now) {
            return Ok(false);
        }
        let issued = issue_and_write(&self.wanted, &self.authority, now)?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = issued;
        info!(certificate = %self.wanted.stem.display(), "renewed a certificate");
        Ok(true)
    }

    fn certified(&self) -> Arc<CertifiedKey> {
        let current = self.current();
        if current.validity.is_due(self.clock.wall()) {
            self.due.notify_one();
        }
        current.certified
    }
}

impl ResolvesServerCert for Leaf {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.certified())
    }
}

impl ResolvesClientCert for Leaf {
    fn resolve(
        &self,
        _root_hints: &[&[u8]],
        _schemes: &[rustls::SignatureScheme],
    ) -> Option<Arc<CertifiedKey>> {
        Some(self.certified())
    }

    fn has_certs(&self) -> bool {
        true
    }
}

/// A new leaf that is kept nowhere.
pub(crate) fn issue(
    authority: &Authority,
    subject: &Subject,
    usage: Usage,
    sans: &[San],
    now: Timestamp,
) -> Result<CertAndKey> {
    let (chain, key) = authority.issue(subject, usage, sans, Validity::from(now, LIFE))?;
    Ok(to_pem(&chain, &key))
}

fn issue_and_write(wanted: &Wanted, authority: &Authority, now: Timestamp) -> Result<Issued> {
    let validity = Validity::from(now, LIFE);
    let (chain, key) = authority.issue(&wanted.subject, wanted.usage, &wanted.sans, validity)?;
    let pem = to_pem(&chain, &key);
    // A crash between the two leaves a pair that does not match, which is issued anew.
    files::write(&wanted.key_path(), &pem.key_pem, files::KEY_MODE)?;
    files::write(
        &wanted.certificate_path(),
        &pem.cert_pem,
        files::CERTIFICATE_MODE,
    )?;
    Ok(Issued {
        certified: Arc::new(CertifiedKey::new(chain, key.signing_key())),
        pem,
        validity,
    })
}

/// The leaf in its files, or why it cannot stay.
fn read(
    wanted: &Wanted,
    authority: &Authority,
    now: Timestamp,
) -> Result<std::result::Result<Issued, &'static str>> {
    let certificate = files::read(&wanted.certificate_path())?;
    let key = files::read_key(&wanted.key_path())?;
    let (Some(certificate), Some(key)) = (certificate, key) else {
        return Ok(Err("there is none yet"));
    };
    let parsed = parse(&certificate, &key);
    if parsed.is_none() {
        let path = wanted.certificate_path();
        warn!(path = %path.display(), "a certificate or its key is damaged");
    }
    let Some((chain, key)) = parsed else {
        return Ok(Err("its files are damaged"));
    };
    Ok(judge(wanted, authority, now, chain, key))
}

fn parse(certificate: &[u8], key: &[u8]) -> Option<(Vec<CertificateDer<'static>>, PrivateKey)> {
    let chain: std::result::Result<Vec<_>, _> =
        CertificateDer::pem_slice_iter(certificate).collect();
    let chain = chain.ok().filter(|chain| !chain.is_empty())?;
    Some((chain, PrivateKey::from_pem(key).ok()?))
}

fn judge(
    wanted: &Wanted,
    authority: &Authority,
    now: Timestamp,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKey,
) -> std::result::Result<Issued, &'static str> {
    let validity = {
        let (_, parsed) =
            X509Certificate::from_der(&chain[0]).map_err(|_| "its file is damaged")?;
        if parsed.public_key().raw != key.public_key() {
            return Err("its key does not match");
        }
        if parsed.subject().as_raw() != wanted.subject.to_der() || sans(&parsed) != wanted.sans {
            return Err("its names have changed");
        }
        validity(&parsed)
    };
    if validity.is_due(now) {
        return Err("it is due for renewal");
    }
    if !chain_is_good(authority, &chain, wanted, now) {
        return Err("its authority has changed");
    }
    let pem = to_pem(&chain, &key);
    let certified = Arc::new(CertifiedKey::new(chain, key.signing_key()));
    Ok(Issued {
        certified,
        pem,
        validity,
    })
}

fn to_pem(chain: &[CertificateDer<'_>], key: &PrivateKey) -> CertAndKey {
    CertAndKey {
        cert_pem: pem::certificates(chain.iter().map(|der| der.as_ref())),
        key_pem: key.to_pem(),
    }
}

/// From when to when a certificate is valid; what jiff cannot hold (year 9999) saturates.
pub(crate) fn validity(certificate: &X509Certificate<'_>) -> Validity {
    let validity = certificate.validity();
    let at = |seconds| Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX);
    Validity {
        not_before: at(validity.not_before.timestamp()),
        not_after: at(validity.not_after.timestamp()),
    }
}

/// The subject alternative names, sorted. Those of other kinds than we write are left out.
fn sans(certificate: &X509Certificate<'_>) -> Vec<San> {
    use x509_parser::extensions::GeneralName;
    // A malformed extension reads as no names, which differ from what is wanted.
    let extension = certificate.subject_alternative_name().ok().flatten();
    let names = extension.iter().flat_map(|e| &e.value.general_names);
    let mut sans: Vec<_> = names
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => Some(San::Dns((*name).to_owned())),
            GeneralName::IPAddress(bytes) => {
                let v4 = <[u8; 4]>::try_from(*bytes).map(|octets| San::Ip(octets.into()));
                let v6 = <[u8; 16]>::try_from(*bytes).map(|octets| San::Ip(octets.into()));
                v4.or(v6).ok()
            }
            _ => None,
        })
        .collect();
    sans.sort();
    sans
}

impl Wanted {
    fn certificate_path(&self) -> PathBuf {
        self.stem.with_added_extension("crt")
    }

    fn key_path(&self) -> PathBuf {
        self.stem.with_added_extension("key")
    }
}
