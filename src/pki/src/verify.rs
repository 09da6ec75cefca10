//! Does a chain lead to an authority, at a given time, for a given use?

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

use crate::authority::Authority;
use crate::certificate::{San, Usage};
use crate::error::{Error, Result};
use crate::leaf::Wanted;

/// Verifies client certificates against a bundle of authorities, at a time that the caller
/// gives: the TLS handshake accepts any, so that a bad one is answered with 401.
#[derive(Clone, Debug)]
pub struct ClientVerifier(Arc<dyn ClientCertVerifier>);

impl ClientVerifier {
    /// From a bundle of authorities in PEM.
    ///
    /// # Errors
    /// [`Error::Tls`] when the bundle holds no usable certificate.
    pub fn new(authorities_pem: &str) -> Result<Self> {
        let mut roots = RootCertStore::empty();
        for der in CertificateDer::pem_slice_iter(authorities_pem.as_bytes()) {
            let der = der.map_err(|error| rustls::Error::General(error.to_string()))?;
            roots.add(der)?;
        }
        client_verifier(roots)
    }

    /// Whether the chain's first certificate is good for client authentication now.
    ///
    /// # Errors
    /// Why not, in rustls' words.
    pub fn verify(
        &self,
        chain: &[CertificateDer<'_>],
        now: Timestamp,
    ) -> std::result::Result<(), rustls::Error> {
        let (leaf, links) = chain
            .split_first()
            .ok_or(rustls::Error::NoCertificatesPresented)?;
        self.0.verify_client_cert(leaf, links, unix_time(now))?;
        Ok(())
    }
}

fn client_verifier(roots: RootCertStore) -> Result<ClientVerifier> {
    let builder =
        WebPkiClientVerifier::builder_with_provider(roots.into(), default_provider().into());
    let verifier = builder
        .build()
        .map_err(|error| Error::Tls(rustls::Error::General(error.to_string())))?;
    Ok(ClientVerifier(verifier))
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
    let Ok(roots) = authority.roots() else {
        return false;
    };
    match wanted.usage {
        Usage::Client => client_verifier(roots).is_ok_and(|v| v.verify(chain, now).is_ok()),
        Usage::Server => {
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
