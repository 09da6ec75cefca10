//! TLS configurations over the leaves: TLS 1.2 and 1.3, ECDHE and AEAD only (ring's suites).

use std::sync::Arc;

use base::Clock;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::CryptoProvider;
use rustls::crypto::ring::default_provider;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::time_provider::TimeProvider;
use rustls::{
    ClientConfig, DigitallySignedStruct, DistinguishedName, RootCertStore, ServerConfig,
    SignatureScheme,
};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, UnixTime};

use crate::error::Result;
use crate::leaf::{CertAndKey, Leaf};
use crate::verify::unix_time;

/// What a server, and a client that does not upgrade connections, may speak.
const ALPN: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// rustls' clock is ours.
#[derive(Debug)]
struct WallClock(Clock);

impl TimeProvider for WallClock {
    fn current_time(&self) -> Option<UnixTime> {
        Some(unix_time(self.0.wall()))
    }
}

/// Asks for a client certificate, needs none, and takes any whose key the client proves to hold.
/// Whether it is valid is the authenticator's question: as upstream, a bad certificate is
/// answered with 401 where a failed handshake would tell the client nothing.
#[derive(Debug)]
struct AnyClientCertificate {
    provider: Arc<CryptoProvider>,
    hints: Vec<DistinguishedName>,
}

impl ClientCertVerifier for AnyClientCertificate {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.hints
    }

    fn verify_client_cert(
        &self,
        _leaf: &CertificateDer<'_>,
        _links: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> std::result::Result<ClientCertVerified, rustls::Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let algorithms = &self.provider.signature_verification_algorithms;
        algorithms.supported_schemes()
    }
}

/// A server that shows `leaf` and asks for certificates of the authorities in `hints`.
pub(crate) fn server_config(
    leaf: Arc<Leaf>,
    hints: &[&RootCertStore],
    clock: &Clock,
) -> Result<Arc<ServerConfig>> {
    let provider = Arc::new(default_provider());
    let verifier = AnyClientCertificate {
        provider: provider.clone(),
        hints: hints.iter().flat_map(|roots| roots.subjects()).collect(),
    };
    let time = Arc::new(WallClock(clock.clone()));
    let mut config = ServerConfig::builder_with_details(provider, time)
        .with_safe_default_protocol_versions()?
        .with_client_cert_verifier(Arc::new(verifier))
        .with_cert_resolver(leaf);
    config.alpn_protocols = ALPN.map(<[u8]>::to_vec).into();
    Ok(Arc::new(config))
}

/// Who a client says it is.
pub(crate) enum Identity<'a> {
    Anonymous,
    Fixed(&'a CertAndKey),
    Renewed(Arc<Leaf>),
}

/// A client that trusts `roots` alone.
pub(crate) fn client_config(
    roots: RootCertStore,
    identity: Identity<'_>,
    clock: &Clock,
) -> Result<Arc<ClientConfig>> {
    let provider = Arc::new(default_provider());
    let time = Arc::new(WallClock(clock.clone()));
    let builder = ClientConfig::builder_with_details(provider, time)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots);
    let mut config = match identity {
        Identity::Anonymous => builder.with_no_client_auth(),
        Identity::Renewed(leaf) => builder.with_client_cert_resolver(leaf),
        Identity::Fixed(pair) => {
            let (chain, key) = parse(pair)?;
            builder.with_client_auth_cert(chain, key)?
        }
    };
    config.alpn_protocols = ALPN.map(<[u8]>::to_vec).into();
    Ok(Arc::new(config))
}

fn parse(pair: &CertAndKey) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)> {
    let wrong = |error: rustls_pki_types::pem::Error| rustls::Error::General(error.to_string());
    let chain: std::result::Result<Vec<_>, _> =
        CertificateDer::pem_slice_iter(pair.cert_pem.as_bytes()).collect();
    let key = PrivateKeyDer::from_pem_slice(pair.key_pem.as_bytes());
    Ok((chain.map_err(wrong)?, key.map_err(wrong)?))
}
