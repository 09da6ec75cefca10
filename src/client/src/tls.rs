//! Whom a client trusts over TLS, and who it says it is.

use std::fs;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};

/// Where distributions keep the authorities that everybody trusts; the first one there counts
/// (Go's `crypto/x509`).
const SYSTEM_AUTHORITIES: [&str; 5] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// PEM texts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Identity {
    /// Whom to trust; the system's authorities when absent.
    pub authority: Option<Vec<u8>>,
    pub certificate: Option<Vec<u8>>,
    pub key: Option<Vec<u8>>,
}

/// A certificate or key that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the {what} cannot be used: {why}")]
pub struct TlsError {
    pub what: &'static str,
    pub why: String,
}

impl TlsError {
    fn because<E: ToString>(what: &'static str) -> impl Fn(E) -> Self {
        move |error| Self {
            what,
            why: error.to_string(),
        }
    }
}

/// A configuration that verifies the server, unless `insecure`, and shows the certificate.
pub(crate) fn client_config(identity: &Identity, insecure: bool) -> Result<ClientConfig, TlsError> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(TlsError::because("TLS configuration"))?;
    let builder = if insecure {
        let trusting = Arc::new(TrustAnyone(provider));
        builder
            .dangerous()
            .with_custom_certificate_verifier(trusting)
    } else {
        builder.with_root_certificates(roots(identity.authority.as_deref())?)
    };
    let (certificate, key) = match (&identity.certificate, &identity.key) {
        (Some(certificate), Some(key)) => (certificate, key),
        (None, None) => return Ok(builder.with_no_client_auth()),
        _ => {
            let why = "certificate and key only work together";
            return Err(TlsError::because("client certificate")(why));
        }
    };
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(certificate).collect();
    let chain = chain.map_err(TlsError::because("client certificate"))?;
    let key = PrivateKeyDer::from_pem_slice(key).map_err(TlsError::because("client key"))?;
    let config = builder.with_client_auth_cert(chain, key);
    config.map_err(TlsError::because("client certificate"))
}

fn roots(authority: Option<&[u8]>) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    let Some(authority) = authority else {
        let found = SYSTEM_AUTHORITIES
            .iter()
            .find_map(|path| fs::read(path).ok());
        let certificates = CertificateDer::pem_slice_iter(found.as_deref().unwrap_or_default());
        // One odd certificate among a distribution's hundreds takes nothing from the others.
        roots.add_parsable_certificates(certificates.flatten());
        return Ok(roots);
    };
    for certificate in CertificateDer::pem_slice_iter(authority) {
        let certificate = certificate.map_err(TlsError::because("certificate authority"))?;
        let added = roots.add(certificate);
        added.map_err(TlsError::because("certificate authority"))?;
    }
    Ok(roots)
}

/// TLS to a server whose certificate is not looked at: for probes and hooks of scheme HTTPS, since
/// a pod's certificate is for its clients, and upstream does not verify it either.
///
/// # Panics
/// Never: ring speaks rustls' default versions.
#[must_use]
pub fn unverified_tls() -> ClientConfig {
    let provider = Arc::new(ring::default_provider());
    ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .expect("ring speaks rustls' default versions")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(TrustAnyone(provider)))
        .with_no_client_auth()
}

/// Any server will do: the user of a kubeconfig has said so, or it is a pod's own.
#[derive(Debug)]
struct TrustAnyone(Arc<CryptoProvider>);

impl ServerCertVerifier for TrustAnyone {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(
            message,
            cert,
            dss,
            &self.0.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(
            message,
            cert,
            dss,
            &self.0.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
