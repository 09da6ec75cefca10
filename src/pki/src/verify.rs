//! Does a chain lead to an authority, at a given time, for a given use?

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::ring::default_provider;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, IpAddr, ServerName, UnixTime};
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::authority::Authority;
use crate::certificate::{San, Usage, Validity};
use crate::error::Result;
use crate::leaf::{Wanted, validity};

/// Verifies client certificates against a bundle of authorities, at a time that the caller
/// gives: the TLS handshake accepts any, so that a bad one is answered with 401.
#[derive(Clone, Debug)]
pub struct ClientVerifier {
    all: Arc<dyn ClientCertVerifier>,
    authorities: Arc<[TimedAuthority]>,
}

/// webpki asks no authority that it trusts whether it has expired, as Go does.
#[derive(Debug)]
struct TimedAuthority {
    validity: Validity,
    verifier: Arc<dyn ClientCertVerifier>,
}

impl ClientVerifier {
    /// From a bundle of authorities in PEM.
    ///
    /// # Errors
    /// [`Error::Tls`] when the bundle holds no usable certificate.
    pub fn new(authorities_pem: &str) -> Result<Self> {
        let ders = CertificateDer::pem_slice_iter(authorities_pem.as_bytes());
        let ders: std::result::Result<Vec<_>, _> = ders.collect();
        Self::of(&ders.map_err(general)?)
    }

    /// From the authorities themselves.
    ///
    /// # Errors
    /// As [`ClientVerifier::new`].
    pub(crate) fn of(authorities: &[CertificateDer<'_>]) -> Result<Self> {
        let timed = authorities.iter().map(|der| {
            let (_, parsed) = X509Certificate::from_der(der).map_err(general)?;
            Ok(TimedAuthority {
                validity: validity(&parsed),
                verifier: webpki(std::slice::from_ref(der))?,
            })
        });
        Ok(Self {
            all: webpki(authorities)?,
            authorities: timed.collect::<Result<_>>()?,
        })
    }

    /// Whether the chain's first certificate is good for client authentication now. Gives the
    /// first and the last moment of the authority that vouches for it.
    ///
    /// # Errors
    /// Why not, in rustls' words.
    pub fn verify(
        &self,
        chain: &[CertificateDer<'_>],
        now: Timestamp,
    ) -> std::result::Result<RangeInclusive<Timestamp>, rustls::Error> {
        let (leaf, links) = chain
            .split_first()
            .ok_or(rustls::Error::NoCertificatesPresented)?;
        let at = unix_time(now);
        self.all.verify_client_cert(leaf, links, at)?;
        let mut vouching = self.authorities.iter().filter(|authority| {
            let verified = authority.verifier.verify_client_cert(leaf, links, at);
            verified.is_ok()
        });
        let within = vouching.find_map(|TimedAuthority { validity, .. }| {
            let within = validity.not_before..=validity.not_after;
            within.contains(&now).then_some(within)
        });
        within.ok_or_else(|| {
            let text = "the certificate's authority has expired, or is not valid yet";
            rustls::Error::General(text.to_owned())
        })
    }
}

fn webpki(authorities: &[CertificateDer<'_>]) -> Result<Arc<dyn ClientCertVerifier>> {
    let mut roots = RootCertStore::empty();
    for der in authorities {
        roots.add(der.clone().into_owned())?;
    }
    let builder =
        WebPkiClientVerifier::builder_with_provider(roots.into(), default_provider().into());
    Ok(builder.build().map_err(general)?)
}

fn general(error: impl ToString) -> rustls::Error {
    rustls::Error::General(error.to_string())
}

/// rustls' idea of a time; before 1970 is 1970.
pub(crate) fn unix_time(at: Timestamp) -> UnixTime {
    let seconds = u64::try_from(at.as_second()).unwrap_or(0);
    UnixTime::since_unix_epoch(Duration::from_secs(seconds))
}

/// Whether a leaf read from its file still leads to its authority.
pub(crate) fn chain_is_good(
    authority: &Authority,
    chain: &[CertificateDer<'_>],
    wanted: &Wanted,
    now: Timestamp,
) -> bool {
    match wanted.usage {
        Usage::Client => {
            let verifier = ClientVerifier::of(authority.chain());
            verifier.is_ok_and(|verifier| verifier.verify(chain, now).is_ok())
        }
        Usage::Server => {
            let Ok(roots) = authority.roots() else {
                return false;
            };
            let names = wanted.sans.first().and_then(San::server_name);
            names.is_some_and(|name| serves(roots, chain, &name, now))
        }
    }
}

fn serves(
    roots: RootCertStore,
    chain: &[CertificateDer<'_>],
    name: &ServerName<'_>,
    now: Timestamp,
) -> bool {
    let builder =
        WebPkiServerVerifier::builder_with_provider(roots.into(), default_provider().into());
    builder.build().is_ok_and(|verifier| {
        let verified =
            verifier.verify_server_cert(&chain[0], &chain[1..], name, &[], unix_time(now));
        verified.is_ok()
    })
}

impl San {
    /// A name a client could ask for.
    fn server_name(&self) -> Option<ServerName<'static>> {
        match self {
            Self::Dns(name) => ServerName::try_from(name.replace('*', "any")).ok(),
            Self::Ip(ip) => Some(ServerName::IpAddress(IpAddr::from(*ip))),
        }
    }
}
